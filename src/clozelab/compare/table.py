"""A comparison as text: on the terminal, readable in 80 columns, as csv, json, LaTeX or Markdown."""

import csv
import io
import json
import math
import re
from collections.abc import Callable
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from clozelab.compare import grids
from clozelab.compare.comparison import Comparison, against, flat
from clozelab.compare.grids import Grid

WRAPPED = 16
"""Least width of a column of words that are broken to fit."""


def print_terminal(comparison: Comparison) -> None:
    """Prints the tables on the terminal, and what one must know to read them."""
    console = Console(highlight=False, markup=False, emoji=False)
    for grid in (grids.cells(comparison, "\n"), *grids.contrasts(comparison, "\n")):
        console.print(_rich(_fitting(grid, console.width)))
        console.print("\n".join(["", *grid.about, ""] if grid.about else []))


def _fitting(grid: Grid, width: int) -> Grid:
    """Returns the grid in the first shape that the width has room for, the narrowest if it has for none."""
    joined = grids.with_settings_joined(grid)
    for shape in (grid, joined):
        whole = {*range(len(shape.header))} - shape.words | (set(shape.settings) if shape is grid else set())
        needed = [
            most if i in whole else min(most, WRAPPED)
            for i, column in enumerate(zip(shape.header, *shape.rows, strict=True))
            for most in [max(cell_len(line) for text in column for line in text.split("\n"))]
        ]
        if sum(needed) + 2 * len(needed) - 2 <= width:
            return shape
    return grids.with_metrics_joined(joined)


def _rich(grid: Grid) -> Table:
    table = Table(box=None, pad_edge=False)
    for i, name in enumerate(grid.header):
        words = i in grid.words
        table.add_column(name, justify="left" if words else "right", overflow="fold", no_wrap=not words)
    for row in grid.rows:
        table.add_row(*row)
    return table


def as_csv(comparison: Comparison) -> str:
    """Returns a row a cell, with full precision."""
    text = io.StringIO()
    rows = flat(comparison)
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: plain(value) for key, value in row.items()} for row in rows)
    return text.getvalue()


def as_json(comparison: Comparison) -> str:
    """Returns a list of cells: configuration under full keys, metrics of every seed, and the tests."""
    rows = []
    for i, cell in enumerate(comparison.cells):
        metrics = {}
        for name in comparison.metrics:
            if found := cell.summary(name):
                parts = {part: plain(getattr(found, part)) for part in ("mean", "std", "low", "high")}
                metrics[name] = {**parts, "values": [plain(value) for value in cell.values(name)]}
        row: dict[str, Any] = {
            "cell": cell.hash, "study": cell.study, "folder": str(cell.folder),
            "selected": cell in comparison.selected, "selection": cell.selection, "group": comparison.groups[i],
            "config": {column.key: column.values[i] for column in comparison.columns},
            "n": len(cell.done), "seeds": [run.seed for run in cell.done], "notes": comparison.notes[i],
            "metrics": metrics,
        }  # fmt: skip
        own = [contrast for contrast in comparison.contrasts if contrast.cell is cell]
        if own:
            row["against"] = {c.metric: {key: plain(value) for key, value in against(c).items()} for c in own}
        rows.append(row)
    return json.dumps(rows, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def plain(value: Any) -> Any:
    """Returns None for what is no number."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def as_markdown(comparison: Comparison) -> str:
    """Returns tables with pipes."""
    return _text(comparison, _markdown, lambda line: f"- {_literal(line)}") + "\n"


def _markdown(grid: Grid) -> str:
    rule = ["---" if i in grid.words else "---:" for i in range(len(grid.header))]
    rows = [grid.header, rule, *grid.rows]
    return "\n".join("| " + " | ".join(_literal(cell.strip()) for cell in row) + " |" for row in rows)


def _literal(text: str) -> str:
    """Returns a text in which Markdown finds no list, emphasis, code, tag or end of a cell."""
    return re.sub(r"([\\`*<|])", r"\\\1", text)


def as_latex(comparison: Comparison) -> str:
    """Returns tables for the package booktabs."""
    return _text(comparison, _latex, lambda line: f"% {line}") + "\n"


def _latex(grid: Grid) -> str:
    kinds = "".join("l" if i in grid.words else "r" for i in range(len(grid.header)))
    header, *rows = (" & ".join(map(_escaped, row)) + r" \\" for row in (grid.header, *grid.rows))
    body = [rf"\begin{{tabular}}{{{kinds}}}", r"\toprule", header, r"\midrule", *rows, r"\bottomrule", r"\end{tabular}"]
    return "\n".join(body)


SPECIAL = {
    "\\": r"\textbackslash{}",
    "±": r"$\pm$", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": "$<$", ">": "$>$",
    **{character: f"\\{character}" for character in "&%$#_{}"},
}  # fmt: skip


def _escaped(text: str) -> str:
    escaped = "".join(SPECIAL.get(character, character) for character in text.strip())
    return f"{{{escaped}}}" if escaped.startswith(("[", "*")) else escaped  # after \\ they would be its argument


def _text(comparison: Comparison, draw: Callable[[Grid], str], comment: Callable[[str], str]) -> str:
    found = (grids.cells(comparison, " "), *grids.contrasts(comparison, " "))
    return "\n\n".join("\n".join([draw(grid), "", *map(comment, grid.about)]) for grid in found)


FORMATS: dict[str, Callable[[Comparison], str]] = {
    "csv": as_csv, "json": as_json, "latex": as_latex, "markdown": as_markdown,
}  # fmt: skip
"""Formats beside the terminal's."""
