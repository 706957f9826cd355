"""What each example adds to a metric: the parts that tests over examples resample, from a run's predictions."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from clozelab.compare.read import Record
from clozelab.compare.significance import Floats, Score
from clozelab.errors import ConfigError
from clozelab.metrics.entities import MODES, EntityCounter, Mode, is_iob2

SPLITS = {"val": "validation"}
"""Prefix of metrics of a split whose file is called otherwise."""

TOLERANCE = 1e-4
"""By which a metric made of parts may differ from the stored one, relatively: losses are stored in float32."""


@dataclass(frozen=True, slots=True)
class Predictions:
    """Predictions of a split.

    Attributes:
        examples: what identifies the examples and their gold labels.
        starts: (targets,) whether a target is the first of its example; an example has one or more.
        gold: (targets,) label ids, or numbers.
        predicted: (targets,) label ids, or numbers.
        loss: (targets,).
        labels: names of the label ids; none of numbers.
    """

    examples: pa.Table
    starts: NDArray[np.bool_]
    gold: NDArray[Any]
    predicted: NDArray[Any]
    loss: Floats
    labels: list[str]

    def sums(self, parts: Floats) -> Floats:
        """Returns the sum of parts of targets, (targets, k), in every example, (examples, k)."""
        return np.add.reduceat(parts, np.flatnonzero(self.starts), axis=0)


def has_predictions(run: Record, split: str) -> bool:
    """Says whether a run has predictions of a split."""
    return _path(run, split).exists()


def read_predictions(run: Record, split: str) -> Predictions:
    """Returns the predictions of a run.

    Raises:
        ConfigError: if it has none of that split, or a damaged file.
    """
    path = _path(run, split)
    if not path.exists():
        raise ConfigError(f"{path}: no predictions of this split; they cannot be compared example by example")
    try:
        return _parsed(pq.read_table(path), run)
    except (OSError, KeyError, UnicodeError, pa.ArrowInvalid) as error:
        raise ConfigError(f"{str(path)!r}: damaged, cannot be read: {str(error).splitlines()[0]}") from error


def _path(run: Record, split: str) -> Path:
    return run.folder / "predictions" / f"{SPLITS.get(split, split)}.parquet"


def _parsed(table: pa.Table, run: Record) -> Predictions:
    columns = {name: table[name].combine_chunks() for name in ("gold", "prediction", "loss")}
    starts = np.ones(len(table), dtype=bool)
    if pa.types.is_list(columns["gold"].type):
        lengths = columns["gold"].value_lengths().to_numpy()
        starts = np.zeros(int(lengths.sum()), dtype=bool)
        starts[np.cumsum(lengths) - lengths] = True
        columns = {name: column.flatten() for name, column in columns.items()}
    examples = table.drop_columns([n for n in ("prediction", "score", "loss") if n in table.column_names])
    gold, predicted, loss = columns["gold"], columns["prediction"], _array(columns["loss"], np.float64)
    if not pa.types.is_string(gold.type):
        return Predictions(examples, starts, _array(gold, np.float64), _array(predicted, np.float64), loss, [])
    # Those of the run come first: what is not predicted is a class, too. Tokens are labels that the run does not list.
    seen = {*gold.unique().to_pylist(), *predicted.unique().to_pylist()}
    labels = [*(known := run.state.get("labels", [])), *sorted(seen - set(known))]
    ids = [_array(pc.index_in(column, pa.array(labels)), np.int64) for column in (gold, predicted)]
    return Predictions(examples, starts, ids[0], ids[1], loss, labels)


def aligned(reads: Sequence[Predictions]) -> list[Predictions]:
    """Returns the predictions of several runs with label ids that mean the same in all: each may know other labels."""
    labels = list(dict.fromkeys(name for read in reads for name in read.labels))
    place = {name: i for i, name in enumerate(labels)}
    found = []
    for read in reads:
        ids = np.array([place[name] for name in read.labels], dtype=np.int64)
        same = read if ids.size == 0 else replace(read, gold=ids[read.gold], predicted=ids[read.predicted])
        found.append(replace(same, labels=labels))
    return found


def _array(column: pa.Array, dtype: type[np.generic]) -> NDArray[Any]:
    return np.asarray(column).astype(dtype)


def decompose(metric: str, run: Record, read: Predictions) -> tuple[Floats, Score]:
    """Returns the parts of a run, (examples, k), and the metric as a function of their sums.

    Args:
        metric: such as `test/f1_conlleval`.
        run: to check the metric against.
        read: its predictions of the metric's split.

    Raises:
        ConfigError: if the metric is not a function of sums over examples, not a finite number, or not the one stored.
    """
    name = metric.partition("/")[2]
    found = _decomposed(name, read)
    if found is None:
        raise ConfigError(
            f"{metric}: cannot be computed anew on resampled predictions; choose another with --metrics, such as the "
            "accuracy, an F1, a loss or Pearson's correlation"
        )
    parts, score = found
    value, stored = float(score(parts.sum(0))), run.metrics[metric]
    if not math.isfinite(stored):
        raise ConfigError(f"{metric}: is {stored} in {run.folder}; no test has an answer to that")
    if not np.isclose(value, stored, rtol=TOLERANCE, atol=TOLERANCE):
        raise ConfigError(f"{metric}: the predictions of {run.folder} give {value:.6g}, its metrics say {stored:.6g}")
    return parts, score


def _decomposed(name: str, read: Predictions) -> tuple[Floats, Score] | None:
    kind, _, of = name.partition("/")
    ones = np.ones(len(read.starts))
    if kind in ("loss", "perplexity"):
        return read.sums(np.stack([read.loss, ones], 1)), _perplexity if kind == "perplexity" else _mean
    if kind in ("accuracy", "masked_accuracy"):
        return read.sums(np.stack([(read.gold == read.predicted).astype(float), ones], 1)), _mean
    if not read.labels:
        return _numbers(kind, read, ones)
    score, _, mode = kind.partition("_")
    for known in MODES:
        if mode == known and score in RATIOS and is_iob2(read.labels):
            return _entities(known, of, read), RATIOS[score]
    if of in read.labels and kind in RATIOS:
        label = read.labels.index(of)
        gold, predicted = read.gold == label, read.predicted == label
        return read.sums(np.stack([gold, predicted, gold & predicted], 1).astype(float)), RATIOS[kind]
    return (_classes(read), _OF_CLASSES[kind]) if kind in _OF_CLASSES else None


def _numbers(kind: str, read: Predictions, ones: Floats) -> tuple[Floats, Score] | None:
    # Centred at the same place in every run, so that the sums of squares keep their digits.
    x, y = (values - read.gold.mean() for values in (read.gold, read.predicted))
    if kind == "mse":
        return read.sums(np.stack([(x - y) ** 2, ones], 1)), _mean
    return (read.sums(np.stack([ones, x, y, x * x, y * y, x * y], 1)), _pearson) if kind == "pearson" else None


def _entities(mode: Mode, of: str, read: Predictions) -> Floats:
    counter = EntityCounter(labels=read.labels)
    counts = counter.count_by_sentence(read.gold, read.predicted, read.starts, mode).astype(np.float64)
    if not of:
        return counts.sum(1)
    return counts[:, counter.types.index(of)] if of in counter.types else np.zeros((len(counts), 3))


def _classes(read: Predictions) -> Floats:
    """Returns of every example the gold, predicted and right targets of each class, (examples, 3 * classes)."""
    gold, predicted = (values[:, None] == np.arange(len(read.labels)) for values in (read.gold, read.predicted))
    return read.sums(np.concatenate([gold, predicted, gold & predicted], axis=1).astype(np.float64))


def _divide(a: Floats, b: Floats) -> Floats:
    """Returns a / b, 0 where b is 0, as all metrics have it."""
    return np.divide(a, b, out=np.zeros(np.broadcast(a, b).shape), where=b > 0)


def _mean(sums: Floats) -> Floats:
    return _divide(sums[..., 0], sums[..., 1])


def _perplexity(sums: Floats) -> Floats:
    return np.asarray(np.exp(np.minimum(_mean(sums), 700)))


def _pearson(sums: Floats) -> Floats:
    n, x, y, xx, yy, xy = np.moveaxis(sums, -1, 0)
    spread = np.maximum(n * xx - x * x, 0) * np.maximum(n * yy - y * y, 0)
    return _divide(n * xy - x * y, np.sqrt(spread))


def _macro_f1(sums: Floats) -> Floats:
    gold, predicted, right = np.split(sums, 3, axis=-1)
    occurs = (gold + predicted > 0).sum(-1)
    return _divide(_divide(2 * right, gold + predicted).sum(-1), occurs)


def _matthews(sums: Floats) -> Floats:
    gold, predicted, right = np.split(sums, 3, axis=-1)
    n = gold.sum(-1)
    spread = (n**2 - (gold**2).sum(-1)) * (n**2 - (predicted**2).sum(-1))
    return _divide(right.sum(-1) * n - (gold * predicted).sum(-1), np.sqrt(np.maximum(spread, 0)))


RATIOS: dict[str, Callable[[Floats], Floats]] = {
    "precision": lambda sums: _divide(sums[..., 2], sums[..., 1]),
    "recall": lambda sums: _divide(sums[..., 2], sums[..., 0]),
    "f1": lambda sums: _divide(2 * sums[..., 2], sums[..., 0] + sums[..., 1]),
}
"""Functions of gold, predicted and correct, (..., 3)."""

_OF_CLASSES: dict[str, Score] = {"macro_f1": _macro_f1, "mcc": _matthews}
