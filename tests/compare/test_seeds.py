"""Statistics over seeds agree with SciPy and with enumeration, and are rarely wrong where there is nothing."""

import math
from itertools import product

import numpy as np
import pytest
from scipy import stats

from clozelab.compare.seeds import holm, permutation_test, summarise, t_test

A = [0.81, 0.83, 0.79, 0.84, 0.80]
B = [0.78, 0.80, 0.79, 0.77, 0.76]


def test_mean_and_spread_are_those_of_the_sample() -> None:
    found = summarise(A)
    assert (found.n, found.mean) == (5, pytest.approx(np.mean(A)))
    assert found.std == pytest.approx(np.std(A, ddof=1))


def test_the_interval_is_that_of_all_resamples() -> None:
    means = [np.mean(values) for values in product(A, repeat=5)]
    low, high = np.percentile(means, (2.5, 97.5))
    found = summarise(A)
    assert (found.low, found.high) == (pytest.approx(low, abs=0.0011), pytest.approx(high, abs=0.0011))


def test_of_three_seeds_the_interval_is_their_range() -> None:
    found = summarise([0.3, 0.1, 0.2])
    assert (found.low, found.high) == (pytest.approx(0.1), pytest.approx(0.3))


@pytest.mark.parametrize(("n", "covered"), [(3, 0.75), (5, 0.85), (10, 0.92)])
def test_how_often_the_interval_covers_the_mean_is_as_documented(n: int, covered: float) -> None:
    found = [summarise(values) for values in np.random.default_rng(1).normal(size=(600, n))]
    share = np.mean([summary.low <= 0 <= summary.high for summary in found])
    assert share == pytest.approx(covered, abs=0.05)


def test_one_seed_has_no_spread_and_no_interval() -> None:
    found = summarise([0.5])
    assert (found.n, found.mean) == (1, 0.5)
    assert all(math.isnan(value) for value in (found.std, found.low, found.high))


def test_a_metric_that_is_not_finite_has_no_interval() -> None:
    assert math.isnan(summarise([0.5, math.nan]).low)
    assert summarise([0.5, math.inf]).mean == math.inf


def test_the_order_of_the_seeds_does_not_matter() -> None:
    assert summarise(A) == summarise(A[::-1])


def test_the_paired_t_test_is_scipys() -> None:
    found = t_test(A, B, paired=True)
    assert found.method == "paired t"
    assert found.p == pytest.approx(stats.ttest_rel(A, B).pvalue)
    differences = np.subtract(A, B)
    assert found.effect == pytest.approx(differences.mean() / differences.std(ddof=1))


@pytest.mark.parametrize("b", [B, B[:3], [*B, 0.9, 0.7]])
def test_welchs_test_is_scipys(b: list[float]) -> None:
    found = t_test(A, b, paired=False)
    assert (found.method, found.difference) == ("Welch", pytest.approx(np.mean(A) - np.mean(b)))
    assert found.p == pytest.approx(stats.ttest_ind(A, b, equal_var=False).pvalue)


def test_one_seed_has_no_test() -> None:
    for paired in (True, False):
        found = t_test([0.5], [0.4], paired=paired)
        assert found.difference == pytest.approx(0.1)
        assert math.isnan(found.p)
        assert math.isnan(found.effect)


@pytest.mark.parametrize("paired", [True, False])
def test_equal_values_are_no_difference_and_one_without_spread_has_no_t_test(paired: bool) -> None:
    same = t_test([1, 1], [1, 1], paired=paired)
    assert (same.p, same.effect) == (1, 0)
    assert permutation_test([1, 1], [1, 1], paired=paired) == 1
    found = t_test([2, 2], [1, 1], paired=paired)
    assert found.difference == 1
    assert math.isnan(found.p)
    assert math.isnan(found.effect)


def test_spread_that_is_rounding_is_none() -> None:
    a, b = [0.9, 0.8, 0.7], [0.85, 0.75, 0.65]
    assert np.std(np.subtract(a, b)) > 0
    assert math.isnan(t_test(a, b, paired=True).effect)
    assert t_test([0.1 + 0.2, 0.3], [0.3, 0.3], paired=True).p == 1


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("paired", [True, False])
def test_a_value_that_is_not_finite_has_no_test(value: float, paired: bool) -> None:
    found = t_test([0.5, value, 0.7], [0.4, 0.5, 0.6], paired=paired)
    assert not math.isfinite(found.difference)
    assert math.isnan(found.p)
    assert math.isnan(found.effect)
    assert math.isnan(permutation_test([0.5, value, 0.7], [0.4, 0.5, 0.6], paired=paired))


def mean_difference(x: np.ndarray, y: np.ndarray, axis: int = 0) -> np.ndarray:
    return abs(x.mean(axis) - y.mean(axis))


@pytest.mark.parametrize(("b", "kind"), [(B, "samples"), (B, "independent"), (B[:3], "independent")])
def test_the_permutation_test_is_scipys(b: list[float], kind: str) -> None:
    reference = stats.permutation_test((A, b), mean_difference, permutation_type=kind, alternative="greater")
    assert permutation_test(A, b, paired=kind == "samples") == pytest.approx(reference.pvalue)


@pytest.mark.parametrize("paired", [True, False])
def test_of_many_seeds_permutations_are_drawn(paired: bool) -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(0.0, 1, 40), rng.normal(0.3, 1, 40)
    reference = (stats.ttest_rel if paired else stats.ttest_ind)(a, b).pvalue
    assert permutation_test(list(a), list(b), paired=paired) == pytest.approx(reference, abs=0.02)


@pytest.mark.parametrize(("n", "m", "paired"), [(3, 3, True), (4, 4, True), (3, 3, False), (2, 4, False)])
def test_the_smallest_possible_p_value_is_known(n: int, m: int, paired: bool) -> None:
    a, b = [10.0 + i for i in range(n)], [0.1 * i for i in range(m)]
    assert permutation_test(a, b, paired=paired) == pytest.approx(t_test(a, b, paired=paired).floor)


@pytest.mark.parametrize("paired", [True, False])
def test_five_percent_of_true_null_hypotheses_are_rejected(paired: bool) -> None:
    rng, trials = np.random.default_rng(7), 1000
    draws = rng.normal(size=(trials, 2, 6))
    t = sum(t_test(a, b, paired=paired).p < 0.05 for a, b in draws)
    permuted = sum(permutation_test(a, b, paired=paired) < 0.05 for a, b in draws)
    low, high = stats.binom.ppf((0.001, 0.999), trials, 0.05)
    assert (1 if not paired else low) <= t <= high, "Welch's is a little conservative"
    assert permuted <= high, "p values are discrete: at most 5 %"


def test_of_few_seeds_and_examples_five_percent_are_rejected_too() -> None:
    rng, trials = np.random.default_rng(0), 2000
    draws = rng.binomial(50, 0.9, size=(trials, 2, 2)) / 50  # accuracies of two seeds: often they differ by the same
    rejected = sum(t_test(a, b, paired=True).p < 0.05 for a, b in draws)
    assert rejected <= stats.binom.ppf(0.999, trials, 0.05)


def test_holm_is_the_definition() -> None:
    # Sorted 0.005, 0.01, 0.03, 0.04 times 4, 3, 2, 1, never less than the one before.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([0.02]) == [0.02]
    assert holm([]) == []


def test_holm_does_not_count_what_was_not_tested() -> None:
    found = holm([0.01, math.nan, 0.04])
    assert math.isnan(found[1])
    assert [found[0], found[2]] == pytest.approx([0.02, 0.04])


def test_holm_keeps_the_chance_of_any_false_positive() -> None:
    rng, trials = np.random.default_rng(3), 2000
    wrong = sum(min(holm(list(rng.random(8)))) < 0.05 for _ in range(trials))
    low, high = stats.binom.ppf((0.001, 0.999), trials, 1 - (1 - 0.05 / 8) ** 8)
    assert low <= wrong <= high
