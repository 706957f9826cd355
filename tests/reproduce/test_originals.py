"""Which runs a path names, and what cannot be launched again."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from clozelab.compare.cells import make_cells
from clozelab.compare.read import read_runs
from clozelab.compare.results import NAME, write_results
from clozelab.errors import ConfigError
from clozelab.identity import Identity
from clozelab.reproduce.originals import find_originals

Edit = Callable[..., None]
RECORDS = sorted((Path(__file__).parents[2] / "experiments").glob(f"*/{NAME}"))


@pytest.fixture
def study(copied: Path, edit: Edit) -> Path:
    """Two cells: two seeds of one, one of another; their metrics differ."""
    for place, seed, lr in ((copied.with_name("seed-7"), 7, 0.005), (copied.parents[1] / "b-1/seed-42", 42, 0.1)):
        shutil.copytree(copied, place)
        edit(place / "run.json", identity={**json.loads((copied / "run.json").read_text())["identity"],
                                           "seed": seed, "optimizer.lr": lr})  # fmt: skip
        edit(place / "metrics.json", **{"val/f1_conlleval": 0.5 + seed / 100})
    return copied.parents[1]


def names(path: Path, **options: object) -> list[str]:
    return [original.name for original in find_originals(path, **options).originals]  # type: ignore[arg-type]


def test_a_run_a_cell_and_a_study_are_found(study: Path, copied: Path) -> None:
    assert names(copied) == ["0c753de4/seed-42"]
    assert names(copied.parent) == ["0c753de4/seed-7", "0c753de4/seed-42"]
    assert len(names(study)) == 3
    assert names(study, seeds=[42]) == ["b-1/seed-42", "0c753de4/seed-42"]
    assert names(study, filters=["lr=0.1"]) == ["b-1/seed-42"]


def test_a_run_knows_the_other_seeds_of_its_cell_and_no_stranger_beside_it(study: Path, copied: Path) -> None:
    shutil.copytree(study / "b-1" / "seed-42", copied.with_name("seed-99"))
    (original,) = find_originals(copied).originals
    assert [run.seed for run in original.cell.done] == [7, 42]
    assert original.run.folder == copied


def test_a_record_names_the_same_runs_as_the_directories_it_was_made_of(study: Path, tmp_path: Path) -> None:
    file = write_results(make_cells(read_runs([study])), tmp_path / "experiments" / "x")
    for path in (file, file.parent):
        found = find_originals(path)
        assert [o.name for o in found.originals] == names(study)
        for recorded, original in zip(found.originals, find_originals(study).originals, strict=True):
            assert recorded.run.metrics == original.run.metrics
            assert recorded.run.identity == original.run.identity
            assert recorded.cell.summary("val/f1_conlleval") == original.cell.summary("val/f1_conlleval")
            assert recorded.config["data"] == original.config["data"]
    for place in (study, study / "b-1", study / "b-1" / "seed-42"):
        write_results(make_cells(read_runs([study])), place)
        assert find_originals(place).originals[0].run.folder.is_dir(), "runs that are there say more than their record"


def test_what_is_not_finished_is_left_out_of_a_study(study: Path, copied: Path, edit: Edit) -> None:
    edit(copied / "run.json", status="failed")
    (study / "b-1/seed-42/config.yaml").unlink()
    found = find_originals(study)
    assert [original.run.seed for original in found.originals] == [7]
    (unfinished,), (lost,) = found.unfinished, found.lost
    assert unfinished.endswith(": this run is failed, not completed; its command, typed again, finishes it")
    assert lost.endswith(": has no config.yaml; without it nobody knows what ran")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("config.yaml", "has no config.yaml; without it nobody knows what ran"),
        ("metrics.json", "has no metrics.json"),
        ("run.json", "no run in it or below it"),
    ],
)
def test_a_run_that_lacks_a_file_is_refused(name: str, message: str, copied: Path) -> None:
    (copied / name).unlink()
    with pytest.raises(ConfigError, match=message):
        find_originals(copied)


@pytest.mark.parametrize(
    ("status", "shown"), [("failed", "failed"), ("interrupted", "interrupted"), ("running", "interrupted")]
)
def test_a_run_that_is_not_finished_is_refused(status: str, shown: str, copied: Path, edit: Edit) -> None:
    edit(copied / "run.json", status=status)  # of one that runs a process holds the lock
    with pytest.raises(ConfigError, match=f"this run is {shown}, not completed"):
        find_originals(copied)


def test_a_damaged_configuration_is_named(copied: Path) -> None:
    for content in ("a: [", "- 1", ""):
        (copied / "config.yaml").write_text(content)
        with pytest.raises(ConfigError, match=re.escape("config.yaml'")):
            find_originals(copied)


def test_a_record_without_configurations_says_what_writes_them(tmp_path: Path) -> None:
    runs = [{"seed": 1, "id": "x", "metrics": {"val/loss": 1.0}}]
    (tmp_path / NAME).write_text(json.dumps({"cells": {"a": {"runs": runs}}}))
    with pytest.raises(ConfigError, match=r"recorded without a configuration \(clozelab compare --record writes one\)"):
        find_originals(tmp_path)
    (tmp_path / NAME).write_text(json.dumps({"cells": {}}))
    with pytest.raises(ConfigError, match="no run"):
        find_originals(tmp_path)
    with pytest.raises(ConfigError, match="no such folder"):
        find_originals(tmp_path / "nothing")


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.parent.name)
def test_studies_of_this_repository_are_found(record: Path) -> None:
    cells = json.loads(record.read_text())["cells"].values()
    num_runs = sum(len(cell["runs"]) for cell in cells if "config" in cell)
    if not num_runs:
        with pytest.raises(ConfigError, match="recorded without a configuration"):
            find_originals(record.parent)
        return
    found = find_originals(record.parent)
    assert len(found.originals) == num_runs
    for original in found.originals:
        identity = Identity(original.run.identity, {}, original.run.seed)
        assert (identity.hash, identity.cell) == (
            original.run.state["identity_hash"],
            original.run.state["id"].split("-")[1],
        )
