"""results.json: what a study found, and what is needed to find it again, when its run directories are gone.

`compare --record` writes it below experiments/, `reproduce` reads it. The same runs give the same bytes, wherever they
lie and in whatever order they are named, so that a difference in version control is a difference in the study.
"""

import json
import logging
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from clozelab.compare.cells import Cell
from clozelab.compare.read import Record
from clozelab.compare.table import plain
from clozelab.errors import ConfigError
from clozelab.store.cache import atomic_write
from clozelab.store.runs import read_config

log = logging.getLogger(__name__)

NAME = "results.json"
FORMAT = 1

OF_A_RUN = (
    "id", "identity_hash", "code", "packages", "hardware", "numerics", "tokenizer", "ancestry", "steps", "fit_seconds",
)  # fmt: skip
"""What is taken of run.json; the identity is the cell's."""


def write_results(cells: Sequence[Cell], folder: Path) -> Path:
    """Writes what the completed runs of the cells were and found; returns the file.

    Args:
        cells: those without a completed run are left out.
        folder: made if it is not there.

    Raises:
        ConfigError: if two cells have one name, or the folder has a file of that name that says something else.
    """
    path, before = folder / NAME, read_before(folder)
    recorded: dict[str, Any] = {}
    several = len({cell.study for cell in cells}) > 1
    for cell in sorted((cell for cell in cells if cell.done), key=lambda cell: (cell.study, cell.folder.name)):
        name = f"{cell.study}/{cell.folder.name}" if several else cell.folder.name
        if name in recorded:
            raise ConfigError(f"{cell.folder}: another cell is called {name}, too; record one of them")
        recorded[name] = _cell(cell)
    text = json.dumps({"format": FORMAT, "cells": recorded}, indent=1, ensure_ascii=False, allow_nan=False)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        atomic_write(path, text + "\n")
    except OSError as error:
        raise ConfigError(f"--record {folder}: {error.strerror}") from error
    if lost := len(set(before.get("cells", {})) - set(recorded)):
        log.warning("%s had cells that it no longer has: %d", path, lost)
    return path


def read_before(folder: Path) -> dict[str, Any]:
    """Returns what a folder's record holds that is to be written again, nothing if there is none.

    Raises:
        ConfigError: if the folder cannot be one, or its file of that name says something else.
    """
    path = folder / NAME
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"--record {folder}: is no folder")
    before: dict[str, Any] = _load(path) if path.exists() else {"format": FORMAT}
    if before.get("format") != FORMAT:
        raise ConfigError(f"{str(path)!r}: not written by compare --record; move it away, or record elsewhere")
    return before


def _cell(cell: Cell) -> dict[str, Any]:
    config = read_config(cell.done[0].folder)
    place = str(config["output_dir"]).rstrip("/")
    metrics = dict.fromkeys(name for run in cell.done for name in run.metrics)
    summaries = {name: found for name in metrics if (found := cell.summary(name))}
    return {
        "hash": cell.hash,
        "selection": cell.selection,
        "config": _moved({key: value for key, value in config.items() if key != "seed"}, place),
        "identity": cell.identity,
        "summary": {
            name: {"mean": plain(found.mean), "std": plain(found.std), "n": found.n}
            for name, found in summaries.items()
        },
        "runs": [
            {
                "seed": run.seed,
                **{key: _moved(run.state[key], place) for key in OF_A_RUN if key in run.state},
                # JSON has no infinity, which a perplexity may be.
                "metrics": {name: str(v) if math.isinf(v) else plain(v) for name, v in run.metrics.items()},
            }
            for run in cell.done
        ],
    }


def _moved(value: Any, place: str) -> Any:
    """Returns a plain value in which the directory of outputs is `outputs`: where it was means nothing elsewhere."""
    if isinstance(value, dict):
        return {key: _moved(item, place) for key, item in value.items()}
    if isinstance(value, list):
        return [_moved(item, place) for item in value]
    if isinstance(value, str) and (value == place or value.startswith(f"{place}/")):
        return f"outputs{value[len(place) :]}"
    return value


def read_results(path: Path) -> list[tuple[Record, dict[str, Any] | None]]:
    """Returns every run of a record, with its configuration; None where the record has none.

    Args:
        path: of a results.json. The folder of a run is the one it would have there; nothing is in it.

    Raises:
        ConfigError: if the file is damaged, or of another shape.
    """
    found = []
    try:
        for name, cell in _load(path)["cells"].items():
            for run in cell["runs"]:
                seed = run["seed"]
                identity = {**cell["identity"], "seed": seed} if "identity" in cell else {}
                state = {**run, "identity": identity, "selection": cell.get("selection"), "status": "completed"}
                metrics = {metric: math.nan if v is None else float(v) for metric, v in run["metrics"].items()}
                config = {**cell["config"], "seed": seed} if "config" in cell else None
                found.append((Record(path.parent / name / f"seed-{seed}", seed, "completed", state, metrics), config))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ConfigError(f"{str(path)!r}: not a record of runs as clozelab compare --record writes it") from error
    return found


def _load(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ConfigError(f"{str(path)!r}: damaged, not JSON: {error}") from error
    return content if isinstance(content, dict) else {}
