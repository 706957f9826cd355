"""The page says the same as the table of the terminal, and every value is one that JSON can hold."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clozelab.compare import grids
from clozelab.compare.comparison import compare
from clozelab.report.content import content

RunAt = Callable[..., Path]
StudyAt = Callable[..., Path]


def found(*paths: Path, **options: Any) -> dict[str, Any]:
    whole = content(compare(paths, **options))
    json.dumps(whole, allow_nan=False)
    return whole


def test_the_table_is_that_of_the_terminal(tmp_path: Path, study_at: StudyAt) -> None:
    study = study_at(tmp_path / "grid")
    table = found(study)["table"]
    grid = grids.cells(compare([study]), "\n")
    assert (table["header"], table["rows"], table["about"]) == (grid.header, grid.rows, grid.about)
    assert {len(row) for row in (*table["rows"], *table["values"])} == {len(table["header"])}
    assert [row[0] for row, chosen in zip(table["rows"], table["selected"], strict=True) if chosen] == ["00000003 *"]
    lr, accuracy = table["header"].index("lr"), table["header"].index("val/accuracy")
    assert table["values"][0][lr] == 1e-4
    assert table["values"][0][accuracy] == pytest.approx(0.815)
    assert table["values"][-1][accuracy] is None  # of the cell that failed


def test_the_headline_is_the_number_to_report(tmp_path: Path, study_at: StudyAt) -> None:
    (headline,) = found(study_at(tmp_path / "grid"))["headline"]
    assert headline["metric"] == "test/accuracy"
    assert headline["selection"] == "val/accuracy"
    assert headline["value"].startswith("0.7950 ± 0.0071 [")
    assert headline["n"] == 2
    assert headline["cell"].startswith("00000003 ")
    assert headline["notes"] == []


def test_seeds_that_the_number_to_report_lacks_stand_beside_it(tmp_path: Path, study_at: StudyAt) -> None:
    study = study_at(tmp_path / "grid")
    shutil.rmtree(study / "cell-00000003" / "seed-2")
    (headline,) = found(study)["headline"]
    assert (headline["n"], headline["notes"]) == (1, ["seed 2 missing"])


def test_of_a_single_run_there_is_a_headline_too_and_nothing_that_differs(tmp_path: Path, run_at: RunAt) -> None:
    run = run_at(
        tmp_path / "s" / "c-0000000a", 1, identity={"optimizer.lr": 1}, metrics={"val/loss": 1, "test/loss": 2}
    )
    whole = found(run)
    assert whole["headline"] == [
        {"cell": "0000000a", "metric": "test/loss", "selection": None, "value": "2.0000", "n": 1, "notes": []}
    ]  # fmt: skip
    assert whole["keys"] == []
    assert whole["differences"] == {"keys": [], "values": []}


def test_cells_that_nothing_chose_between_give_no_number_to_report(tmp_path: Path, run_at: RunAt) -> None:
    for k in range(2):
        identity = {"data.validation": f"file {k}"}
        run_at(tmp_path / "s" / f"c{k}", 1, identity=identity, metrics={"val/loss": 1.0, "test/loss": 2.0})
    assert found(tmp_path / "s")["headline"] == []


def test_cells_know_among_which_they_compare(tmp_path: Path, run_at: RunAt) -> None:
    for k, corpus in enumerate("xyx"):
        run_at(tmp_path / "s" / f"c{k}", 1, identity={"data.validation": corpus}, metrics={"val/loss": 1.0})
    run_at(tmp_path / "s" / "failed", 1, identity={"data.validation": "x"})
    cells = found(tmp_path / "s")["cells"]
    assert [(cell["hash"], cell["group"]) for cell in cells] == [("c0", 1), ("c2", 1), ("c1", 2), ("failed", None)]


def test_a_key_that_a_class_implies_is_a_difference_and_no_column(tmp_path: Path, run_at: RunAt) -> None:
    for k, model in enumerate(({"model._target_": "m.Bert", "model.layers": 4}, {"model._target_": "m.Hub"})):
        run_at(tmp_path / "s" / f"c{k}", 1, identity=model, metrics={"val/loss": 1.0})
    whole = found(tmp_path / "s")
    assert whole["table"]["header"] == ["cell", "model", "n", "val/loss", "notes"]
    assert [key["name"] for key in whole["keys"]] == ["model"]
    assert whole["differences"]["keys"] == ["model._target_", "model.layers"]


def test_metrics_know_their_direction_and_the_selection_comes_first(tmp_path: Path, study_at: StudyAt) -> None:
    metrics = found(study_at(tmp_path / "numbers", "numbers"), metrics=["test/mse"])["metrics"]
    assert [(metric["name"], metric["higher"]) for metric in metrics] == [("val/mse", False), ("test/mse", False)]
    assert len(metrics[0]["means"]) == 5


def test_differences_are_of_the_configuration_and_of_what_was_recorded(tmp_path: Path, study_at: StudyAt) -> None:
    whole = found(study_at(tmp_path / "grid"))
    differences = dict(zip(whole["differences"]["keys"], whole["differences"]["values"], strict=True))
    order = [cell["hash"] for cell in whole["cells"]]
    assert differences["optimizer.lr"][order.index("00000000")] == "1e-05"
    assert differences["code.commit"][order.index("00000002")] == "c2"
    assert differences["code.commit"][order.index("0000000f")] == "-"
    assert "hardware.processor" not in differences  # the same everywhere


def test_seeds_that_were_made_otherwise_are_shown_side_by_side(tmp_path: Path, run_at: RunAt) -> None:
    for k, seed in ((0, 1), (0, 2), (1, 1)):
        run_at(tmp_path / "s" / f"c{k}", seed, identity={}, metrics={"val/loss": 1.0}, code={"commit": f"c{seed}"})
    assert found(tmp_path / "s")["differences"] == {"keys": ["code.commit"], "values": [["c1, c2", "c1"]]}


def test_tests_against_a_cell_are_shown(tmp_path: Path, study_at: StudyAt) -> None:
    study = study_at(tmp_path / "numbers", "numbers")
    assert found(study)["tests"] == []
    tests = found(study, against="00000001")["tests"]
    assert [row[0] for row in tests[0]["rows"]] == ["00000000", "00000002", "00000003"]
    assert "minus 00000001" in tests[0]["about"][0]


def test_metrics_that_are_no_numbers_are_left_blank(tmp_path: Path, run_at: RunAt) -> None:
    for k, value in enumerate([float("nan"), float("inf"), 0.5]):
        identity = {"optimizer.lr": k}
        run_at(tmp_path / "s" / f"c{k}", 1, identity=identity, metrics={"val/accuracy": value, "test/accuracy": value})
    means = found(tmp_path / "s")["metrics"][0]["means"]
    assert sorted(means, key=str) == [0.5, None, None]


def test_of_a_thousand_runs_the_page_holds_a_part_and_says_so(tmp_path: Path, run_at: RunAt) -> None:
    history = [{"step": s, "train/loss": 1.0} for s in (1, 2)]
    for k in range(310):
        run_at(
            tmp_path / "s" / f"c-{k:08x}", 1, identity={"optimizer.lr": k}, history=history,
            metrics={"val/accuracy": k / 310, "test/accuracy": 0.5},
        )  # fmt: skip
    whole = found(tmp_path / "s", sort="test/accuracy")
    assert len(whole["table"]["rows"]) == 310
    assert len(whole["curves"]) == 300
    assert len(whole["mistakes"]) == 24
    selected = whole["table"]["selected"].index(True)
    assert selected > 24  # not among the first, yet looked at
    assert str(selected) in whole["mistakes"]
    assert len(whole["limits"]) == 2
