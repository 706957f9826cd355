"""Statistics over seeds: each seed is one draw of what a configuration gives, so n is small and said everywhere."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray

from clozelab.randomness import Purpose, generator

RESAMPLES = 10_000
MAX_EXACT = 10_000
"""Assignments up to which a permutation test enumerates all of them."""
PERCENTILES = (2.5, 97.5)
ROUNDING = 1e-12
"""Spread and differences below this share of the values are those of floating-point numbers."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Summary:
    """A metric over seeds.

    Attributes:
        n: number of seeds.
        mean: over the seeds.
        std: sample standard deviation (n - 1 in the denominator), NaN for n = 1.
        low: lower end of the 95 % bootstrap interval of the mean, NaN for n = 1.
        high: upper end.
    """

    n: int
    mean: float
    std: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class TTest:
    """A t test of two cells over their seeds.

    Attributes:
        method: `paired t` or `Welch`.
        difference: mean of the first minus mean of the second.
        p: two-sided; NaN where there are too few seeds, or a difference without any spread to measure it by.
        effect: Cohen's d, the difference in standard deviations: of the paired differences, or pooled. NaN as p.
        floor: smallest p value that a permutation test can give of as many seeds.
    """

    method: str
    difference: float
    p: float
    effect: float
    floor: float


def summarise(values: Sequence[float]) -> Summary:
    """Returns mean, spread and 95 % interval of a metric over seeds.

    The interval is the percentile bootstrap of the mean: Efron & Tibshirani (1993), *An Introduction to the Bootstrap*,
    chapter 13. It is a function of the values alone. With few seeds it covers less than its nominal 95 %: of normal
    values about 75 % with three seeds (it then reaches from the lowest to the highest), 85 % with five, 92 % with ten.

    Args:
        values: (seeds,), at least one.
    """
    sample = np.sort(np.asarray(values, dtype=np.float64))
    mean = float(sample.mean())
    if len(sample) == 1 or not np.isfinite(sample).all():
        return Summary(len(sample), mean, math.nan, math.nan, math.nan)
    low, high = np.percentile(_draws(len(sample)) @ sample, PERCENTILES)
    return Summary(len(sample), mean, float(sample.std(ddof=1)), float(low), float(high))


@lru_cache(maxsize=64)
def _draws(n: int) -> Floats:
    """Returns the weight of every value in every resample, (resamples, n)."""
    rng = generator(Purpose.COMPARISON, 0, n)
    return rng.multinomial(n, np.full(n, 1 / n), size=RESAMPLES) / n


def t_test(a: Sequence[float], b: Sequence[float], *, paired: bool) -> TTest:
    """Returns Student's t test of paired values, or else Welch's.

    Dror et al. (2018), "The hitchhiker's guide to testing statistical significance in natural language processing",
    section 3.1 (the parametric tests); Welch (1947) for unequal variances. Effect size: Cohen (1988), d of the paired
    differences (d_z), or with the pooled standard deviation.

    Of two or three seeds scored on few examples all may differ by the same, which says nothing of how much other seeds
    would: such a difference has no test. If there is none at all, p is 1.

    Args:
        a: (seeds,).
        b: (seeds,); if `paired`, of the same seeds in the same order.
        paired: whether values at the same place belong together.
    """
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    difference = float(x.mean()) - float(y.mean())
    assert not paired or x.shape == y.shape, (x.shape, y.shape)
    # Dealt out the other way round, sides of the same size give the same difference with the other sign.
    assignments = 2 ** len(x) if paired else math.comb(len(x) + len(y), len(x))
    floor = (1 + (len(x) == len(y))) / assignments
    p, effect = (_paired if paired else _welch)(x, y) if _testable(x, y) else (math.nan, math.nan)
    return TTest("paired t" if paired else "Welch", difference, p, effect, floor)


def _testable(x: Floats, y: Floats) -> bool:
    return min(len(x), len(y)) > 1 and bool(np.isfinite(x).all() and np.isfinite(y).all())


def _paired(x: Floats, y: Floats) -> tuple[float, float]:
    differences = x - y
    difference, spread = float(differences.mean()), float(differences.std(ddof=1))
    if not _exceeds(spread, x, y):
        return _without_spread(difference, x, y)
    return _two_sided(difference / spread * math.sqrt(len(x)), len(x) - 1), difference / spread


def _welch(x: Floats, y: Floats) -> tuple[float, float]:
    n, m = len(x), len(y)
    difference, v, w = float(x.mean() - y.mean()), float(x.var(ddof=1)), float(y.var(ddof=1))
    squared = v / n + w / m
    pooled = math.sqrt(((n - 1) * v + (m - 1) * w) / (n + m - 2))
    if not _exceeds(pooled, x, y):
        return _without_spread(difference, x, y)
    freedom = squared**2 / ((v / n) ** 2 / (n - 1) + (w / m) ** 2 / (m - 1))
    return _two_sided(difference / math.sqrt(squared), freedom), difference / pooled


def _exceeds(size: float, x: Floats, y: Floats) -> bool:
    """Says whether a difference or a spread of the values is more than rounding."""
    return abs(size) > ROUNDING * max(float(np.abs(x).max()), float(np.abs(y).max()))


def _without_spread(difference: float, x: Floats, y: Floats) -> tuple[float, float]:
    return (math.nan, math.nan) if _exceeds(difference, x, y) else (1.0, 0.0)


def _two_sided(t: float, freedom: float) -> float:
    from scipy.special import stdtr  # imported late: a table without --against does not need it

    return float(2 * stdtr(freedom, -abs(t)))


def permutation_test(a: Sequence[float], b: Sequence[float], *, paired: bool) -> float:
    """Returns the two-sided p value of the difference of means under permutation of the labels.

    Dror et al. (2018), section 3.2 (sampling-based tests); Efron & Tibshirani (1993), chapter 15. Paired values change
    sides pair by pair; others are dealt out anew. All assignments are enumerated up to 10,000, else as many are drawn.
    Few seeds cannot give a small p value (`TTest.floor`): of three pairs it is at least 0.25. Of a single seed, or if a
    value is not finite, it is NaN.

    Args:
        a: (seeds,).
        b: (seeds,); if `paired`, of the same seeds in the same order.
        paired: whether values at the same place belong together.
    """
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if not _testable(x, y):
        return math.nan
    observed = abs(x.mean() - y.mean())
    if paired:
        found, exact = _signs(len(x)) @ (x - y) / len(x), 2 ** len(x) <= MAX_EXACT
    else:
        pooled = np.concatenate([x, y])
        taken, exact = _deals(len(x), len(y))
        found = taken @ pooled / len(x) - (~taken.astype(bool)) @ pooled / len(y)
    as_large = int((np.abs(found) >= observed - 1e-12 * max(1.0, observed)).sum())
    # What is drawn at random does not have the observed assignment among it: it counts as one (Phipson & Smyth 2010).
    return as_large / len(found) if exact else (1 + as_large) / (1 + len(found))


@lru_cache(maxsize=8)
def _signs(n: int) -> Floats:
    if 2**n <= MAX_EXACT:
        return np.array(list(product((1.0, -1.0), repeat=n)))
    return generator(Purpose.COMPARISON, 1, n).choice((1.0, -1.0), size=(RESAMPLES, n))


@lru_cache(maxsize=8)
def _deals(n: int, m: int) -> tuple[Floats, bool]:
    """Returns which of n + m values go to the first side, (assignments, n + m), and whether these are all."""
    exact = math.comb(n + m, n) <= MAX_EXACT
    if exact:
        places = np.array(list(combinations(range(n + m), n)))
    else:
        places = generator(Purpose.COMPARISON, 2, n, m).random((RESAMPLES, n + m)).argsort(1)[:, :n]
    taken = np.zeros((len(places), n + m))
    np.put_along_axis(taken, places, 1.0, axis=1)
    return taken, exact


def holm(p: Sequence[float]) -> list[float]:
    """Returns p values adjusted for their number, so that the chance of any false positive stays at the level.

    Holm (1979), "A simple sequentially rejective multiple test procedure". NaN stays NaN and does not count.
    """
    values = np.asarray(p, dtype=np.float64)
    adjusted = np.full(len(values), math.nan)
    order = [i for i in np.argsort(values, kind="stable") if not math.isnan(values[i])]
    largest = 0.0
    for rank, i in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - rank) * float(values[i])))
        adjusted[i] = largest
    return adjusted.tolist()
