"""What a table says: texts of numbers, what stands below it, and its shapes where there is little room."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clozelab.compare import grids
from clozelab.compare.comparison import Comparison, compare
from clozelab.compare.grids import Grid
from clozelab.compare.seeds import Summary

MakeRun = Callable[..., Path]
Predict = Callable[..., None]


def about(*paths: Path, **options: Any) -> list[str]:
    return grids.cells(compare(paths, **options), " ").about


def test_columns_are_cell_keys_seeds_metrics_and_notes(study: Path) -> None:
    grid = grids.cells(compare([study]), "\n")
    assert grid.header == ["cell", "lr", "n", "val/accuracy", "test/accuracy", "notes"]
    assert (grid.words, list(grid.settings), list(grid.metrics)) == ({0, 1, 5}, [1], [3, 4])
    assert grid.rows[0][:3] == ["00000003 *", "3e-05", "3"]
    assert grid.rows[0][5] == ""
    assert grid.rows[3] == ["00000005", "5e-05", "1", "0.5000", "0.4000", "seed 1 failed\nseed 3 missing\nn = 1"]
    assert grids.cells(compare([study]), " ").rows[3][5] == "seed 1 failed; seed 3 missing; n = 1"


def test_without_anything_to_note_there_is_no_column_of_notes(study: Path) -> None:
    grid = grids.cells(compare([study], filters=["lr=2e-5"]), "\n")
    assert grid.header == ["cell", "n", "val/accuracy", "test/accuracy"]
    assert list(grid.settings) == []


NAN = math.nan


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (None, "-"),
        (Summary(1, 0.5, NAN, NAN, NAN), "0.5000"),
        (Summary(3, 0.5, 0.01, 0.49, 0.51), "0.5000 ± 0.0100 [0.4900, 0.5100]"),
        (Summary(2, 1234.56, 100.0, 1134.5, 1334.56), "1234.6 ± 100.0 [1134.5, 1334.6]"),
        (Summary(2, NAN, NAN, NAN, NAN), "nan"),
        (Summary(2, math.inf, NAN, NAN, NAN), "inf"),
    ],
)
def test_a_metric_is_mean_spread_and_interval_as_far_as_there_are_any(found: Summary | None, text: str) -> None:
    assert grids.summary(found, " ") == text


@pytest.mark.parametrize(
    ("setting", "text"), [(None, "-"), (1e-5, "1e-05"), ("a\n\tb", r"a\n\tb"), ("\x1b[31m", r"\x1b[31m"), ("né", "né")]
)
def test_a_setting_stays_in_its_row_whatever_is_in_it(setting: Any, text: str) -> None:
    assert grids.value(setting) == text


def test_what_is_noted_of_the_selected_cell_stands_beside_the_number_to_report(
    tmp_path: Path, make_run: MakeRun
) -> None:
    make_run(tmp_path, "a-00000001", 1, metrics={"val/accuracy": 0.9, "test/accuracy": 0.8})
    make_run(tmp_path, "a-00000001", 2, status="failed")
    for seed in (1, 2):
        make_run(tmp_path, "a-00000002", seed, metrics={"val/accuracy": 0.5, "test/accuracy": 0.5})
    line = "* selected by val/accuracy: 00000001, test/accuracy = 0.8000, n = 1; seed 2 failed; n = 1"
    assert about(tmp_path)[-1] == line


def test_cells_as_good_on_validation_as_the_selected_one_are_named(tmp_path: Path, make_run: MakeRun) -> None:
    for name in (1, 2, 3):
        make_run(tmp_path, f"a-0000000{name}", 1)
    assert about(tmp_path)[-1] == "  as good on validation, of another name: 00000002, 00000003"
    for name in range(10, 20):
        make_run(tmp_path, f"a-000000{name}", 1)
    assert about(tmp_path)[-1].endswith("00000016, 00000017, ...")


def test_a_selected_cell_without_a_test_metric_is_named_all_the_same(tmp_path: Path, make_run: MakeRun) -> None:
    for name, accuracy in ((1, 0.5), (2, 0.6)):
        make_run(tmp_path, f"a-0000000{name}", 1, metrics={"val/accuracy": accuracy})
    assert about(tmp_path)[-1] == "* selected by val/accuracy: 00000002; it has no test/accuracy; n = 1"


def test_that_cells_of_unlike_data_do_not_compare_is_said(tmp_path: Path, make_run: MakeRun) -> None:
    for name in (1, 2):
        make_run(tmp_path, f"a-0000000{name}", 1, identity={"data.validation": f"{name}.txt"})
    (line,) = about(tmp_path)
    assert line.startswith("2 groups of cells that were selected by other metrics or on other validation examples")


def test_keys_that_a_class_implies_are_counted_and_no_columns(tmp_path: Path, make_run: MakeRun) -> None:
    for name, model in ((1, {"model._target_": "m.Bert", "model.layers": 4}), (2, {"model._target_": "m.Hub"})):
        make_run(tmp_path, f"a-0000000{name}", 1, identity=model)
    grid = grids.cells(compare([tmp_path]), " ")
    assert grid.header[:3] == ["cell", "model", "n"]
    assert grid.about[0] == "keys that only some of these classes have, in --format csv: 1"


def shaped(header: str, settings: range, metrics: range) -> Grid:
    names = header.split()
    rows = [[f"{name}-{k}" for name in names] for k in (1, 2)]
    return Grid(names, rows, {0, *settings, len(names) - 1}, settings, metrics, [])


def test_settings_and_metrics_join_into_one_column_each_and_keep_their_places() -> None:
    grid = shaped("cell lr epochs n val test notes", range(1, 3), range(4, 6))
    joined = grids.with_settings_joined(grid)
    assert joined.header == ["cell", "config", "n", "val", "test", "notes"]
    assert joined.rows[1] == ["cell-2", "lr=lr-2\nepochs=epochs-2", "n-2", "val-2", "test-2", "notes-2"]
    assert (joined.words, list(joined.settings), list(joined.metrics)) == ({0, 1, 5}, [1], [3, 4])
    both = grids.with_metrics_joined(joined)
    assert both.header == ["cell", "config", "n", "metrics", "notes"]
    assert both.rows[0][3] == "val val-1\ntest test-1"
    assert (both.words, list(both.settings), list(both.metrics)) == ({0, 1, 4}, [1], [3])


def test_a_single_setting_is_not_joined_and_a_missing_one_is_left_out() -> None:
    single = shaped("cell lr n val notes", range(1, 2), range(3, 4))
    assert grids.with_metrics_joined(grids.with_settings_joined(single)) == single
    double = shaped("cell lr epochs n val notes", range(1, 3), range(4, 5))
    double.rows[0][1] = "-"
    assert grids.with_settings_joined(double).rows[0][1] == "epochs=epochs-1"


def test_p_values_are_marked_below_the_level_and_shortened_where_they_are_tiny(study: Path) -> None:
    found = compare([study], against="00000001")
    found.contrasts[0].adjusted = {"bootstrap": 1e-5, "randomisation": 0.049, "t": 0.05, "permutation": NAN}
    (grid,) = grids.contrasts(found, " ")
    assert grid.rows[0][2:] == ["<.0001*", "0.0490*", "+15.47", "0.0500 ", "-"]


def test_what_was_not_adjusted_and_what_d_is_are_said(study: Path) -> None:
    lines = grids.contrasts(compare([study], against="00000001"), " ")[0].about
    assert "95 % interval of the difference, which is not adjusted" in lines[-3]
    assert "d then in standard deviations of the paired differences" in lines[-2]


def test_a_note_stands_once_for_all_cells_that_it_is_of(tmp_path: Path, make_run: MakeRun, predict: Predict) -> None:
    for name, seeds in ((1, (1, 2, 3)), (2, (2, 3)), (3, (2, 3))):
        for seed in seeds:
            predict(make_run(tmp_path, f"a-0000000{name}", seed), [(i * seed) % 7 > name for i in range(30)])
    lines = grids.contrasts(compare([tmp_path], against="00000001"), " ")[0].about
    assert lines[1] == "00000002, 00000003: difference and tests are of seeds 2, 3 alone"


def test_the_cell_of_another_study_is_named_with_it(tmp_path: Path, make_run: MakeRun, predict: Predict) -> None:
    for place, name in (("a", "x-00000001"), ("b", "x-00000001"), ("b", "x-00000002")):
        predict(make_run(tmp_path / place, name, 1), [i % 3 > 0 for i in range(30)])
    found: Comparison = compare([tmp_path], against="a/00000001")
    (grid,) = grids.contrasts(found, " ")
    assert [row[0] for row in grid.rows] == ["b/00000001", "00000002"]
    assert grid.about[0].startswith("test/accuracy: each cell minus a/00000001; p values, two-sided")
