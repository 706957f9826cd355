"""Is a difference real? Tests over the examples of a split, for any metric that sums of per-example counts give.

A run is an array of parts, (examples, k): what every example adds to the k sums that its metric is a function of, such
as gold, predicted and correct entities. A resample is then a vector of weights, and the metric of ten thousand
resamples is one matrix product. A cell is its runs together, (seeds, examples, k): the metric is averaged over the
seeds, and an example is drawn or swapped for all of them at once.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clozelab.randomness import Purpose, generator

RESAMPLES = 10_000
PERCENTILES = (2.5, 97.5)
BLOCK = 2_000_000
"""Weights held in memory at once."""

Floats = NDArray[np.float64]
Score = Callable[[Floats], Floats]
"""From sums, (..., k), to the metric, (...)."""


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """Result of the paired bootstrap.

    Attributes:
        difference: metric of the first minus metric of the second.
        low: lower end of the 95 % interval of the difference.
        high: upper end.
        p: two-sided.
    """

    difference: float
    low: float
    high: float
    p: float


def paired_bootstrap(a: Floats, b: Floats, score: Score, resamples: int = RESAMPLES) -> Bootstrap:
    """Returns the paired bootstrap test of two systems on the same examples.

    Koehn (2004), "Statistical significance tests for machine translation evaluation", section 4: examples are drawn
    with replacement, the same ones for both. The interval is the percentile interval of the difference. The p value is
    two-sided: the share of resamples in which the difference departs from the observed one by at least as much as that
    departs from zero (Efron & Tibshirani 1993, chapter 16: the null distribution is the centred one).

    Args:
        a: (seeds, examples, k) parts of the first system.
        b: (seeds, examples, k) parts of the second, of the same examples in the same order.
        score: the metric.
        resamples: how many are drawn.
    """
    rows, counts = _grouped(a, b)
    rng = generator(Purpose.COMPARISON, 3)
    observed = _difference(rows, counts[None].astype(np.float64), score)[0]
    drawn = np.concatenate(
        [_difference(rows, _redraw(rng, counts, size), score) for size in _blocks(resamples, len(counts))]
    )
    low, high = np.percentile(drawn, PERCENTILES)
    p = _share(np.abs(drawn - observed), abs(observed))
    return Bootstrap(float(observed), float(low), float(high), p)


def approximate_randomisation(a: Floats, b: Floats, score: Score, trials: int = RESAMPLES) -> float:
    """Returns the two-sided p value of approximate randomisation: outputs change sides, example by example.

    Yeh (2000), "More accurate tests for the statistical significance of result differences", section 3; Noreen (1989).
    Were the two systems the same, the outputs for an example could as well have come from the other one: each is
    swapped with chance 1/2. p is the share of trials with at least the observed difference in size, the observed one
    counted in (Phipson & Smyth 2010).

    Args:
        a: (seeds, examples, k) parts of the first system.
        b: (seeds, examples, k) parts of the second, of the same examples in the same order.
        score: the metric.
        trials: how many are drawn.
    """
    rows, counts = _grouped(a, b)
    rng = generator(Purpose.COMPARISON, 4)
    kept = counts[None].astype(np.float64)
    observed = _difference(rows, kept, score)[0]
    changes = rows[:, ::-1] - rows
    totals = np.tensordot(kept, rows, axes=1)
    drawn = [
        _gap(totals + np.tensordot(_swaps(rng, counts, size), changes, axes=1), score)
        for size in _blocks(trials, len(counts))
    ]
    return _share(np.abs(np.concatenate(drawn)), abs(observed))


def _share(sizes: Floats, observed: float) -> float:
    """Returns the share of sizes that reach the observed one, which counts as one of them."""
    as_large = int((sizes >= observed - 1e-12).sum())  # sums in another order differ in their last bits
    return (1 + as_large) / (1 + len(sizes))


def _grouped(a: Floats, b: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Returns the different examples, (groups, 2, seeds, k), and how many there are of each, (groups,).

    Examples with the same parts are the same to any test: five thousand texts, right or wrong, are four groups.
    """
    assert a.shape == b.shape, (a.shape, b.shape)
    joint = np.stack([a, b]).transpose(2, 0, 1, 3)
    flat, counts = np.unique(joint.reshape(len(joint), -1), axis=0, return_counts=True)
    return flat.reshape(len(flat), *joint.shape[1:]), counts


def _blocks(number: int, groups: int) -> Iterator[int]:
    size = max(1, BLOCK // groups)
    for start in range(0, number, size):
        yield min(size, number - start)


def _redraw(rng: np.random.Generator, counts: NDArray[np.int64], size: int) -> Floats:
    """Returns how often each group is in a resample of all examples, (size, groups)."""
    groups, total = len(counts), int(counts.sum())
    if _few(counts):
        return rng.multinomial(total, counts / total, size=size).astype(np.float64)
    group_of = np.repeat(np.arange(groups), counts)
    places = group_of[rng.integers(total, size=(size, total))] + groups * np.arange(size)[:, None]
    return np.bincount(places.ravel(), minlength=size * groups).reshape(size, groups).astype(np.float64)


def _swaps(rng: np.random.Generator, counts: NDArray[np.int64], size: int) -> Floats:
    """Returns how many examples of each group change sides, (size, groups)."""
    if _few(counts):
        return rng.binomial(counts, 0.5, size=(size, len(counts))).astype(np.float64)
    total = int(counts.sum())
    coins = np.unpackbits(rng.integers(256, size=(size, -(-total // 8)), dtype=np.uint8), axis=1, count=total)
    return np.add.reduceat(coins, np.cumsum(counts) - counts, axis=1, dtype=np.float64)


def _few(counts: NDArray[np.int64]) -> bool:
    """Says whether drawing for each group is faster than for each example."""
    return len(counts) * 8 < int(counts.sum())


def _difference(rows: Floats, weights: Floats, score: Score) -> Floats:
    return _gap(np.tensordot(weights, rows, axes=1), score)


def _gap(totals: Floats, score: Score) -> Floats:
    """Returns the difference of the metrics averaged over seeds, from sums (resamples, 2, seeds, k)."""
    metrics = score(totals).mean(-1)
    found: Floats = metrics[:, 0] - metrics[:, 1]
    return found
