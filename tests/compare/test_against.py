"""One cell against the others: which runs belong together, and what is said where there is no test."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from clozelab.compare.against import METHODS, Contrast, contrast
from clozelab.compare.cells import Cell, find_cell, make_cells
from clozelab.compare.predictions import read_predictions
from clozelab.compare.read import read_runs
from clozelab.compare.seeds import holm
from clozelab.errors import ConfigError
from clozelab.metrics.classes import class_metrics

MakeRun = Callable[..., Path]
Predict = Callable[..., None]
ACCURACY = "test/accuracy"


def against(study: Path, word: str = "00000001", metric: str = ACCURACY) -> dict[str, Contrast]:
    cells = make_cells(read_runs([study]))
    return {row.cell.hash[-1]: row for row in contrast(find_cell(word, cells), cells, metric)}


def values(cell: Cell) -> list[float]:
    return cell.values(ACCURACY)


def test_a_real_difference_is_found_and_its_size_is_given(study: Path) -> None:
    rows = against(study)
    row = rows["3"]
    baseline = make_cells(read_runs([study]))[0]
    assert row.over_examples is not None
    assert row.over_seeds is not None
    expected = np.mean(values(row.cell)) - np.mean(values(baseline))
    assert row.over_examples.difference == pytest.approx(expected)
    assert row.over_examples.low < expected < row.over_examples.high
    assert max(row.adjusted["bootstrap"], row.adjusted["randomisation"], row.adjusted["t"]) < 0.01
    assert row.over_seeds.p == pytest.approx(stats.ttest_rel(values(row.cell), values(baseline)).pvalue)
    assert row.p["permutation"] == 0.25, "no less with three seeds"
    assert row.pairs == [(1, 1), (2, 2), (3, 3)]


def test_p_values_are_adjusted_for_the_number_of_cells(study: Path) -> None:
    rows = list(against(study).values())
    for method in METHODS:
        expected = holm([row.p[method] for row in rows])
        assert [row.adjusted[method] for row in rows] == pytest.approx(expected, nan_ok=True)


def test_a_cell_without_predictions_still_has_its_seeds(study: Path) -> None:
    row = against(study)["5"]
    assert (row.over_examples, row.notes) == (None, ["no predictions"])
    assert row.over_seeds is not None
    assert row.over_seeds.method == "Welch"
    assert math.isnan(row.over_seeds.p), "of one seed"
    assert all(math.isnan(p) for p in row.p.values())


def test_only_shared_seeds_are_paired(tmp_path: Path, make_run: MakeRun, predict: Predict) -> None:
    for name, seeds in (("1", (1, 2, 3)), ("2", (2, 3, 4)), ("3", (7, 8)), ("4", (3, 9))):
        for seed in seeds:
            predict(make_run(tmp_path, f"a-0000000{name}", seed), [(i * seed * int(name)) % 7 > 2 for i in range(50)])
    rows = against(tmp_path)
    assert {name: row.pairs for name, row in rows.items()} == {
        "2": [(2, 2), (3, 3)], "3": [(7, 1), (8, 2)], "4": [(3, 3)],
    }  # fmt: skip
    assert {name: row.over_seeds.method for name, row in rows.items() if row.over_seeds} == {
        "2": "paired t", "3": "Welch", "4": "Welch",
    }  # fmt: skip
    assert {name: row.notes for name, row in rows.items()} == {
        "2": ["difference and tests are of seeds 2, 3 alone"],
        "3": ["difference and tests over the examples are of seeds 7, 8 against 1, 2 alone"],
        "4": ["difference and tests over the examples are of seed 3 alone"],
    }


def test_a_metric_that_is_not_finite_is_never_a_real_difference(study: Path) -> None:
    for path in study.glob("*/*/metrics.json"):
        lost = "00000003" in str(path) and "seed-2" in str(path)
        metrics = json.loads(path.read_text())
        path.write_text(json.dumps(metrics | {"test/loss": math.nan if lost else 0.25}))
    rows = against(study, metric="test/loss")
    assert all(math.isnan(p) for p in (*rows["3"].p.values(), *rows["3"].adjusted.values()))
    assert "test/loss: is nan in " in rows["3"].notes[0]
    assert rows["2"].p["permutation"] == 1


def test_a_difference_that_is_the_same_of_every_seed_has_no_t_test(
    tmp_path: Path, make_run: MakeRun, predict: Predict
) -> None:
    for name, wrong in (("1", 5), ("2", 8)):
        for seed in (1, 2):
            predict(make_run(tmp_path, f"a-0000000{name}", seed), [(i + seed) % 50 >= wrong for i in range(50)])
    row = against(tmp_path)["2"]
    assert row.notes == ["no t test: the seeds have no spread"]
    assert math.isnan(row.p["t"])
    assert row.p["permutation"] == 0.5


def test_cells_that_know_other_labels_are_compared_by_what_labels_mean(
    tmp_path: Path, make_run: MakeRun, predict: Predict
) -> None:
    for name, labels in (("1", ["no", "yes"]), ("2", ["maybe", "yes", "no"])):
        for seed in (1, 2):
            run = make_run(tmp_path, f"a-0000000{name}", seed)
            predict(run, [(i * seed) % (3 + int(name)) > 0 for i in range(40)])
            state = json.loads((run / "run.json").read_text())
            (run / "run.json").write_text(json.dumps(state | {"labels": labels}))
            (own,) = read_runs([run])
            read = read_predictions(own, "test")
            metrics = class_metrics(read.labels, read.gold, read.predicted, np.ones(40, np.float32))
            (run / "metrics.json").write_text(json.dumps({f"test/{key}": value for key, value in metrics.items()}))
    for metric in ("test/macro_f1", "test/mcc"):
        row = against(tmp_path, metric=metric)["2"]
        assert row.notes == []
        assert row.over_examples is not None
        assert row.over_examples.difference == pytest.approx(
            row.cell.mean(metric) - find_cell("00000001", make_cells(read_runs([tmp_path]))).mean(metric)
        )


def test_damaged_predictions_are_named(study: Path) -> None:
    path = study / "texts-lr=3e-05-00000003" / "seed-2" / "predictions" / "test.parquet"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ConfigError, match=r"seed-2/predictions/test\.parquet': damaged, cannot be read: "):
        against(study)


def test_cells_with_other_test_examples_are_not_compared(study: Path, make_run: MakeRun, predict: Predict) -> None:
    predict(make_run(study, "a-00000009", 1), [True] * 200, first=1)
    row = against(study)["9"]
    assert (row.over_examples, row.over_seeds, row.notes) == (None, None, ["other test examples"])


def test_if_no_cell_can_be_compared_that_is_the_users_mistake(
    tmp_path: Path, make_run: MakeRun, predict: Predict
) -> None:
    predict(make_run(tmp_path, "a-00000001", 1), [True] * 20)
    with pytest.raises(ConfigError, match="--against 00000001: no other cell has test/accuracy; give more cells"):
        against(tmp_path)
    predict(make_run(tmp_path, "a-00000002", 1), [True] * 30)
    with pytest.raises(ConfigError, match="--against 00000001: other test examples in every other cell"):
        against(tmp_path)


def test_a_baseline_without_predictions_or_metric_is_refused(study: Path) -> None:
    with pytest.raises(ConfigError, match=r"seed-2/predictions/test\.parquet: no predictions of this split"):
        against(study, "00000005")
    with pytest.raises(ConfigError, match="--against 00000001: no completed run of it has test/f1"):
        against(study, metric="test/f1")


def test_a_metric_that_cannot_be_resampled_still_has_its_seeds(study: Path) -> None:
    for path in study.glob("*/*/metrics.json"):
        metrics = json.loads(path.read_text())
        path.write_text(json.dumps(metrics | {"test/spearman": metrics["test/accuracy"]}))
    row = against(study, metric="test/spearman")["3"]
    assert row.over_examples is None
    assert row.notes[0].startswith("test/spearman: cannot be computed anew")
    assert row.p["t"] < 0.01


def test_validation_predictions_serve_a_validation_metric(study: Path) -> None:
    for path in study.glob("*/*/predictions/test.parquet"):
        path.unlink()
    assert against(study, metric="val/accuracy")["3"].p["bootstrap"] < 0.01
