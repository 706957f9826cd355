"""The parts of a run's examples give its metrics back, whatever the metric."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy import stats
from seqeval.metrics import f1_score
from seqeval.scheme import IOB2

from clozelab.compare.predictions import decompose, read_predictions
from clozelab.compare.read import Record, read_runs
from clozelab.errors import ConfigError
from clozelab.metrics.classes import class_metrics
from clozelab.metrics.numbers import number_metrics

MakeRun = Callable[..., Path]
RNG = np.random.default_rng(4)


def write(folder: Path, metrics: dict[str, float], labels: Iterable[str], **columns: object) -> Record:
    """Writes a test split; returns the run with its metrics, and read anew."""
    (folder / "predictions").mkdir()
    count = len(columns["gold"])  # type: ignore[arg-type]
    pq.write_table(pa.table({"id": list(range(count)), **columns}), folder / "predictions" / "test.parquet")
    state = json.loads((folder / "run.json").read_text()) | {"labels": list(labels)}
    (folder / "run.json").write_text(json.dumps(state))
    (folder / "metrics.json").write_text(json.dumps({f"test/{name}": value for name, value in metrics.items()}))
    return read_runs([folder])[0]


def test_every_score_of_entities_is_given_back_by_its_parts(finished_run: Path) -> None:
    (run,) = read_runs([finished_run])
    names = [name for name in run.metrics if "macro_f1" not in name]
    assert len(names) > 30
    for name in [*names, "val/macro_f1", "test/macro_f1"]:
        parts, score = decompose(name, run, read_predictions(run, name.partition("/")[0]))
        assert len(parts) == 20, "sentences"
        assert score(parts.sum(0)) == pytest.approx(run.metrics[name], abs=1e-5)


@pytest.mark.parametrize(("mode", "options"), [("conlleval", {}), ("strict", {"mode": "strict", "scheme": IOB2})])
def test_f1_of_a_resample_of_sentences_is_seqevals(
    mode: str, options: dict[str, Any], tmp_path: Path, make_run: MakeRun
) -> None:
    labels = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
    gold, predicted = ([list(RNG.choice(labels, n)) for n in range(1, 31)] for _ in range(2))
    metrics = {f"f1_{mode}": f1_score(gold, predicted, **options)}
    loss = [[0.0] * len(tags) for tags in gold]
    run = write(make_run(tmp_path, "a", 1), metrics, labels, gold=gold, prediction=predicted, loss=loss)
    parts, score = decompose(f"test/f1_{mode}", run, read_predictions(run, "test"))
    for drawn in RNG.integers(30, size=(5, 30)):
        reference = f1_score([gold[i] for i in drawn], [predicted[i] for i in drawn], **options)
        assert score(parts[drawn].sum(0)) == pytest.approx(reference)


def test_every_score_of_texts_is_given_back_by_its_parts(tmp_path: Path, make_run: MakeRun) -> None:
    labels = ["a", "b", "never", "c"]
    gold, predicted = (RNG.choice([0, 1, 3], 100) for _ in range(2))
    metrics = class_metrics(labels, gold, predicted, np.full(100, 0.5, np.float32)) | {"loss": 0.25}
    columns = {name: [labels[i] for i in ids] for name, ids in (("gold", gold), ("prediction", predicted))}
    run = write(make_run(tmp_path, "a", 1), metrics, labels, **columns, loss=np.full(100, 0.25, np.float32))
    read = read_predictions(run, "test")
    for name in metrics:
        if name != "ece":
            parts, score = decompose(f"test/{name}", run, read)
            assert score(parts.sum(0)) == pytest.approx(metrics[name])


def numbers(folder: Path, size: int = 80) -> Record:
    """Returns a run that predicts numbers far from zero."""
    gold = (RNG.normal(1000, 1, size)).astype(np.float32)
    predicted = (gold + RNG.normal(5, 1, size)).astype(np.float32)
    metrics = number_metrics(gold, predicted)
    return write(folder, metrics, [], gold=gold, prediction=predicted, loss=(gold - predicted) ** 2)


def test_scores_of_numbers_are_given_back_by_their_parts(tmp_path: Path, make_run: MakeRun) -> None:
    run = numbers(make_run(tmp_path, "a", 1))
    read = read_predictions(run, "test")
    for name in ("pearson", "mse"):
        parts, score = decompose(f"test/{name}", run, read)
        assert score(parts.sum(0)) == pytest.approx(run.metrics[f"test/{name}"], rel=1e-5)
    drawn = RNG.integers(80, size=80)
    parts, score = decompose("test/pearson", run, read)
    reference = stats.pearsonr(read.gold[drawn], read.predicted[drawn])[0]
    assert score(parts[drawn].sum(0)) == pytest.approx(reference)


def test_a_resample_of_one_example_has_no_correlation(tmp_path: Path, make_run: MakeRun) -> None:
    run = numbers(make_run(tmp_path, "a", 1))
    parts, score = decompose("test/pearson", run, read_predictions(run, "test"))
    assert score(80 * parts[0]) == 0


def test_masked_tokens_are_parts_of_their_passages(tmp_path: Path, make_run: MakeRun) -> None:
    metrics = {"perplexity": float(np.exp(2.0)), "masked_accuracy": 2 / 3, "loss": 2.0}
    columns = {"gold": [["a", "b"], ["c"]], "prediction": [["a", "d"], ["c"]], "loss": [[1.0, 2.0], [3.0]]}
    run = write(make_run(tmp_path, "a", 1), metrics, [], **columns, positions=[[3, 4], [1]])
    for name in metrics:
        parts, score = decompose(f"test/{name}", run, read_predictions(run, "test"))
        assert parts.shape == (2, 2)
        assert score(parts.sum(0)) == pytest.approx(metrics[name])


def test_a_metric_that_is_no_function_of_sums_is_refused(tmp_path: Path, make_run: MakeRun) -> None:
    run = numbers(make_run(tmp_path, "a", 1))
    with pytest.raises(ConfigError, match="test/spearman: cannot be computed anew on resampled predictions; choose"):
        decompose("test/spearman", run, read_predictions(run, "test"))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_metric_that_is_not_finite_is_refused(value: float, tmp_path: Path, make_run: MakeRun) -> None:
    columns = {"gold": ["a", "b"], "prediction": ["a", "a"], "loss": [1.0, value]}
    run = write(make_run(tmp_path, "a", 1), {"loss": value}, ["a", "b"], **columns)
    with pytest.raises(ConfigError, match=f"test/loss: is {value} in .*seed-1; no test has an answer to that"):
        decompose("test/loss", run, read_predictions(run, "test"))


def test_predictions_that_do_not_give_the_stored_metric_are_refused(study: Path) -> None:
    run = read_runs([study / "texts-lr=3e-05-00000003"])[0]
    run.metrics["test/accuracy"] += 0.01
    with pytest.raises(ConfigError, match=r"test/accuracy: the predictions of .* give 0.85, its metrics say 0.86"):
        decompose("test/accuracy", run, read_predictions(run, "test"))


def test_a_split_without_predictions_is_named(study: Path) -> None:
    run = read_runs([study / "texts-lr=5e-05-00000005" / "seed-2"])[0]
    with pytest.raises(ConfigError, match=r"validation\.parquet: no predictions of this split"):
        read_predictions(run, "val")
