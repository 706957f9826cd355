"""A comparison as rows of short texts: what the terminal, LaTeX and Markdown show alike."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from clozelab.compare.against import METHODS, Contrast
from clozelab.compare.cells import Cell, equals, few
from clozelab.compare.comparison import Comparison, test_metric
from clozelab.compare.seeds import RESAMPLES, Summary
from clozelab.metrics.direction import higher_is_better

LEVEL = 0.05
SELECTED = "*"


@dataclass(frozen=True, slots=True)
class Grid:
    """A table of texts.

    Attributes:
        header: names of the columns.
        rows: one text a column.
        words: columns of words, which may be broken; the others are numbers.
        settings: the columns that hold values of config keys.
        metrics: the columns that hold metrics.
        about: lines to read the table by.
    """

    header: list[str]
    rows: list[list[str]]
    words: set[int]
    settings: range
    metrics: range
    about: list[str]


def cells(comparison: Comparison, between: str) -> Grid:
    """Returns the table of cells.

    Args:
        comparison: to show.
        between: what stands between `mean ± std` and the interval: a new line or a space.
    """
    settings = [column.name for column in comparison.shown]
    header = ["cell", *settings, "n", *comparison.metrics]
    rows = []
    for i, cell in enumerate(comparison.cells):
        mark = f" {SELECTED}" if cell in comparison.selected else ""
        values = [value(column.values[i]) for column in comparison.shown]
        metrics = [summary(cell.summary(name), between) for name in comparison.metrics]
        rows.append([cell.hash + mark, *values, str(len(cell.done)), *metrics])
    words = {0, *range(1, len(settings) + 1)}
    if any(comparison.notes):
        apart = "\n" if between == "\n" else "; "
        header.append("notes")
        rows = [[*row, apart.join(note)] for row, note in zip(rows, comparison.notes, strict=True)]
        words.add(len(header) - 1)
    first = 2 + len(settings)
    places = range(first, first + len(comparison.metrics))
    return Grid(header, rows, words, range(1, first - 1), places, _about(comparison))


def with_settings_joined(grid: Grid) -> Grid:
    """Returns the grid with all config keys in one column, `key=value` under `key=value`."""
    return _joined(grid, grid.settings, "config", "=")


def with_metrics_joined(grid: Grid) -> Grid:
    """Returns the grid with all metrics in one column, each under the other."""
    return _joined(grid, grid.metrics, "metrics", " ")


def _joined(grid: Grid, places: range, name: str, sign: str) -> Grid:
    if len(places) < 2:
        return grid
    first, last, fewer = places.start, places.stop, len(places) - 1
    rows = []
    for row in grid.rows:
        lines = [f"{grid.header[i]}{sign}{row[i]}" for i in places if row[i] != "-"]
        rows.append([*row[:first], "\n".join(lines), *row[last:]])

    def moved(place: int) -> int:
        return place if place <= first else max(first, place - fewer)

    settings, metrics = (range(moved(r.start), moved(r.stop - 1) + 1) for r in (grid.settings, grid.metrics))
    header = [*grid.header[:first], name, *grid.header[last:]]
    return Grid(header, rows, set(map(moved, grid.words)), settings, metrics, grid.about)


def value(value: Any) -> str:
    """Returns what a config key was set to, `-` if a cell has no such key; a line break as `\\n`, in its row."""
    text = "-" if value is None else str(value)
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


def _number(value: float) -> str:
    return f"{value:.4f}" if abs(value) < 100 or not math.isfinite(value) else f"{value:.1f}"


def summary(found: Summary | None, between: str) -> str:
    """Returns `mean ± std [low, high]`, the mean alone if n = 1, `-` if there is none."""
    if found is None:
        return "-"
    if math.isnan(found.std):
        return _number(found.mean)
    return f"{_number(found.mean)} ± {_number(found.std)}{between}[{_number(found.low)}, {_number(found.high)}]"


def _about(comparison: Comparison) -> list[str]:
    lines = []
    if left := len(comparison.columns) - len(comparison.shown):
        lines.append(f"keys that only some of these classes have, in --format csv: {left}")
    if (groups := max(filter(None, comparison.groups), default=0)) > 1:
        lines.append(
            f"{groups} groups of cells that were selected by other metrics or on other validation examples: metrics "
            "compare within a group"
        )
    if any(len(cell.done) > 1 for cell in comparison.cells):
        lines.append(
            f"mean ± standard deviation over n seeds; [95 % percentile bootstrap interval of the mean, {RESAMPLES:,} "
            "resamples of the seeds; too narrow for few seeds]"
        )
    for cell in comparison.selected:
        notes = comparison.notes[comparison.cells.index(cell)]
        lines.append(f"{SELECTED} selected by {cell.selection}: {'; '.join([_reported(cell), *notes])}")
        if others := equals(cell, comparison.cells):
            lines.append(f"  as good on validation, of another name: {few([other.hash for other in others])}")
    return lines


def _reported(cell: Cell) -> str:
    """Returns the test metric of a selected cell: the number to report."""
    metric = test_metric(str(cell.selection))
    found = cell.summary(metric)
    if found is None:
        return f"{cell.hash}; it has no {metric}"
    return f"{cell.hash}, {metric} = {summary(found, ' ')}, n = {found.n}"


def contrasts(comparison: Comparison, between: str) -> list[Grid]:
    """Returns a table of tests against the baseline for each metric.

    Args:
        comparison: to show.
        between: what stands between a difference and its interval: a new line or a space.
    """
    grids = []
    for metric in dict.fromkeys(row.metric for row in comparison.contrasts):
        assert comparison.baseline is not None, "there are tests against it"
        own = [row for row in comparison.contrasts if row.metric == metric]
        header = ["cell", "difference", "bootstrap", "random.", "d", "t", "permut."]
        name = _names(comparison)
        better = "" if higher_is_better(metric) else " (less is better)"
        rows = [[name(row.cell), *_numbers(row, between)] for row in own]
        about = [
            f"{metric}{better}: each cell minus {name(comparison.baseline)}; p values, two-sided, adjusted for the "
            f"number of cells by Holm's method; {SELECTED} below {LEVEL}",
            *_about_notes(own, name),
        ]
        grids.append(Grid(header, rows, {0}, range(0), range(0), about))
    if grids:
        grids[-1].about.extend(_about_tests(comparison.contrasts))
    return grids


def _names(comparison: Comparison) -> Callable[[Cell], str]:
    """Returns how to call a cell: by its hash, with its study where two studies have that cell."""
    hashes = Counter(cell.hash for cell in comparison.cells)
    return lambda cell: cell.hash if hashes[cell.hash] == 1 else f"{cell.study}/{cell.hash}"


def _about_notes(rows: Sequence[Contrast], name: Callable[[Cell], str]) -> list[str]:
    """Returns a line for each note, with the cells that it is of."""
    cells: dict[str, list[str]] = {}
    for row in rows:
        for note in row.notes:
            cells.setdefault(note, []).append(name(row.cell))
    return [f"{few(names)}: {note}" for note, names in cells.items()]


def _numbers(row: Contrast, between: str) -> list[str]:
    examples, seeds = row.over_examples, row.over_seeds
    difference = "-"
    if examples is not None:
        difference = f"{examples.difference:+.4f}{between}[{examples.low:+.4f}, {examples.high:+.4f}]"
    elif seeds is not None and not math.isnan(seeds.difference):
        difference = f"{seeds.difference:+.4f}"
    p = {method: _p(row.adjusted[method]) for method in METHODS}
    effect = "-" if seeds is None or math.isnan(seeds.effect) else f"{seeds.effect:+.2f}"
    return [difference, p["bootstrap"], p["randomisation"], effect, p["t"], p["permutation"]]


def _p(value: float) -> str:
    if math.isnan(value):
        return "-"
    return ("<.0001" if value < 1e-4 else f"{value:.4f}") + (SELECTED if value < LEVEL else " ")


def _about_tests(rows: list[Contrast]) -> list[str]:
    tests = sorted({row.over_seeds.method for row in rows if row.over_seeds})
    lines = [
        "bootstrap, random.: over the examples, whose metrics are averaged over the seeds: paired bootstrap (Koehn "
        "2004) with the 95 % interval of the difference, which is not adjusted, approximate randomisation (Yeh 2000)",
        f"d, t, permut.: over the seeds: Cohen's d, {' or '.join(tests)} test, permutation test; paired where both "
        "cells have the same seeds, d then in standard deviations of the paired differences",
    ]
    floors = [row.over_seeds.floor for row in rows if not math.isnan(row.p["permutation"]) and row.over_seeds]
    if max(floors, default=0) >= LEVEL:
        lines.append(f"of so few seeds the permutation test cannot give less than {max(floors):.2g} before adjusting")
    return lines
