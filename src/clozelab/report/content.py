"""What the page holds, as plain values: the table, the metrics, the keys that differ, curves, mistakes and cost."""

import math
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import track

from clozelab.compare import grids
from clozelab.compare.cells import Cell
from clozelab.compare.comparison import Comparison, test_metric
from clozelab.identity import flatten
from clozelab.metrics.direction import higher_is_better
from clozelab.report import curves, mistakes

SPLITS = ("val", "test")
RECORDED = ("numerics", "code", "packages", "hardware")
"""What a run records beside its identity: cells may differ in it, too."""
NUM_SETTINGS = 3
"""Settings in the label of a cell."""
FIRST = ("study", "lr", "max_epochs")
"""Of these, if cells differ in them: what one looks for."""
NUM_CHARACTERS = 200
"""Of a value in the list of differences."""

T = TypeVar("T")

Item = dict[str, Any]


def content(comparison: Comparison) -> Item:
    """Returns what the page shows: nothing but dicts, lists, strings, booleans and finite numbers.

    Raises:
        ConfigError: if curves of a run are damaged.
    """
    cells = comparison.cells
    drawn = [curves.averages(cell) for cell in _watched(cells[: curves.MAX_CELLS], "reading curves")]
    read = _watched(_looked_at(comparison), "reading predictions")
    found: Item = {
        "title": ", ".join(dict.fromkeys(cell.study for cell in cells)),
        "headline": _headline(comparison),
        "table": _table(comparison),
        "tests": [{"header": g.header, "rows": g.rows, "about": g.about} for g in grids.contrasts(comparison, " ")],
        "cells": _cells(comparison),
        "keys": [{"name": c.name, "values": [_value(value) for value in c.values]} for c in comparison.shown],
        "metrics": _metrics(comparison),
        "differences": _differences(comparison),
        "curves": curves.thinned(drawn),
        "cost": [curves.cost(cell) for cell in _watched(cells, "reading timings")],
        "mistakes": {str(i): {split: mistakes.mistakes(cells[i], split) for split in SPLITS} for i in read},
        "limits": _limits(cells),
    }  # fmt: skip
    plain: Item = _finite(found)
    return plain


def _cells(comparison: Comparison) -> list[Item]:
    """Returns what cells are called, and the number of the group in which their metrics compare; None of unfinished."""
    return [
        {"hash": cell.hash, "label": _label(comparison, i), "group": comparison.groups[i]}
        for i, cell in enumerate(comparison.cells)
    ]


def _watched(items: Sequence[T], what: str) -> Iterable[T]:
    """Yields the items; on a terminal with a progress bar."""
    console = Console(stderr=True)
    return track(items, what, console=console, transient=True, disable=not console.is_terminal)


def _looked_at(comparison: Comparison) -> list[int]:
    """Returns the cells whose predictions are read: those that are selected, and the first of the table."""
    kept = [*comparison.selected, *([comparison.baseline] if comparison.baseline else [])]
    order = sorted(range(len(comparison.cells)), key=lambda i: comparison.cells[i] not in kept)
    return sorted(order[: mistakes.MAX_CELLS])


def _headline(comparison: Comparison) -> list[Item]:
    """Returns the numbers to report: the test metric of every selected cell, or of the only one."""
    done = [i for i, cell in enumerate(comparison.cells) if cell.done]
    chosen = [i for i in done if comparison.cells[i] in comparison.selected] or (done if len(done) == 1 else [])
    found = []
    for i in chosen:
        cell = comparison.cells[i]
        metric = test_metric(str(cell.selection))
        found.append({
            "cell": _label(comparison, i),
            "metric": metric,
            "selection": cell.selection if cell in comparison.selected else None,
            "value": grids.summary(cell.summary(metric), " "),
            "n": len(cell.values(metric)),
            "notes": [note for note in comparison.notes[i] if note != "n = 1"],
        })  # fmt: skip
    return found


def _table(comparison: Comparison) -> Item:
    """Returns the table of the terminal: its texts, and the values that they are sorted by."""
    grid = grids.cells(comparison, "\n")
    values = []
    for i, cell in enumerate(comparison.cells):
        means = [found.mean if (found := cell.summary(name)) else None for name in comparison.metrics]
        settings = [_value(column.values[i]) for column in comparison.shown]
        own = [cell.hash, *settings, len(cell.done), *means, "; ".join(comparison.notes[i])]
        values.append(own[: len(grid.header)])
    chosen = [cell in comparison.selected for cell in comparison.cells]
    return {"header": grid.header, "rows": grid.rows, "values": values, "words": sorted(grid.words),
            "selected": chosen, "about": grid.about}  # fmt: skip


def _label(comparison: Comparison, i: int) -> str:
    columns = sorted(comparison.shown, key=lambda column: column.name not in FIRST)
    settings = [f"{c.name}={c.values[i]}" for c in columns if c.values[i] is not None]
    return " ".join([comparison.cells[i].hash, *settings[:NUM_SETTINGS]])


def _metrics(comparison: Comparison) -> list[Item]:
    """Returns the metrics that cells were selected by, and those of the table; each of all cells."""
    selections = [str(cell.selection) for cell in comparison.cells if cell.done]
    names = dict.fromkeys([*selections, *comparison.metrics])
    found = []
    for name in names:
        own = [cell.summary(name) for cell in comparison.cells]
        found.append({"name": name, "higher": higher_is_better(name), "means": [s.mean if s else None for s in own]})
    return found


def _differences(comparison: Comparison) -> Item:
    """Returns what cells differ in, beside the identity also what was recorded of their runs; one text a cell."""
    keys = {column.key: [_shown(value) for value in column.values] for column in comparison.columns}
    recorded = [_recorded(cell) for cell in comparison.cells]
    for key in dict.fromkeys(key for own in recorded for key in own):
        values = [own.get(key, "-") for own in recorded]
        if len(set(values)) > 1:
            keys[key] = values
    return {"keys": list(keys), "values": list(keys.values())}


def _recorded(cell: Cell) -> dict[str, str]:
    """Returns what was recorded of the runs of a cell, the values of several seeds side by side."""
    found: dict[str, dict[str, None]] = {}
    for run in cell.runs:
        for key, value in flatten({part: run.state.get(part) or {} for part in RECORDED}):
            if not key.startswith("numerics.package."):  # as under packages
                found.setdefault(key, {})[_shown(value)] = None
    return {key: ", ".join(values) for key, values in found.items()}


def _shown(value: Any) -> str:
    text = grids.value(value)
    return text if len(text) <= NUM_CHARACTERS else text[:NUM_CHARACTERS] + " …"


def _value(value: Any) -> Any:
    """Returns numbers and None as they are, all else as text."""
    return value if value is None or (isinstance(value, int | float) and not isinstance(value, bool)) else str(value)


def _limits(cells: Sequence[Cell]) -> list[str]:
    found = []
    if len(cells) > curves.MAX_CELLS:
        found.append(f"Learning curves are of the first {curves.MAX_CELLS} of {len(cells)} cells.")
    if len(cells) > mistakes.MAX_CELLS:
        found.append(f"Mistakes are of {mistakes.MAX_CELLS} of {len(cells)} cells: the selected and the first ones.")
    return found


def _finite(value: Any) -> Any:
    """Returns the value with None for what is no number: JSON has neither NaN nor infinity."""
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
