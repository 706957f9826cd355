"""What the tests of configurations share: config files of a user's own, and a command line that must be refused."""

from collections.abc import Callable
from pathlib import Path

import pytest

Write = Callable[[str, str], Path]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    path = tmp_path / "here"
    path.mkdir()
    monkeypatch.chdir(path)
    return path


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a config file below a directory to be given with --config-dir; returns that directory."""

    def write(name: str, text: str) -> Path:
        path = tmp_path / "own" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return tmp_path / "own"

    return write


@pytest.fixture
def refused(
    clozelab: Callable[..., tuple[int, str, str]], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., str]:
    """Runs `clozelab train`, which must refuse its arguments properly; returns the message."""

    def accept(*args: object) -> None:
        pytest.fail("the mistake was accepted: the run would have started")

    monkeypatch.setattr("clozelab.experiment.execute", accept)

    def run(*arguments: str) -> str:
        before = listing(tmp_path)
        code, out, err = clozelab("train", *arguments)
        assert code == 2, err
        assert out == ""
        assert err.startswith("clozelab: ")
        assert "Traceback" not in err
        assert "Stub" not in err
        said = err.replace(str(tmp_path), "")
        assert all(len(line) <= 300 for line in said.splitlines()), "a message is one short line"
        assert listing(tmp_path) == before, "something was left on the disk"
        return err

    return run


def listing(folder: Path) -> dict[Path, int]:
    """Returns every path below a folder, and when it was last changed."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
