"""The finished runs that a path names: one, those of a cell or study, or those of a record below experiments/."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clozelab.compare.cells import Cell, make_cells
from clozelab.compare.keys import chosen
from clozelab.compare.read import Record, read_runs
from clozelab.compare.results import NAME, read_results
from clozelab.errors import ConfigError
from clozelab.store.runs import read_config

GROUPS = ("task", "data", "model", "optimizer", "scheduler", "trainer", "callbacks")
"""Without these a configuration describes no run."""


@dataclass(frozen=True, slots=True)
class Original:
    """A finished run.

    Attributes:
        run: what it was and what came out.
        config: its configuration, plain and resolved.
        cell: the run among those that differ in nothing but the seed.
    """

    run: Record
    config: dict[str, Any]
    cell: Cell

    @property
    def name(self) -> str:
        """Hash of the cell, and seed."""
        return f"{self.cell.hash}/{self.run.folder.name}"


@dataclass(frozen=True, slots=True)
class Found:
    """What is at a path.

    Attributes:
        originals: finished runs that can be launched again.
        unfinished: runs without a result to come out again, and why, a line each.
        lost: finished runs that cannot be launched again, and why, a line each.
    """

    originals: list[Original]
    unfinished: list[str]
    lost: list[str]


def find_originals(path: Path, *, seeds: Sequence[int] = (), filters: Sequence[str] = ()) -> Found:
    """Returns the finished runs at a path.

    Args:
        path: run, cell, study, or a folder with a results.json.
        seeds: only these; none are all.
        filters: `KEY=VALUE`, only cells that have it.

    Raises:
        ConfigError: if there is nothing that could be launched again.
    """
    configs: dict[Path, dict[str, Any] | None] = {}
    if _is_record(path):
        read = read_results(path if path.is_file() else path / NAME)
        configs = {run.folder: config for run, config in read}
        cells = make_cells(run for run, _ in read)
    elif (path / "run.json").is_file():
        cells = [_cell_of(path)]
    else:
        cells = make_cells(read_runs([path]))
    cells = chosen(cells, filters)
    own = path.resolve() if (path / "run.json").is_file() else None
    asked = [(cell, run) for cell in cells for run in cell.runs if own in (None, run.folder.resolve())]
    wanted = [(cell, run) for cell, run in asked if not seeds or run.seed in seeds]
    if not wanted:
        there = ", ".join(map(str, sorted({run.seed for _, run in asked})))
        raise ConfigError(f"{path}: no run with seed {', '.join(map(str, seeds))}; there is {there or 'no run'}")
    found = Found([], [], [])
    for cell, run in wanted:
        if run.status != "completed":
            advice = "its command, typed again, finishes it"
            found.unfinished.append(f"{run.folder}: this run is {run.status}, not completed; {advice}")
        elif problem := _problem(run, None if run.folder not in configs else configs[run.folder] or {}):
            found.lost.append(problem)
        else:
            found.originals.append(Original(run, configs.get(run.folder) or read_config(run.folder, *GROUPS), cell))
    if not found.originals:
        raise ConfigError("\n  ".join(dict.fromkeys([*found.unfinished, *found.lost])))
    return found


def _is_record(path: Path) -> bool:
    runs = ("run.json", "seed-*/run.json", "*/seed-*/run.json")
    return path.is_file() or ((path / NAME).is_file() and not any(any(path.glob(pattern)) for pattern in runs))


def _cell_of(folder: Path) -> Cell:
    """Returns a run among the runs beside it that differ in nothing but the seed."""
    beside = [place for place in folder.resolve().parent.glob("seed-*") if (place / "run.json").is_file()]
    own, *others = read_runs([folder, *beside])
    same = [run for run in others if _without_seed(run) == _without_seed(own)]
    return make_cells([own, *same])[0]


def _without_seed(run: Record) -> dict[str, Any]:
    return {key: value for key, value in run.identity.items() if key != "seed"}


def _problem(run: Record, recorded: dict[str, Any] | None) -> str:
    """Returns why a completed run cannot be launched again, or an empty string.

    Args:
        run: that is to be.
        recorded: its configuration in a record, empty if the record has none; None if it is a directory.
    """
    if not run.is_done:
        return f"{run.folder}: has no metrics.json, so that nothing is known of what came out"
    if recorded is not None and not (recorded and run.identity):
        return f"{run.folder.parent}: recorded without a configuration (clozelab compare --record writes one)"
    if recorded is None and not (run.folder / "config.yaml").is_file():
        return f"{run.folder}: has no config.yaml; without it nobody knows what ran"
    return "" if run.identity else f"{run.folder}: its run.json has no identity"
