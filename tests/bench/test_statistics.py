"""Behaviour of the median ratio and of its bootstrap interval."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from clozelab.bench.statistics import Interval, median_ratio

OURS = [2.0, 2.2, 1.8, 2.1, 1.9, 2.4, 1.7, 2.05, 1.95]
PEER = [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]


def test_the_median_is_that_of_the_ratios_of_each_round() -> None:
    ours = [10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0]
    peer = [10.0, 10.0, 10.0, 20.0, 10.0, 10.0, 10.0]
    assert median_ratio(ours, peer).median == 3.0


def test_a_drift_common_to_both_leaves_the_interval_at_one_point() -> None:
    peer = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0]
    assert median_ratio([1.5 * value for value in peer], peer) == Interval(median=1.5, low=1.5, high=1.5)


@pytest.mark.parametrize("rounds", [7, 8, 15, 40])
def test_the_interval_contains_the_median(rounds: int) -> None:
    ours = np.random.default_rng(rounds).uniform(1.0, 2.0, size=rounds).tolist()
    interval = median_ratio(ours, [1.0] * rounds)
    assert min(ours) <= interval.low < interval.median < interval.high <= max(ours)


def test_at_seven_rounds_the_interval_spans_the_second_smallest_to_the_second_largest_ratio() -> None:
    # The resampled median is at or below the k-th of 7 ratios when at least 4 of 7 draws are: with chance 0.013 for
    # k = 1 and 0.10 for k = 2, so the 2.5th percentile is the second smallest.
    assert median_ratio([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], [1.0] * 7) == Interval(median=4.0, low=2.0, high=6.0)


def test_the_interval_narrows_as_rounds_are_added() -> None:
    few = median_ratio(OURS, PEER)
    many = median_ratio(OURS * 9, PEER * 9)
    assert many.high - many.low < few.high - few.low


def test_one_disturbed_round_does_not_move_the_median_beyond_its_neighbours() -> None:
    disturbed = [*OURS[:-1], 1000.0]
    assert 1.9 <= median_ratio(disturbed, PEER).median <= 2.1


def test_the_order_of_equal_rounds_does_not_change_the_median() -> None:
    assert median_ratio(OURS[::-1], PEER).median == median_ratio(OURS, PEER).median


def test_the_same_measurements_give_the_same_interval() -> None:
    assert median_ratio(OURS, PEER) == median_ratio(OURS, PEER)


def test_an_interval_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        median_ratio(OURS, PEER).median = 3.0  # type: ignore[misc]


def test_fewer_than_seven_rounds_are_refused() -> None:
    with pytest.raises(ValueError, match="rounds must be at least 7, got 6"):
        median_ratio([1.0] * 6, [1.0] * 6)


def test_unequal_numbers_of_rounds_are_refused() -> None:
    with pytest.raises(ValueError, match="same number of rounds, got 7 and 8"):
        median_ratio([1.0] * 7, [1.0] * 8)


@pytest.mark.parametrize("bad", [0.0, -1.0, float("nan"), float("inf")])
def test_a_measurement_that_is_not_positive_and_finite_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="every value of peer must be positive and finite"):
        median_ratio([1.0] * 7, [1.0] * 6 + [bad])
