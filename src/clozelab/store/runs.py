"""Finished runs as a source of models: the encoder of one is the beginning of the next."""

import json
import os
from pathlib import Path
from typing import Any, final

import pyarrow.parquet as pq

from clozelab.errors import ConfigError
from clozelab.store.hashing import folder_digest


@final
class Runs:
    """The model of a finished run; a path is the run directory, or the `model` folder in it."""

    def check(self, path: str) -> None:
        """Refuses what is not the directory of a completed run.

        Raises:
            ConfigError: naming the path, and what to give instead.
        """
        folder = run_directory(path)
        if not os.path.isdir(folder):
            raise ConfigError(f"{path!r}: no such folder; give {SHAPE}")
        if not (folder / "run.json").exists():
            raise ConfigError(f"{path!r}: not a run, it has no run.json; {_advice(folder)}")
        status = read_run(folder).get("status", "new")
        if status != "completed":
            raise ConfigError(f"{path!r}: this run is {status}, not completed; type its command again to finish it")
        if not (folder / "model" / "config.json").exists():
            raise ConfigError(f"{path!r}: this run has no model any more (model/config.json)")

    def fingerprint(self, path: str) -> str:
        """Returns the digest of the model's files but its card, which holds scores and places, not the model."""
        return folder_digest(self.locate(path), without="README.md")

    def locate(self, path: str) -> Path:
        """Returns the model folder of the run."""
        self.check(path)
        return run_directory(path) / "model"


SHAPE = "the directory of a run, outputs/<study>/<name>/seed-<n>"


def run_directory(path: str) -> Path:
    """Returns the run directory that a path names, itself or by the `model` folder in it; it need not exist."""
    place = Path(os.path.expanduser(path))
    return place.parent if place.name == "model" and (place.parent / "run.json").exists() else place


def read_run(folder: Path) -> dict[str, Any]:
    """Returns the run.json of a run directory.

    Raises:
        ConfigError: if it is damaged.
    """
    try:
        state: dict[str, Any] = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    except ValueError as error:
        raise ConfigError(f"{str(folder / 'run.json')!r}: damaged, not JSON: {error}") from error
    return state


def reads_pairs(folder: Path) -> bool | None:
    """Returns whether a run of texts was trained on pairs, which its predictions say; None if they are not there."""
    stored = folder / "predictions" / "test.parquet"
    return "text_pair" in pq.read_schema(stored).names if stored.exists() else None


def _advice(folder: Path) -> str:
    """Returns what to give instead of a folder that is no run: a run below it, if there are any."""
    seeds = sorted(folder.glob("seed-*"), key=lambda seed: (len(seed.name), seed.name))
    if seeds:
        return f"choose one of its seeds: {', '.join(str(seed) for seed in seeds)}"
    below = sorted(str(run.parent) for run in (*folder.glob("*/seed-*/run.json"), *folder.glob("*/*/seed-*/run.json")))
    return f"choose one below it, such as {below[0]}" if below else f"give {SHAPE}"
