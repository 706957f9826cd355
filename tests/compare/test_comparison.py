"""What is compared: metrics, order, the selected cell, and the rows that csv files and DataFrames hold."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from clozelab.compare.comparison import Comparison, compare, flat
from clozelab.errors import ConfigError

MakeRun = Callable[..., Path]


def order(comparison: Comparison) -> list[str]:
    return [cell.hash[-1] for cell in comparison.cells]


def test_the_metrics_are_the_one_of_the_selection_and_its_test_value(study: Path) -> None:
    found = compare([study])
    assert found.metrics == ["val/accuracy", "test/accuracy"]
    assert order(found) == ["3", "2", "1", "5"], "best on validation first"
    assert [cell.hash for cell in found.selected] == ["00000003"]
    assert found.contrasts == []


def test_metrics_may_be_named_with_or_without_their_split(study: Path) -> None:
    assert compare([study], metrics=["test/accuracy"]).metrics == ["test/accuracy"]
    assert compare([study], metrics=["accuracy", "val/accuracy"]).metrics == ["val/accuracy", "test/accuracy"]


def test_the_direction_of_a_sort_is_known_from_the_metric(tmp_path: Path, make_run: MakeRun) -> None:
    for name, loss, f1 in (("1", 1.0, 0.5), ("2", 3.0, 0.9), ("3", 2.0, 0.7)):
        make_run(tmp_path, f"a-0000000{name}", 1, metrics={"val/accuracy": 0.5, "val/loss": loss, "val/f1": f1})
    assert order(compare([tmp_path], sort="loss")) == ["1", "3", "2"]
    assert order(compare([tmp_path], sort="val/f1")) == ["2", "3", "1"]
    assert order(compare([tmp_path])) == ["1", "2", "3"]


def test_cells_of_different_corpora_stand_in_groups_and_the_best_of_each_is_first(
    tmp_path: Path, make_run: MakeRun
) -> None:
    for name, accuracy, corpus in (("1", 0.1, "x"), ("2", 0.9, "y"), ("3", 0.2, "x"), ("4", 0.8, "y")):
        identity = {"data.validation": corpus}
        make_run(tmp_path, f"a-0000000{name}", 1, metrics={"val/accuracy": accuracy}, identity=identity)
    make_run(tmp_path, "a-00000000", 1, status="failed")
    assert order(compare([tmp_path])) == ["3", "1", "2", "4", "0"]
    assert order(compare([tmp_path], sort="accuracy")) == ["2", "4", "3", "1", "0"]


def test_a_sort_by_a_test_metric_selects_no_other_cell(tmp_path: Path, make_run: MakeRun) -> None:
    for name, test in (("1", 0.1), ("2", 0.9)):
        make_run(tmp_path, f"a-0000000{name}", 1, metrics={"val/accuracy": 0.5, "test/accuracy": test})
    found = compare([tmp_path], sort="test/accuracy")
    assert order(found) == ["2", "1"]
    assert [cell.hash for cell in found.selected] == ["00000001"]


def test_filters_come_before_everything_else(study: Path) -> None:
    found = compare([study], filters=["lr=2e-5"])
    assert (order(found), found.columns, found.selected) == (["2"], [], [])


def test_tests_are_of_the_metrics_shown_and_rather_of_the_test_split(study: Path) -> None:
    assert {row.metric for row in compare([study], against="00000001").contrasts} == {"test/accuracy"}
    shown = compare([study], metrics=["val/accuracy"], against="00000001").contrasts
    assert {row.metric for row in shown} == {"val/accuracy"}


def test_of_cells_of_several_tasks_only_shared_metrics_are_tested(study: Path, make_run: MakeRun) -> None:
    metrics = {"val/pearson": 0.5, "test/pearson": 0.5}
    make_run(study, "a-00000009", 1, metrics=metrics, selection="val/pearson")
    found = compare([study], against="00000001")
    assert sorted(found.metrics) == ["test/accuracy", "test/pearson", "val/accuracy", "val/pearson"]
    assert {row.metric for row in found.contrasts} == {"test/accuracy"}
    with pytest.raises(ConfigError, match="--against 00000009: no other cell has test/pearson"):
        compare([study], against="00000009", metrics=["pearson"])


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"metrics": ["acuracy"]}, "--metrics acuracy: no such metric. Did you mean 'accuracy'? Metrics: "),
        ({"sort": "recall"}, "of one split: val/"),
        ({"sort": "test/acc"}, "--sort test/acc: no such metric. Did you mean 'test/accuracy'?"),
        ({"against": "00000004"}, "00000004: no such cell. Did you mean '0000000"),
        ({"filters": ["lr=1"]}, "--filter lr=1: no cell has it"),
    ],
)
def test_what_is_not_there_is_explained(study: Path, option: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        compare([study], **option)  # type: ignore[arg-type]
    assert message in str(error.value)


def test_without_a_finished_run_it_says_how_they_stand(tmp_path: Path, make_run: MakeRun) -> None:
    make_run(tmp_path, "a-00000001", 1, status="interrupted")
    with pytest.raises(ConfigError, match=r"no finished run: .*seed-1 is interrupted; its command, typed again"):
        compare([tmp_path])
    with (
        FileLock(make_run(tmp_path, "a-00000000", 1, status="running") / ".lock"),
        pytest.raises(ConfigError, match=r"no finished run: .*seed-1 is running; wait for it"),
    ):
        compare([tmp_path])


def test_flat_rows_have_everything_at_full_precision(study: Path) -> None:
    rows = flat(compare([study], against="00000001"))
    first, last = rows[0], rows[-1]
    assert list(first)[:10] == [
        "cell", "study", "selected", "group", "lr", "n", "seeds", "val/accuracy", "val/accuracy std",
        "val/accuracy low",
    ]  # fmt: skip
    assert (first["cell"], first["selected"], first["lr"], first["n"], first["seeds"]) == (
        "00000003", True, 3e-5, 3, "1 2 3",
    )  # fmt: skip
    assert first["test/accuracy difference"] == pytest.approx(first["test/accuracy"] - rows[2]["test/accuracy"])
    assert first["test/accuracy t test"] == "paired t"
    assert first["test/accuracy p t"] <= first["test/accuracy p t holm"]
    assert rows[2]["test/accuracy difference"] is None, "the baseline itself"
    assert math.isnan(last["test/accuracy std"])
    assert last["notes"] == "seed 1 failed; seed 3 missing; n = 1"
    assert all(row.keys() == first.keys() for row in rows)


def test_a_row_names_the_group_in_which_its_metrics_compare(tmp_path: Path, make_run: MakeRun) -> None:
    make_run(tmp_path, "a-00000001", 1, metrics={"val/accuracy": 0.5})
    make_run(tmp_path, "b-00000002", 1, metrics={"val/pearson": 0.5}, selection="val/pearson")
    make_run(tmp_path, "c-00000003", 1, metrics={"val/accuracy": 0.7})
    make_run(tmp_path, "d-00000004", 1, status="failed")
    rows = flat(compare([tmp_path]))
    assert [(row["cell"][-1], row["group"]) for row in rows] == [("3", 1), ("1", 1), ("2", 2), ("4", None)]
