"""Run directories as `clozelab train` leaves them, without having trained anything."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock


def write_run(
    output_dir: Path, *, study: str = "grid", name: str = "texts-0123abcd", seed: int = 1, status: str = "completed",
    checkpoint: bool = False, **state: Any,
) -> Path:  # fmt: skip
    """Writes a run directory; returns it."""
    folder = output_dir / study / name / f"seed-{seed}"
    folder.mkdir(parents=True)
    whole: dict[str, Any] = {
        "status": status, "pid": 1, "started": "2026-11-01T10:00:00+00:00", "error": None, "id": "x",
        "identity": {"seed": seed}, **({} if status == "running" else {"finished": "2026-11-01T10:01:30+00:00"}),
    }  # fmt: skip
    if status == "completed":
        whole["selection"] = "val/f1"
        (folder / "metrics.json").write_text(json.dumps({"val/f1": 0.75, "test/f1": 0.5}))
        (folder / "model").mkdir()
        (folder / "model" / "model.safetensors").write_bytes(b"x" * 1000)
    (folder / "run.json").write_text(json.dumps({**whole, **state}))
    (folder / "run.log").write_text("started\n")
    (folder / ".lock").touch()
    if checkpoint:
        (folder / "checkpoints").mkdir()
        (folder / "checkpoints" / "last.ckpt").write_bytes(b"x" * 2000)
        (folder / "checkpoints" / "best.pt").write_bytes(b"x" * 500)
    return folder


@pytest.fixture
def make_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Writes a run directory below outputs/ of the working directory; the cache is empty."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLOZELAB_CACHE", str(tmp_path / "cache"))
    return lambda **options: write_run(Path("outputs"), **options)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds the lock of a run, as the process that executes it does."""
    with FileLock(folder / ".lock"):
        yield


@pytest.fixture
def hold() -> Callable[[Path], Any]:
    """Holds the lock of a run."""
    return locked


def make_old(path: Path) -> Path:
    """Makes a file or folder, and all in it, a week old."""
    week_ago = path.lstat().st_mtime - 7 * 24 * 3600
    for place in (*path.rglob("*"), path):
        os.utime(place, (week_ago, week_ago), follow_symlinks=False)
    return path


@pytest.fixture
def aged() -> Callable[[Path], Path]:
    """Makes a file or folder old."""
    return make_old
