"""Runs are gathered into cells; validation selects one; what a reader must know of a cell is noted."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from clozelab.compare.cells import Cell, best_first, equals, find_cell, make_cells, notes, select
from clozelab.compare.read import read_runs
from clozelab.errors import ConfigError

MakeRun = Callable[..., Path]


def cells_of(*paths: Path) -> list[Cell]:
    return make_cells(read_runs(paths))


def names(cells: list[Cell]) -> list[str]:
    return [cell.hash[-1] for cell in cells]


def test_runs_of_one_directory_are_a_cell(study: Path) -> None:
    cells = cells_of(study)
    assert [(cell.hash, [run.seed for run in cell.runs]) for cell in cells] == [
        ("00000001", [1, 2, 3]), ("00000002", [1, 2, 3]), ("00000003", [1, 2, 3]), ("00000005", [1, 2]),
    ]  # fmt: skip
    assert cells[0].identity["optimizer.lr"] == 1e-5
    assert "seed" not in cells[0].identity


def test_validation_selects_and_never_the_test_split(tmp_path: Path, make_run: MakeRun) -> None:
    for name, val, test in (("1", 0.5, 0.9), ("2", 0.6, 0.1), ("3", 0.6, 0.2)):
        make_run(tmp_path, f"a-0000000{name}", 1, metrics={"val/accuracy": val, "test/accuracy": test})
    assert names(select(cells_of(tmp_path))) == ["2"], "the first of equals"


def test_of_cells_as_good_on_validation_the_name_decides_and_never_the_order_of_the_table(
    tmp_path: Path, make_run: MakeRun
) -> None:
    for name, val, test in (("1", 0.5, 0.9), ("2", 0.6, 0.1), ("3", 0.6, 0.8), ("4", 0.6, 0.9)):
        make_run(tmp_path, f"a-0000000{name}", 1, metrics={"val/accuracy": val, "test/accuracy": test})
    by_test = best_first(cells_of(tmp_path), "test/accuracy")
    assert names(by_test) == ["1", "4", "3", "2"]
    (selected,) = select(by_test)
    assert selected.hash == "00000002"
    assert names(equals(selected, by_test)) == ["3", "4"]


def test_of_a_loss_the_lowest_is_selected(tmp_path: Path, make_run: MakeRun) -> None:
    for name, loss in (("1", 2.0), ("2", 1.0), ("3", float("nan"))):
        make_run(tmp_path, f"a-0000000{name}", 1, metrics={"val/loss": loss}, selection="val/loss")
    cells = cells_of(tmp_path)
    assert names(select(cells)) == ["2"]
    assert names(best_first(cells, "val/loss")) == ["2", "1", "3"]


@pytest.mark.parametrize(
    ("identity", "selected"),
    [
        ({"optimizer.lr": 1.0, "data.fraction": 0.1}, 1),
        ({"data.validation": "9f.txt"}, 0),
        ({"data.format.labels": "pos"}, 0),
        ({"data.train": "77.txt"}, 1),
        ({"data.limit": 100}, 0),
        ({"data.more.news.validation": "77.txt"}, 0),
    ],
)
def test_cells_are_rivals_on_the_same_validation_examples_only(
    tmp_path: Path, make_run: MakeRun, identity: dict[str, Any], selected: int
) -> None:
    make_run(tmp_path, "a-00000001", 1)
    make_run(tmp_path, "a-00000002", 1, identity=identity)
    assert len(select(cells_of(tmp_path))) == selected


def test_folds_that_are_drawn_from_the_training_file_are_no_rivals(tmp_path: Path, make_run: MakeRun) -> None:
    for fold in (0, 1):
        make_run(tmp_path, f"a-0000000{fold}", 1, identity={"data.validation": None, "data.fold": fold})
    assert select(cells_of(tmp_path)) == []


@pytest.mark.parametrize(("tokenizers", "length", "expected"), [("aa", 128, 1), ("ab", 128, 0), ("aa", 64, 0)])
def test_perplexities_of_two_tokenizers_or_of_other_passages_are_no_rivals(
    tokenizers: str, length: int, expected: int, tmp_path: Path, make_run: MakeRun
) -> None:
    for number, (tokenizer, own) in enumerate(zip(tokenizers, (128, length), strict=True)):
        identity = {"data.masking.rate": 0.15, "data.max_length": own, "model.hidden_size": 128 + number}
        run = make_run(
            tmp_path, f"{number}-0000000{number}", 1, identity=identity, selection="val/loss", metrics={"val/loss": 2.0}
        )
        state = json.loads((run / "run.json").read_text())
        (run / "run.json").write_text(json.dumps({**state, "tokenizer": tokenizer}))
    assert len(select(cells_of(tmp_path))) == expected


def test_cells_selected_by_different_metrics_are_no_rivals(tmp_path: Path, make_run: MakeRun) -> None:
    make_run(tmp_path, "a-00000001", 1)
    make_run(tmp_path, "a-00000002", 1, metrics={"val/loss": 1.0}, selection="val/loss")
    assert select(cells_of(tmp_path)) == []


def test_one_cell_is_no_choice(tmp_path: Path, make_run: MakeRun) -> None:
    make_run(tmp_path, "a-00000001", 1)
    make_run(tmp_path, "a-00000002", 1, status="failed")
    assert select(cells_of(tmp_path)) == []


def test_missing_seeds_unfinished_runs_and_single_seeds_are_noted(tmp_path: Path, make_run: MakeRun) -> None:
    for seed in (1, 2, 3):
        make_run(tmp_path, "a-00000001", seed)
    make_run(tmp_path, "a-00000002", 1, status="failed")
    running = make_run(tmp_path, "a-00000002", 2, status="running")
    make_run(tmp_path, "a-00000003", 1, status="interrupted")
    make_run(tmp_path, "a-00000003", 3)
    (make_run(tmp_path, "a-00000004", 1) / "metrics.json").unlink()
    with FileLock(running / ".lock"):  # as the process does that executes it
        cells = cells_of(tmp_path)
    assert [notes(cell, cells) for cell in cells] == [
        [],
        ["seed 1 failed", "seed 2 running", "seed 3 missing"],
        ["seed 1 interrupted", "seed 2 missing", "n = 1"],
        ["seed 1 without metrics", "seeds 2, 3 missing"],
    ]


def test_seeds_of_another_study_are_not_missed(tmp_path: Path, make_run: MakeRun) -> None:
    for study, seeds in (("a", (1, 2)), ("b", (41, 42))):
        for seed in seeds:
            make_run(tmp_path / study, "x-00000001", seed)
    cells = cells_of(tmp_path)
    assert [notes(cell, cells) for cell in cells] == [[], []]


def test_a_cell_is_found_by_its_hash_the_beginning_of_it_or_its_directory(
    tmp_path: Path, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    for study, name in (("a", "x-12345678"), ("a", "x-129abcde"), ("b", "x-12345678"), ("b", "without a hash")):
        make_run(tmp_path / study, name, 1)
    cells = cells_of(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert find_cell("129", cells) is cells[1]
    assert (
        find_cell("b/12345678", cells) is find_cell("b/x-12345678/", cells) is find_cell("b/x-12345678/seed-1", cells)
    )
    assert find_cell("x-129abcde", cells) is cells[1]
    assert find_cell("without a hash", cells).study == "b"
    with pytest.raises(ConfigError, match="12: several cells: a/12345678, a/129abcde, b/12345678; name one"):
        find_cell("12", cells)
    with pytest.raises(ConfigError, match=r"129abcdf: no such cell\. Did you mean '129abcde'"):
        find_cell("129abcdf", cells)


def test_the_value_of_a_file_is_its_path_and_of_a_class_its_name(tmp_path: Path, make_run: MakeRun) -> None:
    identity = {"data.train": "0123.txt", "model._target_": "clozelab.model.bert.Bert"}
    make_run(tmp_path, "a-00000001", 1, identity=identity, config={"data": {"train": "texts/a.txt"}})
    (cell,) = cells_of(tmp_path)
    assert cell.value("data.train") == "texts/a.txt"
    assert cell.value("model._target_") == "Bert"
    assert cell.value("optimizer.lr") == 1e-5
    assert cell.value("nothing") is None
    assert cell.value("data.validation") == "0a1b.txt", "where no config.yaml says more"
