"""Learning curves and cost of cells: history.csv and timings.csv of every run, averaged over the seeds."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from clozelab.compare.cells import Cell
from clozelab.compare.read import Record
from clozelab.store.runs import Rows, read_rows

AXES = {"steps": "step", "examples": "progress/examples", "tokens": "progress/tokens"}
"""Names of the x-axes, and their columns in history.csv."""

MAX_CELLS = 300
"""Cells that have curves, the first of the table."""
MAX_POINTS = 80_000
"""Points of all curves together, as far as each keeps MIN_POINTS."""
MIN_POINTS = 20
POINTS = 200
"""Points of a curve at most: more cannot be seen."""

Curve = dict[str, list[float]]


def averages(cell: Cell) -> dict[str, Curve]:
    """Returns the curves of a cell: metric -> x-axes, `mean`, and `std` if there are several seeds.

    The mean is over those seeds that have a value at a step. Metrics of single classes are left out. Of a cell without
    a completed run the curves are those of its other runs.

    Raises:
        ConfigError: if a history.csv is damaged.
    """
    seeds = [_rows(run) for run in cell.done or cell.runs]
    names = dict.fromkeys(name for rows in seeds for row in rows.values() for name in row)
    shown = [name for name in names if name not in (*AXES.values(), "epoch") and name.count("/") == 1]
    return {name: _average(name, seeds) for name in shown}


def _rows(run: Record) -> Rows:
    rows = read_rows(run.folder / "history.csv")
    return {step: {"step": float(step), **values} for step, values in rows.items()}


def _average(metric: str, seeds: Sequence[Rows]) -> Curve:
    steps = sorted({step for rows in seeds for step, row in rows.items() if metric in row})
    at = [[rows[step] for rows in seeds if metric in rows.get(step, {})] for step in steps]
    # What is logged at a step is logged with its place on all axes.
    curve = {axis: [float(np.mean([row.get(column, np.nan) for row in rows])) for rows in at]
             for axis, column in AXES.items()}  # fmt: skip
    values = [[row[metric] for row in rows] for rows in at]
    curve["mean"] = [float(np.mean(own)) for own in values]
    if len(seeds) > 1:
        curve["std"] = [float(np.std(own, ddof=1)) if len(own) > 1 else 0.0 for own in values]
    return curve


def thinned(cells: Sequence[dict[str, Curve]]) -> list[dict[str, Curve]]:
    """Returns the curves of all cells with so few points that the page stays small, to six digits.

    The points are evenly spaced, the first and the last of a curve among them.
    """
    number = sum(len(own) for own in cells)
    points = min(POINTS, max(MIN_POINTS, MAX_POINTS // max(number, 1)))
    return [{metric: _thinned(curve, points) for metric, curve in own.items()} for own in cells]


def _thinned(curve: Curve, points: int) -> Curve:
    length = len(curve["mean"])
    kept = np.unique(np.linspace(0, length - 1, min(points, length)).round().astype(int))
    return {name: [float(f"{values[i]:.6g}") for i in kept] for name, values in curve.items()}


def cost(cell: Cell) -> dict[str, Any]:
    """Returns what a completed run of a cell took on average; None for what was not recorded.

    `seconds` of the fit with its validations; optimizer `steps`; `speed`, the median of the tokens per second of
    training; and the `machine`, or machines.

    Raises:
        ConfigError: if a timings.csv is damaged.
    """
    return {
        "seconds": _mean([run.state.get("fit_seconds") for run in cell.done]),
        "steps": _mean([run.state.get("steps") for run in cell.done]),
        "speed": _mean([_speed(run) for run in cell.done]),
        "machine": "; ".join(dict.fromkeys(_machine(run) for run in cell.done)),
    }


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _speed(run: Record) -> float | None:
    rows = read_rows(run.folder / "timings.csv")
    speeds = [row["perf/tokens_per_second"] for row in rows.values() if "perf/tokens_per_second" in row]
    return float(np.median(speeds)) if speeds else None


def _machine(run: Record) -> str:
    numerics = run.state.get("numerics", {})
    known = [run.state.get("hardware", {}).get("processor"), numerics.get("kernels")]
    count = numerics.get("num_threads")
    threads = None if count is None else f"{count} thread{'' if count == 1 else 's'}"
    return ", ".join(str(part) for part in (*known, threads) if part)
