"""The interval that every speed ratio of the benchmark is reported with.

Two programs timed on a shared machine drift together, so their times are compared round by round and only the ratios
are summarised. The median keeps one disturbed round from deciding the figure, and the bootstrap needs no assumption on
how the ratios are distributed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

MIN_ROUNDS: Final = 7
"""Fewest rounds that :func:`median_ratio` accepts."""

RESAMPLES: Final = 10_000
"""Bootstrap samples drawn by :func:`median_ratio`."""

# A fixed seed makes the reported interval a function of the measurements alone.
_SEED: Final = 20_180
_PERCENTILES: Final = (2.5, 97.5)


@dataclass(frozen=True)
class Interval:
    """A median with its 95 % interval.

    Attributes:
        median: The median of the sample; a ratio, without unit.
        low: Lower end of the interval.
        high: Upper end of the interval.
    """

    median: float
    low: float
    high: float


def median_ratio(ours: Sequence[float], peer: Sequence[float]) -> Interval:
    """Returns the median of the per-round ratios ``ours / peer`` with its 95 % interval.

    The interval is the percentile bootstrap of Efron & Tibshirani (1993), *An Introduction to the Bootstrap*,
    chapter 13: rounds are drawn with replacement, and the 2.5th and 97.5th percentile of the medians of the resamples
    are its ends. Both values of a round stay together in every resample. With few rounds it covers less than its
    nominal 95 %: at 7 rounds it spans the second smallest to the second largest ratio, which is 87.5 %.

    Args:
        ours: One positive measurement per round, of shape (rounds,), such as examples per second.
        peer: The peer's measurement of the same rounds in the same order and unit, of shape (rounds,).

    Returns:
        The median ratio and its interval. The same measurements always give the same interval.

    Raises:
        ValueError: If the lengths differ, if there are fewer than 7 rounds, or if a measurement is not positive and
            finite.
    """
    if len(ours) != len(peer):
        raise ValueError(f"ours and peer must have the same number of rounds, got {len(ours)!r} and {len(peer)!r}")
    if len(ours) < MIN_ROUNDS:
        raise ValueError(f"rounds must be at least {MIN_ROUNDS}, got {len(ours)!r}")
    ratios = _positive("ours", ours) / _positive("peer", peer)
    rounds = np.random.default_rng(_SEED).integers(len(ratios), size=(RESAMPLES, len(ratios)))
    low, high = np.percentile(np.median(ratios[rounds], axis=1), _PERCENTILES)
    return Interval(median=float(np.median(ratios)), low=float(low), high=float(high))


def _positive(name: str, values: Sequence[float]) -> npt.NDArray[np.float64]:
    for value in values:
        # Infinity over infinity would turn into a NaN median without any error.
        if not 0.0 < value < float("inf"):
            raise ValueError(f"every value of {name} must be positive and finite, got {value!r}")
    return np.asarray(values, dtype=np.float64)
