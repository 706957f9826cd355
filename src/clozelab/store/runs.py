"""Run directories as they are read: as a source of models, and for what they recorded."""

import csv
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, final

import yaml
from filelock import FileLock, Timeout

from clozelab.errors import ConfigError
from clozelab.store.hashing import folder_digest

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Ten times as fast, where it was compiled."""

Rows = dict[int, dict[str, float]]
"""Optimizer step -> metric -> value."""


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
        status = standing(folder, read_run(folder))
        if status != "completed":
            advice = "wait for it" if status == "running" else "type its command again to finish it"
            raise ConfigError(f"{path!r}: this run is {status}, not completed; {advice}")
        if not (folder / "model" / "config.json").exists():
            raise ConfigError(f"{path!r}: this run has no model any more (model/config.json)")

    def fingerprint(self, path: str) -> str:
        """Returns the digest of the model's files but its card, which holds scores and places, not the model."""
        return folder_digest(self.locate(path), without="README.md")

    def locate(self, path: str) -> Path:
        """Returns the model folder of the run."""
        self.check(path)
        return run_directory(path) / "model"


LOCK = ".lock"
"""File in a run directory that the process which executes the run holds locked."""

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
    return read_object(folder / "run.json")


def read_object(path: Path) -> dict[str, Any]:
    """Returns what a file of JSON holds.

    Raises:
        ConfigError: if it is damaged.
    """
    try:
        state: Any = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ConfigError(f"{str(path)!r}: damaged, not JSON: {error}") from error
    if not isinstance(state, dict):
        raise ConfigError(f"{str(path)!r}: damaged, not one JSON object")
    return state


def read_config(folder: Path, *groups: str) -> dict[str, Any]:
    """Returns the config.yaml of a run directory, plain and resolved.

    Args:
        folder: of the run.
        groups: that it must have.

    Raises:
        ConfigError: if there is none, or none that can be read.
    """
    path = folder / "config.yaml"
    try:
        config = yaml.load(path.read_text(encoding="utf-8"), Loader=LOADER)
    except FileNotFoundError as error:
        raise ConfigError(f"{str(folder)!r}: has no config.yaml; without it nobody knows what ran") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{str(path)!r}: damaged, not YAML") from error
    if not isinstance(config, dict):
        raise ConfigError(f"{str(path)!r}: damaged, not the configuration of a run")
    if missing := [group for group in groups if not isinstance(config.get(group), dict)]:
        raise ConfigError(f"{str(path)!r}: damaged, has no {missing[0]}")
    return config


def read_rows(path: Path) -> Rows:
    """Returns the rows of a run's history.csv or timings.csv, none if there is no such file.

    Raises:
        ConfigError: if it is damaged.
    """
    if not path.exists():
        return {}
    try:
        with open(path, newline="", encoding="utf-8") as file:
            return {int(row.pop("step")): {k: float(v) for k, v in row.items() if v} for row in csv.DictReader(file)}
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{str(path)!r}: damaged, not a table of numbers with a column `step`: {error}") from error


def standing(folder: Path, state: Mapping[str, Any]) -> str:
    """Returns how a run stands: what its run.json says, but `interrupted` if its process is gone without a word."""
    status = str(state.get("status", "new"))
    return "interrupted" if status == "running" and not is_held(folder) else status


def is_held(folder: Path) -> bool:
    """Says whether a process executes the run: it holds the lock, which goes with it however it ends."""
    if not (folder / LOCK).exists():
        return False
    try:
        FileLock(folder / LOCK).acquire(timeout=0).lock.release()
    except (Timeout, OSError):  # OSError: not ours to lock, so what run.json says must do
        return True
    return False


def reads_pairs(folder: Path) -> bool | None:
    """Returns whether a run of texts was trained on pairs, which its predictions say; None if these are not there."""
    import pyarrow as pa  # imported here: listing a thousand runs reads no predictions
    import pyarrow.parquet as pq

    try:
        return "text_pair" in pq.read_schema(folder / "predictions" / "test.parquet").names
    except (pa.ArrowException, OSError):  # damaged: then nobody knows
        return None


def _advice(folder: Path) -> str:
    """Returns what to give instead of a folder that is no run: a run below it, if there are any."""
    if (folder / "config.json").exists():
        return f"it is a model's folder, which transformers and model=hub take; here give {SHAPE}"
    seeds = sorted(folder.glob("seed-*"), key=lambda seed: (len(seed.name), seed.name))
    if seeds:
        return f"choose one of its seeds: {', '.join(str(seed) for seed in seeds)}"
    below = sorted(str(run.parent) for run in (*folder.glob("*/seed-*/run.json"), *folder.glob("*/*/seed-*/run.json")))
    return f"choose one below it, such as {below[0]}" if below else f"give {SHAPE}"
