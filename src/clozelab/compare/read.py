"""Reading run directories, many at once: run.json and metrics.json of each, nothing else."""

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clozelab.errors import ConfigError
from clozelab.store.runs import read_run, standing

DEPTH = 3
"""Levels of directories between what may be given and a run: itself, its cell, its study, the directory of studies."""


@dataclass(frozen=True, slots=True)
class Record:
    """One run directory.

    Attributes:
        folder: of the run, as given.
        seed: of the run.
        status: `completed`, `running`, `interrupted` (also if its process was killed), `failed` or `new`.
        state: run.json.
        metrics: final metrics of a completed run, else empty.
    """

    folder: Path
    seed: int
    status: str
    state: dict[str, Any]
    metrics: dict[str, float]

    @property
    def identity(self) -> dict[str, Any]:
        """Identity keys and values, flat; empty if the run ended before it had one."""
        return self.state.get("identity", {})

    @property
    def is_done(self) -> bool:
        """Whether the run has final metrics."""
        return bool(self.metrics)


def read_runs(paths: Iterable[Path]) -> list[Record]:
    """Returns every run at or below the paths, each once, in the order of the paths and then of the names.

    Args:
        paths: runs, cells, studies or directories of studies.

    Raises:
        ConfigError: without a path, for a path with no run at or below it, and for a damaged file.
    """
    found: dict[Path, Path] = {}
    for path in paths:
        for folder in run_folders(path):
            found.setdefault(folder.resolve(), folder)
    if not found:
        raise ConfigError(f"no path to compare; give {_shape()}")
    return [read_record(folder) for folder in found.values()]


def run_folders(path: Path) -> list[Path]:
    """Returns the run directories at or below a path, by name.

    Raises:
        ConfigError: if there is none.
    """
    if not path.is_dir():
        what = "not a folder" if path.exists() else "no such folder"
        study = Path("outputs", path)  # a study is called by its name, too
        advice = f". Did you mean {str(study)!r}?" if study.is_dir() else f"; give {_shape()}"
        raise ConfigError(f"{str(path)!r}: {what}{advice}")
    level: Sequence[Path] = [path]
    for _ in range(DEPTH + 1):
        if runs := [folder for folder in level if (folder / "run.json").is_file()]:
            return sorted(runs, key=by_name)
        level = [child for folder in level for child in _children(folder)]
    raise ConfigError(f"{str(path)!r}: no run in it or below it; give {_shape()}")


def by_name(folder: Path) -> tuple[str, int, str]:
    """Returns what run directories are sorted by."""
    return str(folder.parent), len(folder.name), folder.name  # seed-10 after seed-9


def _children(folder: Path) -> list[Path]:
    with os.scandir(folder) as entries:
        return [folder / entry.name for entry in entries if entry.is_dir() and not entry.name.startswith(".")]


def _shape() -> str:
    return "a study, a cell or a run: outputs/<study>[/<name>[/seed-<n>]]"


def read_record(folder: Path) -> Record:
    """Returns what is recorded of a run.

    Raises:
        ConfigError: if a file is damaged.
    """
    state = read_run(folder)
    status = standing(folder, state)
    path = folder / "metrics.json"
    metrics: dict[str, float] = {}
    if status == "completed" and path.exists():
        try:
            metrics = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ConfigError(f"{str(path)!r}: damaged, not JSON: {error}") from error
        if not isinstance(metrics, dict) or not all(isinstance(value, int | float) for value in metrics.values()):
            raise ConfigError(f"{str(path)!r}: damaged, not one JSON object of numbers")
    prefix, _, number = folder.name.partition("-")
    named = int(number) if prefix == "seed" and number.isdigit() else 0
    return Record(folder, state.get("identity", {}).get("seed", named), status, state, metrics)
