"""Only what clozelab wrote and nobody needs is planned to go, not running runs, results, links and foreign files."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clozelab.errors import ConfigError
from clozelab.housekeeping.plan import DEFAULT, KINDS, ids_of, make_plan, strange
from clozelab.record import Run

MakeRun = Callable[..., Path]
Aged = Callable[[Path], Path]
ALL = tuple(KINDS)


def planned(root: Path | str, kinds: tuple[str, ...] = ALL) -> dict[str, str]:
    """Returns what would go, by its path, and why."""
    return {str(item.path): item.kind for item in make_plan(Path(root), kinds).items}


def test_a_completed_run_loses_nothing_but_checkpoints_it_kept_and_those_only_when_asked(make_run: MakeRun) -> None:
    make_run(seed=1)
    kept = make_run(seed=2, checkpoint=True)
    assert planned("outputs", DEFAULT) == {}
    (item,) = make_plan(Path("outputs"), ALL).items
    assert (item.path, item.kind, item.size) == (kept / "checkpoints", "checkpoints", 2500)


@pytest.mark.parametrize("status", ["failed", "interrupted", "running"])
def test_what_can_be_continued_goes_only_when_asked(make_run: MakeRun, aged: Aged, status: str) -> None:
    lost, resumable = make_run(seed=1, status=status), make_run(seed=2, status=status, checkpoint=True)
    if status == "running":  # its process was killed, or is on another machine whose lock is not seen here
        plan = make_plan(Path("outputs"), ALL)
        assert plan.items == []
        reason = "killed less than a day ago, or running on another machine"
        assert plan.left == [f"{lost}: {reason}", f"{resumable}: {reason}"]
        aged(Path("outputs"))
    assert planned("outputs", DEFAULT) == {str(lost): "empty"}
    assert planned("outputs") == {str(lost): "empty", str(resumable): "unfinished"}


def test_a_running_run_is_left_alone_whatever_is_asked(make_run: MakeRun, hold: Callable[[Path], Any]) -> None:
    folder = make_run(status="running", checkpoint=True)
    (folder / "checkpoints" / ".last.ckpt.0123456789ab.tmp").touch()
    with hold(folder):
        plan = make_plan(Path("outputs"), ALL)
    assert plan.items == []
    cache = Path(os.environ["CLOZELAB_CACHE"])
    assert plan.left == [f"{folder}: running", f"{cache}: runs are running, which may read it"]


def test_the_cache_stays_while_a_run_of_another_study_reads_it(make_run: MakeRun, hold: Callable[[Path], Any]) -> None:
    entry = Path(os.environ["CLOZELAB_CACHE"]) / "stores" / ("b" * 32)
    entry.mkdir(parents=True)
    make_run(study="grid")
    with hold(make_run(study="other", status="running")):
        assert planned("outputs/grid", ("cache",)) == {}
    assert planned("outputs/grid", ("cache",)) == {str(entry): "cache"}


@pytest.mark.parametrize("name", ["checkpoints/epoch-3.pt", "predictions/notes.md", "model/head.py", "plots/loss.png"])
def test_files_of_the_user_that_lie_deeper_keep_a_run_too(make_run: MakeRun, name: str) -> None:
    folder = make_run(status="failed")
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).touch()
    plan = make_plan(Path("outputs"), ALL)
    assert (plan.items, plan.left) == ([], [f"{folder}: failed, but holds what is not clozelab's: {name}"])


def test_a_run_with_files_of_the_user_stays_and_says_which(make_run: MakeRun) -> None:
    folder = make_run(status="failed")
    (folder / "notes.md").write_text("why it failed")
    plan = make_plan(Path("outputs"), ALL)
    assert plan.items == []
    assert plan.left == [f"{folder}: failed, but holds what is not clozelab's: notes.md"]
    kept = make_run(seed=2, checkpoint=True)
    (kept / "checkpoints" / "mine.pt").touch()
    assert make_plan(Path("outputs"), ALL).items == []


def test_what_only_looks_like_a_run_stays(make_run: MakeRun) -> None:
    folder = make_run(status="failed", name="someone-elses")
    assert planned("outputs") == {}
    (reason,) = make_plan(Path("outputs"), ALL).left
    assert reason == f"{folder}: not made by clozelab"
    other = make_run(status="failed", study="other")
    (other / "run.json").write_text(json.dumps({"status": "failed", "command": "make"}))
    assert planned(other) == {}
    (other / "run.json").write_text("{")
    assert planned(other) == {}


def test_links_out_of_the_tree_are_not_followed(make_run: MakeRun, tmp_path: Path) -> None:
    folder = make_run(status="failed")
    elsewhere = tmp_path / "elsewhere-0123abcd"
    folder.parent.rename(elsewhere)
    folder.parent.symlink_to(elsewhere)
    assert planned("outputs") == {}
    (reason,) = make_plan(Path("outputs"), ALL).left
    assert reason.endswith("seed-1: a link")
    inside = make_run(status="failed", study="real")
    (inside.parents[2] / "alias").symlink_to("real")
    assert str(inside) in planned("outputs")
    assert not any("alias" in path for path in planned("outputs"))
    # The place itself may be a link: that is where a user has said the runs are.
    (tmp_path / "link").symlink_to(elsewhere)
    assert len(planned("link")) == 1


def test_a_run_that_has_a_link_in_it_stays(make_run: MakeRun, tmp_path: Path) -> None:
    (tmp_path / "scratch").mkdir()
    (tmp_path / "scratch" / "last.ckpt").touch()
    folder = make_run(status="failed")
    (folder / "checkpoints").symlink_to(tmp_path / "scratch")
    kept = make_run(seed=2)
    (kept / "checkpoints").symlink_to(tmp_path / "scratch")
    assert planned("outputs") == {}


def test_temporary_files_and_unfinished_evaluations_go_if_nobody_is_at_them(make_run: MakeRun, aged: Aged) -> None:
    folder = make_run()
    stale = {
        folder / "predictions" / ".test.parquet.0123456789ab.tmp": "",
        folder / "evaluations" / "aaaaaaaa" / "evaluation.json": "{}",
    }
    for path, text in stale.items():
        path.parent.mkdir(parents=True)
        path.write_text(text)
    (folder / "evaluations" / "bbbbbbbb").mkdir()
    (folder / "evaluations" / "bbbbbbbb" / "metrics.json").write_text("{}")
    (folder / "evaluations" / "mine").mkdir()
    assert planned("outputs") == {}, "they may be written this moment"
    aged(folder)
    assert planned("outputs", DEFAULT) == {
        str(folder / "evaluations" / "aaaaaaaa"): "leftovers",
        str(folder / "predictions" / ".test.parquet.0123456789ab.tmp"): "leftovers",
    }


def test_a_removal_that_was_killed_is_finished_by_the_next(make_run: MakeRun, aged: Aged) -> None:
    folder = make_run()
    half = folder.parent / ".seed-2.0123456789ab.tmp"
    half.mkdir()
    (half / "run.log").touch()
    assert planned("outputs") == {}
    aged(half)
    assert planned("outputs", DEFAULT) == {str(half.absolute()): "leftovers"}


def test_dashboards_go_with_their_runs_and_those_of_other_studies_are_no_orphans(make_run: MakeRun, aged: Aged) -> None:
    folder = make_run(study="my grid")
    make_run(study="other")
    own = Run(output_dir=Path("outputs"), study="my grid", name="x", cell="0123abcd", seed=1).id
    assert own in ids_of(folder, Path("outputs"))
    wandb = Path("outputs/wandb")
    ours = ("my_grid-0123abcd-seed-1", "my_grid-0123abcd-seed-2", "other-0123abcd-seed-1")
    for name in (*ours, "someones", "a-0123abcd-seed-x"):
        (wandb / f"offline-run-20261101_100000-{name}").mkdir(parents=True)
    (wandb / "run-20261101_100000-my_grid-0123abcd-seed-3").mkdir()
    assert planned("outputs", ("dashboards",)) == {}, "their runs may be about to begin"
    aged(wandb)
    orphan = "outputs/wandb/offline-run-20261101_100000-my_grid-0123abcd-seed-2"
    assert planned("outputs", ("dashboards",)) == {orphan: "dashboards"}
    assert planned("outputs", DEFAULT) == {}
    (folder.parents[1] / "wandb").symlink_to(wandb.absolute())
    assert planned("outputs/my grid", ("dashboards",)) == {}, "below one study those of others seem to be gone"


def test_dashboards_of_reproductions_and_of_runs_that_were_moved_are_no_orphans(make_run: MakeRun, aged: Aged) -> None:
    make_run()
    make_run(study="reproduced/grid", id="reproduced_grid-0123abcd-seed-1")
    make_run(study="new name", id="old_name-0123abcd-seed-1")
    damaged = make_run(study="reproduced/other")
    (damaged / "run.json").write_text("{")
    names = ("reproduced_grid", "reproduced_other", "old_name", "gone")
    for name in names:
        (Path("outputs/wandb") / f"offline-run-20261101_100000-{name}-0123abcd-seed-1").mkdir(parents=True)
    aged(Path("outputs/wandb"))
    orphan = "outputs/wandb/offline-run-20261101_100000-gone-0123abcd-seed-1"
    assert planned("outputs", ("dashboards",)) == {orphan: "dashboards"}


def test_of_the_cache_only_entries_go_and_downloads_only_when_asked(make_run: MakeRun, aged: Aged) -> None:
    make_run()
    cache = Path(os.environ["CLOZELAB_CACHE"])
    for name in (f"features/{'a' * 64}/header.json", f"stores/{'b' * 32}/header.json", f"wheels/{'c' * 16}.whl",
                 "stores/mine/file", "thesis/thesis.tex"):  # fmt: skip
        (cache / name).parent.mkdir(parents=True, exist_ok=True)
        (cache / name).write_text("x" * 10)
    (cache / "members").symlink_to(cache / "thesis")
    assert planned("outputs", ("cache",)) == {
        str(cache / "features" / ("a" * 64)): "cache", str(cache / "stores" / ("b" * 32)): "cache",
    }  # fmt: skip
    assert planned("outputs", ("downloads",)) == {str(cache / "wheels" / f"{'c' * 16}.whl"): "downloads"}
    assert planned("outputs", DEFAULT) == {}
    half = cache / "stores" / f".{'b' * 32}.abcdefgh.tmp"
    half.mkdir()
    assert len(planned("outputs", ("cache",))) == 2, "it may be being built"
    aged(half)
    assert len(planned("outputs", ("cache",))) == 3


def test_a_place_without_runs_is_told_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no run in it or below it; give a study, a cell or a run"):
        make_plan(tmp_path, ALL)


def test_the_files_of_a_run_are_all_known(finished_run: Path) -> None:
    assert strange(finished_run) == []
