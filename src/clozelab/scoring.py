"""Scoring a split with the weights a model has: the metrics, every prediction, and what went wrong."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytorch_lightning as pl

from clozelab.data.module import DataModule
from clozelab.errors import DataError
from clozelab.metrics.errors import Tagged, analyse, surface_forms
from clozelab.store.cache import atomic_write
from clozelab.task.base import Task
from clozelab.types import Scored

EVALUATED = ("validation", "test")
"""Splits that are scored, in this order."""


def score_all(trainer: pl.Trainer, task: Task, data: DataModule, folder: Path) -> dict[str, float]:
    """Scores both splits; writes predictions/ and errors.json into `folder`.

    Returns:
        Metrics of both, as `val/...` and `test/...`.

    Raises:
        DataError: if the number of scored words is not the number of words in the file.
    """
    metrics: dict[str, float] = {}
    errors: dict[str, Any] = {}
    seen = _entities_of_training(data)
    for split in EVALUATED:
        metrics.update(_score(split, trainer, task, data))
        write_predictions(folder / "predictions" / f"{split}.parquet", task.scored, data, split)
        errors[split] = analyse(_tagged(task.scored, data, split), seen)
    atomic_write(folder / "errors.json", json.dumps(errors, indent=1, ensure_ascii=False) + "\n")
    return metrics


def _score(split: str, trainer: pl.Trainer, task: Task, data: DataModule) -> dict[str, float]:
    if split == "validation":
        trainer.validate(task, datamodule=data, verbose=False)
    else:
        trainer.test(task, datamodule=data, verbose=False)
    if len(task.scored.gold) != data.num_words(split):
        raise DataError(f"{split}: {len(task.scored.gold)} words scored of {data.num_words(split)} in the file")
    task.cross_check(task.scored, {name.partition("/")[2]: value for name, value in task.results.items()})
    return task.results


def _tagged(scored: Scored, data: DataModule, split: str) -> Tagged:
    starts = scored.sentence_starts()
    sentences = scored.sentence[starts].tolist()
    words = [word for sentence in sentences for word in data.splits[split].words(sentence)]
    return Tagged(data.spec.labels, scored.gold, scored.predicted, starts, words, scored.loss)


def _entities_of_training(data: DataModule) -> frozenset[tuple[str, ...]]:
    train = data.splits["train"]
    chosen = data.sentences["train"].tolist()
    words = [train.words(sentence) for sentence in chosen]
    starts = np.concatenate([np.arange(len(sentence)) == 0 for sentence in words])
    tags = np.concatenate([train.tags(sentence) for sentence in chosen])
    return surface_forms(tags, starts, [word for sentence in words for word in sentence], data.spec.labels)


def write_predictions(path: Path, scored: Scored, data: DataModule, split: str) -> None:
    """Writes one row a sentence: id, words, and of each word gold, prediction, its probability and loss in nats."""
    path.parent.mkdir(parents=True, exist_ok=True)
    starts = scored.sentence_starts().nonzero()[0].tolist()
    labels = pa.array(data.spec.labels)
    offsets = pa.array([*starts, len(scored.gold)], pa.int32())
    ids = [int(scored.sentence[start]) for start in starts]

    def by_sentence(values: Any) -> pa.ListArray:
        return pa.ListArray.from_arrays(offsets, values)

    table = pa.table({
        "id": ids,
        "words": [data.splits[split].words(i) for i in ids],
        "gold": by_sentence(labels.take(pa.array(scored.gold))),
        "prediction": by_sentence(labels.take(pa.array(scored.predicted))),
        "score": by_sentence(pa.array(scored.score)),
        "loss": by_sentence(pa.array(scored.loss)),
    })  # fmt: skip
    pq.write_table(table, path)
