"""One cell against all others: is what lies between them more than the choice of examples, more than the seeds?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import final

import numpy as np
from rich.console import Console
from rich.progress import track

from clozelab.compare.cells import Cell
from clozelab.compare.predictions import Predictions, aligned, decompose, has_predictions, read_predictions
from clozelab.compare.read import Record
from clozelab.compare.seeds import TTest, holm, permutation_test, t_test
from clozelab.compare.significance import Bootstrap, approximate_randomisation, paired_bootstrap
from clozelab.errors import ConfigError

METHODS = ("bootstrap", "randomisation", "t", "permutation")


@dataclass(slots=True)
class Contrast:
    """A cell minus the one it is compared with, in one metric.

    Attributes:
        cell: the one that is not the baseline.
        metric: such as `test/accuracy`.
        over_seeds: the t test; None if the two were not scored on the same examples.
        over_examples: the paired bootstrap; None if `notes` say why not.
        pairs: seeds of the cell and of the baseline whose predictions were compared.
        p: two-sided, of each method; NaN where there is no test.
        adjusted: the same, adjusted for the number of cells (Holm).
        notes: why a test is missing, and which seeds it is of where that is not all.
    """

    cell: Cell
    metric: str
    over_seeds: TTest | None = None
    over_examples: Bootstrap | None = None
    pairs: list[tuple[int, int]] = field(default_factory=list)
    p: dict[str, float] = field(default_factory=lambda: dict.fromkeys(METHODS, math.nan))
    adjusted: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def contrast(baseline: Cell, cells: Sequence[Cell], metric: str) -> list[Contrast]:
    """Returns every other cell against the baseline, its p values adjusted for the number of cells.

    Raises:
        ConfigError: if the baseline lacks the metric or its predictions, or no other cell can be compared with it.
    """
    if not baseline.values(metric):
        raise ConfigError(f"--against {baseline.hash}: no completed run of it has {metric}")
    others = [cell for cell in cells if cell is not baseline and cell.values(metric)]
    if not others:
        raise ConfigError(f"--against {baseline.hash}: no other cell has {metric}; give more cells to compare")
    one = _Baseline(baseline, metric)
    console = Console(stderr=True)
    shown = track(others, "comparing", console=console, transient=True, disable=not console.is_terminal)
    found = [one.contrast(cell) for cell in shown]
    if all(row.over_seeds is None for row in found):
        raise ConfigError(
            f"--against {baseline.hash}: {found[0].notes[0]} in every other cell; they cannot be compared"
        )
    for method in METHODS:
        for row, value in zip(found, holm([row.p[method] for row in found]), strict=True):
            row.adjusted[method] = value
    return found


@final
class _Baseline:
    """The cell that others are compared with, its predictions read once."""

    def __init__(self, baseline: Cell, metric: str) -> None:
        self.metric = metric
        self.runs = [run for run in baseline.done if metric in run.metrics]
        self.read = {run.seed: read_predictions(run, self.split) for run in self.runs}

    @property
    def split(self) -> str:
        return self.metric.partition("/")[0]

    def contrast(self, cell: Cell) -> Contrast:
        """Returns one cell against the baseline."""
        row = Contrast(cell, self.metric)
        runs = [run for run in cell.done if self.metric in run.metrics]
        pairs = _pairs(runs, self.runs)
        read = []
        if all(has_predictions(run, self.split) for run, _ in pairs):
            read = [read_predictions(run, self.split) for run, _ in pairs]
            same = (
                own.examples.equals(self.read[run.seed].examples) for own, (_, run) in zip(read, pairs, strict=True)
            )
            if not all(same):
                row.notes.append("other test examples" if self.split == "test" else "other examples")
                return row
        else:
            row.notes.append("no predictions")
        self._over_seeds(row, runs, pairs)
        try:
            if read:
                self._over_examples(row, pairs, read)
        except ConfigError as error:
            row.notes.append(str(error))
        self._note_seeds(row, runs, pairs)
        return row

    def _note_seeds(self, row: Contrast, runs: Sequence[Record], pairs: Sequence[tuple[Record, Record]]) -> None:
        """Notes which seeds the tests are of, if that is not all of both cells."""
        assert row.over_seeds is not None
        paired = row.over_seeds.method == "paired t"
        if len(pairs) == max(len(runs), len(self.runs)) or not (paired or row.over_examples):
            return
        own, theirs = (", ".join(str(run.seed) for run in side) for side in zip(*pairs, strict=True))
        tests = "tests" if paired else "tests over the examples"
        seeds = f"{'seed' if len(pairs) == 1 else 'seeds'} {own}" + ("" if own == theirs else f" against {theirs}")
        row.notes.append(f"difference and {tests} are of {seeds} alone")

    def _over_seeds(self, row: Contrast, runs: Sequence[Record], pairs: Sequence[tuple[Record, Record]]) -> None:
        # The same seed means the same order of examples in both cells: such runs belong together.
        paired = len(pairs) > 1 and all(run.seed == other.seed for run, other in pairs)
        sides = list(zip(*pairs, strict=True)) if paired else [runs, self.runs]
        a, b = ([run.metrics[self.metric] for run in side] for side in sides)
        row.over_seeds = t_test(a, b, paired=paired)
        row.p["t"] = row.over_seeds.p
        row.p["permutation"] = permutation_test(a, b, paired=paired)
        if math.isnan(row.p["t"]) and not math.isnan(row.p["permutation"]):
            row.notes.append("no t test: the seeds have no spread")

    def _over_examples(
        self, row: Contrast, pairs: Sequence[tuple[Record, Record]], read: Sequence[Predictions]
    ) -> None:
        sides = [run for run, _ in pairs], [run for _, run in pairs]
        whole = aligned([*read, *(self.read[run.seed] for run in sides[1])])
        parts = [decompose(self.metric, run, found) for run, found in zip([*sides[0], *sides[1]], whole, strict=True)]
        (a, b), score = np.split(np.stack([own for own, _ in parts]), 2), parts[0][1]
        row.over_examples = paired_bootstrap(a, b, score)
        row.p["bootstrap"] = row.over_examples.p
        row.p["randomisation"] = approximate_randomisation(a, b, score)
        row.pairs = [(run.seed, other.seed) for run, other in pairs]


def _pairs(runs: Sequence[Record], others: Sequence[Record]) -> list[tuple[Record, Record]]:
    """Returns the runs of seeds that both cells have; if there are none, as many as the smaller cell has, in order."""
    of_seed = {run.seed: run for run in others}
    shared = [(run, of_seed[run.seed]) for run in runs if run.seed in of_seed]
    return shared or list(zip(runs, others, strict=False))
