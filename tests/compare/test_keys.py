"""Only keys that differ are columns, under names that are short and clear; filters choose cells by them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clozelab.compare.cells import Cell, make_cells
from clozelab.compare.keys import chosen, differing
from clozelab.compare.read import read_runs
from clozelab.errors import ConfigError

MakeRun = Callable[..., Path]


@pytest.fixture
def cells_with(tmp_path: Path, make_run: MakeRun) -> Callable[..., list[Cell]]:
    """Makes a cell of each identity."""

    def make(*identities: dict[str, Any], paths: tuple[str, ...] = ()) -> list[Cell]:
        for i, identity in enumerate(identities):
            config = {"data": {"train": paths[i]}} if paths else {}
            make_run(tmp_path, f"a-0000000{i}", 1, identity=identity, config=config)
        return make_cells(read_runs([tmp_path]))

    return make


def columns(cells: list[Cell]) -> dict[str, list[Any]]:
    return {column.name: column.values for column in differing(cells)}


def test_only_keys_that_differ_are_columns(cells_with: Callable[..., list[Cell]]) -> None:
    cells = cells_with({"optimizer.lr": 1e-5, "a.b": [1]}, {"optimizer.lr": 3e-5, "a.b": [1]}, {"optimizer.lr": 3e-5})
    assert columns(cells) == {"lr": [1e-5, 3e-5, 3e-5], "b": [[1], [1], None]}


def test_a_whole_number_is_the_same_with_a_point(cells_with: Callable[..., list[Cell]]) -> None:
    assert columns(cells_with({"a.b": 1, "a.c": True}, {"a.b": 1.0, "a.c": 1})) == {"c": [True, 1]}


def test_a_name_that_two_columns_would_share_is_whole(cells_with: Callable[..., list[Cell]]) -> None:
    first, second = ({"data.x": i, "model.x": i, "model._target_": f"m.B{i}", "data.model": i} for i in (1, 2))
    assert list(columns(cells_with(first, second))) == ["data.x", "model.x", "model", "data.model"]


def test_files_are_shown_by_the_shortest_ends_that_differ(cells_with: Callable[..., list[Cell]]) -> None:
    digests = [{"data.train": digest} for digest in ("0a.txt", "1b.txt", "0a.txt")]
    cells = cells_with(*digests, paths=("/x/one/train.txt", "/x/two/train.txt", "/elsewhere/train.txt"))
    assert columns(cells) == {"train": ["one/train.txt", "two/train.txt", "one/train.txt"]}


def test_files_that_changed_in_their_place_are_told_apart_by_their_bytes(cells_with: Callable[..., list[Cell]]) -> None:
    cells = cells_with({"data.train": "0123456789.txt"}, {"data.train": "abcdefghij.txt"}, paths=("x/a.txt", "x/a.txt"))
    assert columns(cells) == {"train": ["a.txt (01234567)", "a.txt (abcdefgh)"]}


def test_studies_are_a_column_if_there_are_several(tmp_path: Path, make_run: MakeRun) -> None:
    for study in ("a", "b"):
        make_run(tmp_path / study, "x-00000001", 1)
    assert columns(make_cells(read_runs([tmp_path]))) == {"study": ["a", "b"]}


def test_keys_that_a_class_implies_are_marked(cells_with: Callable[..., list[Cell]]) -> None:
    bert = {"model._target_": "m.Bert", "model.layers": 4, "data.format._target_": "f.Csv", "data.format.sep": ","}
    cells = cells_with(bert, {**bert, "model.layers": 6}, {"model._target_": "m.Hub", "data.format._target_": "f.Json"})
    assert {column.name: column.implied for column in differing(cells)} == {
        "model": False, "layers": False, "format": False, "sep": True,
    }  # fmt: skip


def test_a_key_that_some_cells_of_a_class_lack_is_not_implied(cells_with: Callable[..., list[Cell]]) -> None:
    cells = cells_with(
        {"model._target_": "m.Bert", "model.old": 1}, {"model._target_": "m.Bert"}, {"model._target_": "m.Hub"}
    )
    assert not any(column.implied for column in differing(cells))


def test_a_cell_that_has_no_identity_yet_makes_no_columns(tmp_path: Path, make_run: MakeRun) -> None:
    make_run(tmp_path, "x-00000001", 1)
    (make_run(tmp_path, "x-00000002", 1, status="failed") / "run.json").write_text('{"status": "failed"}')
    assert columns(make_cells(read_runs([tmp_path]))) == {}


@pytest.mark.parametrize(
    ("filters", "left"),
    [
        (["lr=3e-5"], [1, 2]),
        (["optimizer.lr=0.00003"], [1, 2]),
        (["lr=3e-5", "epochs=2"], [1]),
        (["train=one.txt"], [0]),
        (["model=Bert"], [2]),
        (["on=true"], [0]),
        (["on=null"], [1, 2]),
        (["validation=0a1b.txt"], [0, 1, 2]),
    ],
)
def test_filters_choose_cells(cells_with: Callable[..., list[Cell]], filters: list[str], left: list[int]) -> None:
    cells = cells_with(
        {"optimizer.lr": 1e-5, "t.epochs": 2, "data.train": "0", "model._target_": "m.Pretrained", "t.on": True},
        {"optimizer.lr": 3e-5, "t.epochs": 2, "data.train": "1", "model._target_": "m.Pretrained"},
        {"optimizer.lr": 3e-5, "t.epochs": 4, "data.train": "1", "model._target_": "m.Bert"},
        paths=("x/one.txt", "x/two.txt", "x/two.txt"),
    )
    assert [cells.index(cell) for cell in chosen(cells, filters)] == left


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lr", "--filter lr: must be KEY=VALUE, such as lr=5e-5"),
        ("lrr=1", "--filter lrr=...: no such key. Did you mean 'lr'?"),
        ("x=1", "--filter x=...: several keys: data.x, model.x; name one"),
        ("lr=7", "--filter lr=7: no cell has it. There is 1e-05"),
        ("name=minilm", "no cell has it. Did you mean 'minilm_l6'? There is minilm_l6"),
    ],
)
def test_a_filter_that_cannot_be_is_explained(cells_with: Callable[..., list[Cell]], text: str, message: str) -> None:
    cells = cells_with({"data.x": 1, "model.x": 1, "model.name": "minilm_l6"})
    with pytest.raises(ConfigError) as error:
        chosen(cells, [text])
    assert message in str(error.value)
