"""The record of a study: the same runs give the same bytes, and it can be read back."""

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from clozelab.compare.cells import make_cells
from clozelab.compare.read import read_runs
from clozelab.compare.results import read_results, write_results
from clozelab.errors import ConfigError
from clozelab.identity import Identity

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def grid(make_run: Callable[..., Path], tmp_path: Path) -> Path:
    """Two cells: one of three seeds, of which one is unfinished, and one of a single seed."""
    study = tmp_path / "outputs" / "grid"
    place = str(tmp_path / "outputs")
    for name, seed, status in (("b-0000000b", 1, "completed"), *(("a-0000000a", s, "completed") for s in (1, 2))):
        config = {
            "seed": seed, "output_dir": place, "data": {"train": "/home/me/a.csv", "note": f"{place}x"},
            "model": {"path": f"{place}/old/cell/seed-1"},
        }  # fmt: skip
        run = make_run(
            study, name, seed, status=status, config=config, identity={"model.path": "hash"},
            metrics={
                "val/accuracy": 0.5 + seed / 10, "test/accuracy": 0.25 * seed, "test/loss": math.nan,
                "test/perplexity": math.inf,
            },
        )  # fmt: skip
        state = json.loads((run / "run.json").read_text())
        state |= {"id": f"grid-{name[-8:]}-seed-{seed}", "ancestry": [{"path": f"{place}/old/cell/seed-1"}]}
        (run / "run.json").write_text(json.dumps(state))
    make_run(study, "a-0000000a", 3, status="failed")
    return study


def record(*paths: Path, at: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(write_results(make_cells(read_runs(paths)), at).read_text())
    return content


def test_completed_runs_are_recorded_by_cell_and_seed(grid: Path, tmp_path: Path) -> None:
    cells = record(grid, at=tmp_path / "experiments" / "grid")["cells"]
    assert list(cells) == ["a-0000000a", "b-0000000b"]
    first = cells["a-0000000a"]
    assert [run["seed"] for run in first["runs"]] == [1, 2]
    assert first["hash"] == "0000000a"
    assert first["selection"] == "val/accuracy"
    assert first["identity"]["optimizer.lr"] == 1e-5
    assert "seed" not in first["identity"]
    assert "seed" not in first["config"]
    assert first["summary"]["test/accuracy"] == {"mean": 0.375, "std": pytest.approx(0.25 / math.sqrt(2)), "n": 2}
    assert cells["b-0000000b"]["summary"]["test/accuracy"] == {"mean": 0.25, "std": None, "n": 1}
    assert first["runs"][1]["metrics"] == {
        "val/accuracy": 0.7, "test/accuracy": 0.5, "test/loss": None, "test/perplexity": "inf",
    }  # fmt: skip


def test_where_outputs_were_is_not_recorded_and_the_user_s_own_paths_are(grid: Path, tmp_path: Path) -> None:
    cell = record(grid, at=tmp_path / "r")["cells"]["a-0000000a"]
    assert cell["config"]["output_dir"] == "outputs"
    assert cell["config"]["model"] == {"path": "outputs/old/cell/seed-1"}
    assert cell["config"]["data"] == {"train": "/home/me/a.csv", "note": f"{tmp_path}/outputsx"}
    assert cell["runs"][0]["ancestry"] == [{"path": "outputs/old/cell/seed-1"}]


def test_the_same_runs_give_the_same_bytes_by_whatever_path_and_order(
    grid: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given = [[grid], [Path("outputs/grid")], [grid / "b-0000000b", grid / "a-0000000a"], [grid / "b-0000000b", grid]]
    written = [write_results(make_cells(read_runs(paths)), tmp_path / "r").read_bytes() for paths in given]
    assert len(set(written)) == 1
    moved = shutil.copytree(grid, tmp_path / "elsewhere" / "grid")
    for config in moved.glob("*/*/config.yaml"):
        config.write_text(config.read_text().replace(f"{tmp_path}/outputs/", f"{tmp_path}/elsewhere/"))
        values = yaml.safe_load(config.read_text())
        if values:
            config.write_text(yaml.safe_dump({**values, "output_dir": str(tmp_path / "elsewhere")}))
    for state in moved.glob("*/*/run.json"):
        state.write_text(state.read_text().replace(f"{tmp_path}/outputs/", f"{tmp_path}/elsewhere/"))
    assert record(moved, at=tmp_path / "m") == record(grid, at=tmp_path / "r")


def test_a_record_is_read_back(grid: Path, tmp_path: Path) -> None:
    file = write_results(make_cells(read_runs([grid])), tmp_path / "r")
    found = read_results(file)
    assert [(run.folder.parent.name, run.seed, run.status) for run, _ in found] == [
        ("a-0000000a", 1, "completed"), ("a-0000000a", 2, "completed"), ("b-0000000b", 1, "completed"),
    ]  # fmt: skip
    run, config = found[1]
    assert config is not None
    assert (config["seed"], run.identity["seed"], run.metrics["test/accuracy"]) == (2, 2, 0.5)
    assert math.isnan(run.metrics["test/loss"])
    assert run.metrics["test/perplexity"] == math.inf
    assert run.state["selection"] == "val/accuracy"


def test_cells_of_two_studies_are_told_apart(grid: Path, tmp_path: Path) -> None:
    other = shutil.copytree(grid, tmp_path / "outputs" / "other")
    assert list(record(grid, other, at=tmp_path / "r")["cells"])[:2] == ["grid/a-0000000a", "grid/b-0000000b"]
    twin = shutil.copytree(grid, tmp_path / "copies" / "grid")
    with pytest.raises(ConfigError, match="another cell is called a-0000000a, too"):
        record(grid, twin, at=tmp_path / "r")


@pytest.mark.parametrize("content", ["{}", '{"cells": {}}', "[1]"])
def test_a_file_of_another_shape_is_kept(content: str, clozelab: Run, grid: Path, tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text(content)
    with pytest.raises(ConfigError, match="not written by compare --record; move it away"):
        record(grid, at=tmp_path)
    code, out, err = clozelab("compare", str(tmp_path / "nothing"), "--record", str(tmp_path))
    assert (code, out, "not written by compare --record" in err) == (2, "", True), "said before the runs are read"
    assert (tmp_path / "results.json").read_text() == content


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "damaged, not JSON"),
        ("[]", "not a record of runs"),
        ('{"cells": []}', "not a record of runs"),
        ('{"cells": {"a": {"runs": [{}]}}}', "not a record of runs"),
        ('{"cells": {"a": {"runs": [{"seed": 1, "metrics": {"val/loss": "x"}}]}}}', "not a record of runs"),
    ],
)
def test_a_record_that_is_none_is_named(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text(content)
    with pytest.raises(ConfigError, match=message):
        read_results(tmp_path / "results.json")


def test_a_run_that_was_really_trained_is_recorded_from_the_command_line(
    clozelab: Run, finished_run: Path, tmp_path: Path
) -> None:
    at = tmp_path / "experiments" / "study"
    code, _, err = clozelab("compare", str(finished_run), "--record", str(at))
    assert code == 0
    assert err == f"recorded  {at / 'results.json'}: cells 1, runs 1\n"
    ((run, config),) = read_results(at / "results.json")
    state = json.loads((finished_run / "run.json").read_text())
    assert run.metrics == json.loads((finished_run / "metrics.json").read_text())
    assert {**run.state, "identity_hash": Identity(run.identity, {}, 42).hash} == run.state, "all of it is there"
    for key in ("code", "packages", "hardware", "numerics", "tokenizer", "steps", "identity"):
        assert run.state[key] == state[key], key
    assert config is not None
    assert config["output_dir"] == "outputs"
    first = (at / "results.json").read_bytes()
    assert clozelab("compare", str(finished_run), "--record", str(at), "--format", "csv")[0] == 0
    assert (at / "results.json").read_bytes() == first


def test_cells_that_the_record_had_and_has_no_longer_are_counted(clozelab: Run, grid: Path, tmp_path: Path) -> None:
    for cell, warned in (("", 0), ("a-0000000a", 1), ("", 0)):
        err = clozelab("compare", str(grid / cell), "--record", str(tmp_path / "r"))[2]
        assert err.count("results.json had cells that it no longer has: 1") == warned


def test_what_is_left_out_is_said(clozelab: Run, grid: Path, tmp_path: Path) -> None:
    code, _, err = clozelab("compare", str(grid), "--record", str(tmp_path / "r"))
    assert (code, err.splitlines()[1]) == (0, "left out  runs that are not completed: 1")
    (tmp_path / "file").write_text("")
    code, _, err = clozelab("compare", str(grid), "--record", str(tmp_path / "file"))
    assert (code, err) == (2, f"clozelab: --record {tmp_path / 'file'}: is no folder\n")
    for run in grid.glob("*/*/config.yaml"):
        run.unlink()
    code, _, err = clozelab("compare", str(grid), "--record", str(tmp_path / "r"))
    assert (code, "has no config.yaml" in err) == (2, True)
