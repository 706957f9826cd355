"""What `compare` shows in every format: cells, the keys they differ in, the metrics, the one that is selected."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clozelab.compare.against import METHODS, Contrast, contrast
from clozelab.compare.cells import Cell, best_first, find_cell, make_cells, notes, rivals, select
from clozelab.compare.keys import Column, chosen, differing
from clozelab.compare.read import read_runs
from clozelab.errors import ConfigError, did_you_mean

Flat = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Cells side by side.

    Attributes:
        cells: in the order they are shown in.
        metrics: to show.
        columns: keys that differ; `shown` are those that a table has room for.
        selected: cells that validation selects.
        groups: number of each cell's group, whose metrics compare, from 1; None without a completed run.
        notes: of each cell.
        baseline: the cell the others are compared with, if one was named.
        contrasts: the others against it, of every metric of the split reported.
    """

    cells: list[Cell]
    metrics: list[str]
    columns: list[Column]
    selected: list[Cell]
    groups: list[int | None]
    notes: list[list[str]]
    baseline: Cell | None
    contrasts: list[Contrast]

    @property
    def shown(self) -> list[Column]:
        """The keys that differ, without those that the class of a node implies."""
        return [column for column in self.columns if not column.implied]


def compare(
    paths: Sequence[Path],
    *,
    metrics: Sequence[str] = (),
    sort: str | None = None,
    filters: Sequence[str] = (),
    against: str | None = None,
) -> Comparison:
    """Returns the comparison of all cells at or below the paths.

    Args:
        paths: studies, cells or runs.
        metrics: such as `test/accuracy`, or `accuracy` for all splits; none are those that the cells were selected by.
        sort: metric to sort by, the best first; None is the one they were selected by.
        filters: `KEY=VALUE`.
        against: cell that the others are compared with.

    Raises:
        ConfigError: for a path that is none, an unknown metric, key or cell, or if nothing is completed.
    """
    cells = chosen(make_cells(read_runs(paths)), filters)
    if not any(cell.done for cell in cells):
        first = cells[0].runs[0]
        advice = "wait for it" if first.status == "running" else "its command, typed again, finishes it"
        raise ConfigError(f"no finished run: {first.folder} is {first.status}; {advice}")
    known = list(dict.fromkeys(name for cell in cells for run in cell.done for name in run.metrics))
    own = _selections(cells, known)
    shown = [name for metric in metrics for name in _resolve("--metrics", metric, known)] or own
    cells = best_first(cells, _resolve("--sort", sort, known)[0]) if sort else _in_groups(cells)
    baseline = find_cell(against, cells) if against else None
    return Comparison(
        cells, list(dict.fromkeys(shown)), differing(cells), select(cells), _group_numbers(cells),
        [notes(cell, cells) for cell in cells], baseline, _contrasts(baseline, cells, shown) if baseline else [],
    )  # fmt: skip


def _in_groups(cells: Sequence[Cell]) -> list[Cell]:
    """Returns rivals side by side, the best first; then those without a completed run."""
    compared = [cell for group in rivals(cells) for cell in best_first(group, str(group[0].selection))]
    return [*compared, *(cell for cell in cells if cell.selection is None)]


def _group_numbers(cells: Sequence[Cell]) -> list[int | None]:
    number_of = {cell: number for number, group in enumerate(rivals(cells), 1) for cell in group}
    return [number_of.get(cell) for cell in cells]


def _contrasts(baseline: Cell, cells: Sequence[Cell], shown: Sequence[str]) -> list[Contrast]:
    """Returns the tests of the metrics that are shown of the test split, else of those shown."""
    names = [name for name in shown if not name.startswith("val/")] or shown
    # Cells of several tasks are shown with metrics of each.
    both = [n for n in names if baseline.values(n) and any(cell.values(n) for cell in cells if cell is not baseline)]
    return [row for name in dict.fromkeys(both or names[:1]) for row in contrast(baseline, cells, name)]


def _selections(cells: Sequence[Cell], known: Sequence[str]) -> list[str]:
    """Returns the metrics that cells were selected by, and the same of the test split."""
    names = dict.fromkeys(str(cell.selection) for cell in cells if cell.done)
    both = [name for metric in names for name in (metric, test_metric(metric))]
    return [name for name in both if name in known] or list(known[:1])


def test_metric(selection: str) -> str:
    """Returns what is reported of a cell that a validation metric selected."""
    return selection.replace("val/", "test/", 1)


def _resolve(option: str, word: str, known: Sequence[str]) -> list[str]:
    """Returns the metrics that a word names, the whole name or the name without its split."""
    found = [name for name in known if name == word] or [name for name in known if name.partition("/")[2] == word]
    if not found:
        bare = list(dict.fromkeys(name.partition("/")[2] for name in known))
        whole = ", ".join(name for name in bare if "/" not in name)
        hint = did_you_mean(word, [*known, *bare])
        raise ConfigError(f"{option} {word}: no such metric.{hint} Metrics: {whole}; of one split: {known[0]}")
    return found


def flat(comparison: Comparison) -> list[Flat]:
    """Returns a row a cell, all values at full precision: what csv files and DataFrames hold."""
    rows = []
    for i, cell in enumerate(comparison.cells):
        row: Flat = {"cell": cell.hash, "study": cell.study, "selected": cell in comparison.selected}
        row |= {"group": comparison.groups[i]}
        row |= {column.name: column.values[i] for column in comparison.columns if column.name not in row}
        row |= {"n": len(cell.done), "seeds": " ".join(str(run.seed) for run in cell.done)}
        for name in comparison.metrics:
            found = cell.summary(name)
            for part in ("mean", "std", "low", "high"):
                row[name if part == "mean" else f"{name} {part}"] = getattr(found, part) if found else None
        row["notes"] = "; ".join(comparison.notes[i])
        if comparison.baseline:
            for name in dict.fromkeys(c.metric for c in comparison.contrasts):
                own = next((c for c in comparison.contrasts if c.cell is cell and c.metric == name), None)
                row |= {f"{name} {key}": value for key, value in against(own).items()}
        rows.append(row)
    return rows


def against(row: Contrast | None) -> Flat:
    """Returns the numbers of a contrast, None where there are none."""
    examples, seeds = (row.over_examples, row.over_seeds) if row else (None, None)
    found: Flat = {"difference": examples.difference if examples else seeds.difference if seeds else None}
    found |= {f"difference {end}": getattr(examples, end) if examples else None for end in ("low", "high")}
    found |= {"effect d": seeds.effect if seeds else None, "t test": seeds.method if seeds else None}
    for method in METHODS:
        found[f"p {method}"] = row.p[method] if row else None
        found[f"p {method} holm"] = row.adjusted[method] if row else None
    return found | {"against note": "; ".join(row.notes) if row else None}
