"""Nothing goes without a yes, and what has changed since it was shown stays."""

import builtins
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clozelab.errors import RunFailedError
from clozelab.housekeeping.clean import clean
from clozelab.housekeeping.plan import DEFAULT, KINDS

MakeRun = Callable[..., Path]
ALL = tuple(KINDS)


def tree() -> list[str]:
    """Returns everything below outputs/."""
    return sorted(str(path) for path in Path("outputs").rglob("*"))


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], str]], None]:
    """Sits a person at a terminal who answers what a function returns."""

    def sit(answer: Callable[[], str]) -> None:
        monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
        monkeypatch.setattr(builtins, "input", lambda question: answer())

    return sit


def test_without_a_terminal_it_shows_and_changes_nothing(make_run: MakeRun, capsys: Any) -> None:
    folder = make_run(status="failed")
    before = tree()
    clean(Path("outputs"), ALL, yes=False)
    out = capsys.readouterr().out
    assert str(folder) in out
    assert "no checkpoint to continue from" in out
    assert "nothing was removed, for this is no terminal to ask at: --yes removes it" in out
    assert tree() == before


@pytest.mark.parametrize("answer", ["", "n", "no", "yo", "Y?", None])
def test_anything_but_yes_is_no(make_run: MakeRun, terminal: Any, capsys: Any, answer: str | None) -> None:
    make_run(status="failed")
    before = tree()

    def say() -> str:
        if answer is None:
            raise EOFError
        return answer

    terminal(say)
    clean(Path("outputs"), ALL, yes=False)
    assert "nothing was removed" in capsys.readouterr().out
    assert tree() == before


@pytest.mark.parametrize("answer", ["y", " YES "])
def test_yes_frees_what_was_shown_and_the_folders_that_held_nothing_else(
    make_run: MakeRun, terminal: Any, capsys: Any, answer: str
) -> None:
    make_run(study="kept")
    lost = make_run(study="gone", status="failed")
    kept = tree()
    terminal(lambda: answer)
    clean(Path("outputs"), DEFAULT, yes=False)
    assert not lost.parents[1].exists()
    assert tree() == [path for path in kept if "gone" not in path]
    assert "freed" in capsys.readouterr().out


def test_a_second_time_there_is_nothing_to_free(make_run: MakeRun, capsys: Any) -> None:
    make_run()
    make_run(seed=2, status="interrupted", checkpoint=True)
    make_run(seed=3, checkpoint=True)
    clean(Path("outputs"), ALL, yes=True)
    capsys.readouterr()
    clean(Path("outputs"), ALL, yes=True)
    assert capsys.readouterr().out == "nothing to free\n"
    assert sorted(path.name for path in Path("outputs/grid/texts-0123abcd").iterdir()) == ["seed-1", "seed-3"]
    assert (Path("outputs/grid/texts-0123abcd/seed-3/model/model.safetensors")).exists()


def test_a_run_that_starts_while_asking_is_left_alone(
    make_run: MakeRun, hold: Callable[[Path], Any], terminal: Any, capsys: Any
) -> None:
    starts, rests = make_run(seed=1, status="failed", checkpoint=True), make_run(seed=2, status="failed")
    holding = hold(starts)
    terminal(lambda: holding.__enter__() or "y")
    try:
        clean(Path("outputs"), ALL, yes=False)
    finally:
        holding.__exit__(None, None, None)
    assert f"left alone: {starts} is running now" in capsys.readouterr().out
    assert (starts / "checkpoints" / "last.ckpt").exists()
    assert not rests.exists()


def test_a_run_that_started_and_finished_while_asking_is_left_alone(
    make_run: MakeRun, terminal: Any, capsys: Any
) -> None:
    folder = make_run(status="failed")

    def finish() -> str:
        state = json.loads((folder / "run.json").read_text())
        (folder / "run.json").write_text(json.dumps({**state, "status": "completed"}))
        (folder / "metrics.json").write_text("{}")
        return "y"

    terminal(finish)
    clean(Path("outputs"), ALL, yes=False)
    assert f"left alone: {folder} has changed meanwhile" in capsys.readouterr().out
    assert (folder / "metrics.json").exists()


def test_what_is_removed_by_someone_else_while_asking_is_no_error(make_run: MakeRun, terminal: Any) -> None:
    import shutil

    folder = make_run(status="failed")
    terminal(lambda: shutil.rmtree(folder) or "y")
    clean(Path("outputs"), ALL, yes=False)
    assert not folder.exists(), "nor is it made anew for the sake of its lock"


def test_a_folder_that_cannot_be_written_stops_no_other_and_is_named(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck, gone = make_run(seed=1, status="failed"), make_run(seed=2, status="failed")
    replace = os.replace

    def refuse(source: Any, target: Any) -> None:
        if Path(source).name == "seed-1":
            raise PermissionError(13, "Permission denied")
        replace(source, target)

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(RunFailedError, match=rf"could not be removed:\n  {stuck}: Permission denied"):
        clean(Path("outputs"), ALL, yes=True)
    assert (stuck / "run.json").exists()
    assert not gone.exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only to root")
def test_a_read_only_folder_is_named(make_run: MakeRun) -> None:
    folder = make_run(status="failed")
    folder.parent.chmod(0o500)
    try:
        with pytest.raises(RunFailedError, match="Permission denied"):
            clean(Path("outputs"), ALL, yes=True)
        assert (folder / "run.json").exists()
    finally:
        folder.parent.chmod(0o700)


def test_the_cache_is_offered_and_freed_with_what_is_computed_anew_only(make_run: MakeRun, capsys: Any) -> None:
    make_run()
    cache = Path(os.environ["CLOZELAB_CACHE"])
    for name in ("features", "wheels"):
        (cache / name).mkdir(parents=True)
    (cache / "features" / ("a" * 64)).write_bytes(b"x" * 4000)
    (cache / "wheels" / f"{'c' * 16}.whl").write_bytes(b"x" * 7000)
    clean(Path("outputs"), DEFAULT, yes=True)
    assert f"the cache, {cache}: --cache frees 4.0 kB, --downloads frees 7.0 kB\n" in capsys.readouterr().out
    clean(None, (*DEFAULT, "cache"), yes=True)
    out = capsys.readouterr().out
    assert f"  4.0 kB  {cache}/features: 1 entry\n" in out
    assert "freed 4.0 kB" in out
    assert [path.name for path in cache.rglob("*") if path.is_file()] == [f"{'c' * 16}.whl"]
