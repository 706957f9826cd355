"""What came out: each metric then and now, and how far apart the two may be."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from clozelab.compare.comparison import test_metric
from clozelab.reproduce.originals import Original

ROUNDING = 1e-6
"""Relative; metrics are computed from single precision, whose resolution is 1.2e-7: below it, nothing was learnt."""

SPREAD = 2.0
"""Standard deviations over the seeds. Two seeds of one cell lie within them in about 84 % of cases (their difference
has 1.4 times the deviation of one), so a rerun that is no closer than another seed fails once in six."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A metric then and now.

    Attributes:
        metric: its name.
        then: of the original.
        now: of the reproduction; NaN if it has no such metric.
        tolerance: how far apart they may be.
        decides: whether the verdict depends on it.
    """

    metric: str
    then: float
    now: float
    tolerance: float
    decides: bool

    @property
    def verdict(self) -> Literal["equal", "within", "different"]:
        """`within` is within tolerance."""
        if self.then == self.now or (math.isnan(self.then) and math.isnan(self.now)):
            return "equal"
        return "within" if abs(self.now - self.then) <= self.tolerance else "different"


def judge(
    original: Original, metrics: Mapping[str, float], *, differs: bool, tolerance: float | None = None
) -> list[Outcome]:
    """Returns every metric of the original beside that of its reproduction.

    Where nothing differs that counts, every metric must be equal. Where something does, those decide that a reader is
    told: the validation metric that the run was selected by, and the same of the test split. Of dozens of correlated
    metrics of single classes one is always out. A record that does not say what a run was selected by leaves it to all.

    Args:
        original: the run, with its cell.
        metrics: of the reproduction.
        differs: whether anything does that may change bits.
        tolerance: absolute, given by the user; None takes 0 where nothing differs, else `SPREAD` standard deviations
            over the seeds of the cell, and at least `ROUNDING`.
    """
    selection = original.run.state.get("selection")
    told = {selection, test_metric(selection)} & set(original.run.metrics) if selection else set()
    found = []
    for name, then in original.run.metrics.items():
        allowed = tolerance if tolerance is not None else _tolerance(original, name) if differs else 0.0
        found.append(Outcome(name, then, metrics.get(name, math.nan), allowed, not differs or not told or name in told))
    return found


def is_reproduced(outcomes: list[Outcome]) -> bool:
    """Says whether no metric that decides is different."""
    return all(outcome.verdict != "different" for outcome in outcomes if outcome.decides)


def _tolerance(original: Original, metric: str) -> float:
    summary = original.cell.summary(metric)
    std = summary.std if summary is not None and math.isfinite(summary.std) else 0.0
    return max(SPREAD * std, ROUNDING * abs(original.run.metrics[metric]))


def basis(original: Original, *, differs: bool, tolerance: float | None) -> str:
    """Returns in words where the tolerance comes from."""
    if tolerance is not None:
        return f"tolerance: {tolerance:g}, as given"
    if not differs:
        return "tolerance: 0, since nothing differs that may change a number"
    n = len(original.cell.done)
    if n > 1:
        return f"tolerance: {SPREAD:g} standard deviations over the {n} seeds of the cell"
    return (
        f"tolerance: rounding ({ROUNDING:g} of the value): no run with another seed tells how much such runs vary\n"
        "(--tolerance 0.005 says what you accept)"
    )
