"""Tests over examples agree with enumeration, and on null data reject about as often as they say."""

from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from clozelab.compare import significance
from clozelab.compare.significance import approximate_randomisation, paired_bootstrap

Floats = NDArray[np.float64]


def mean(sums: Floats) -> Floats:
    return sums[..., 0] / sums[..., 1]


def f1(sums: Floats) -> Floats:
    return 2 * sums[..., 2] / np.maximum(sums[..., 0] + sums[..., 1], 1)


def pearson(sums: Floats) -> Floats:
    n, x, y, xx, yy, xy = np.moveaxis(sums, -1, 0)
    return (n * xy - x * y) / np.sqrt((n * xx - x * x) * (n * yy - y * y))


def of_numbers(gold: Floats, predicted: Floats) -> Floats:
    """Returns the parts of Pearson's correlation, (1, examples, 6)."""
    return np.stack([np.ones_like(gold), gold, predicted, gold**2, predicted**2, gold * predicted], -1)[None]


def values(*numbers: float) -> Floats:
    """Returns the parts of a mean, (1, examples, 2)."""
    return np.stack([np.array(numbers), np.ones(len(numbers))], -1)[None]


A = values(1, 1, 0, 1, 0.5, 1)
B = values(0, 1, 0.25, 0, 0, 0.5)


def test_approximate_randomisation_is_the_share_of_all_swaps() -> None:
    observed = abs(mean(A.sum(1)) - mean(B.sum(1)))[0]
    found = []
    for swap in product((False, True), repeat=6):
        kept = np.array(swap)[None, :, None]
        found.append(abs(mean(np.where(kept, B, A).sum(1)) - mean(np.where(kept, A, B).sum(1)))[0])
    exact = np.mean(np.array(found) >= observed - 1e-12)
    assert approximate_randomisation(A, B, mean) == pytest.approx(exact, abs=0.012)


def test_approximate_randomisation_of_means_is_scipys_permutation_test() -> None:
    def difference(x: Floats, y: Floats, axis: int) -> Floats:
        return abs(x.mean(axis) - y.mean(axis))

    samples = (A[0, :, 0], B[0, :, 0])
    reference = stats.permutation_test(samples, difference, permutation_type="samples", alternative="greater")
    assert approximate_randomisation(A, B, mean) == pytest.approx(reference.pvalue, abs=0.012)


def test_the_bootstrap_is_that_of_all_resamples() -> None:
    found = paired_bootstrap(A[:, :5], B[:, :5], mean)
    drawn = [mean(A[:, list(r)].sum(1))[0] - mean(B[:, list(r)].sum(1))[0] for r in product(range(5), repeat=5)]
    observed = mean(A[:, :5].sum(1))[0] - mean(B[:, :5].sum(1))[0]
    low, high = np.percentile(drawn, (2.5, 97.5))
    assert found.difference == pytest.approx(observed)
    assert (found.low, found.high) == (pytest.approx(low, abs=0.03), pytest.approx(high, abs=0.03))
    exact = np.mean(abs(np.array(drawn) - observed) >= abs(observed) - 1e-12)
    assert found.p == pytest.approx(exact, abs=0.012)


def test_f1_of_several_seeds_is_computed_anew_on_every_resample() -> None:
    rng = np.random.default_rng(6)
    gold = rng.poisson(1.5, 60)
    a, b = (
        np.stack(
            [np.stack([gold, right + rng.poisson(0.4, 60), right], -1) for right in rng.binomial(gold, p, (2, 60))]
        )
        for p in (0.7, 0.63)
    )  # two seeds each

    def difference(x: Floats, y: Floats) -> float:
        return float(np.mean([f1(seed.sum(0)) for seed in x]) - np.mean([f1(seed.sum(0)) for seed in y]))

    drawn = [difference(a[:, i], b[:, i]) for i in rng.integers(60, size=(1500, 60))]
    swaps = rng.random((1500, 60)) < 0.5
    swapped = [difference(*(np.where(s[:, None], *sides) for sides in ((b, a), (a, b)))) for s in swaps]
    found, observed = paired_bootstrap(a, b, f1), difference(a, b)
    assert found.difference == pytest.approx(observed)
    assert (found.low, found.high) == pytest.approx(tuple(np.percentile(drawn, (2.5, 97.5))), abs=0.02)
    assert found.p == pytest.approx(np.mean(np.abs(np.subtract(drawn, observed)) >= abs(observed)), abs=0.03)
    assert approximate_randomisation(a, b, f1) == pytest.approx(np.mean(np.abs(swapped) >= abs(observed)), abs=0.03)
    assert 0.005 < found.p < 0.9


def test_of_many_examples_the_bootstrap_interval_is_the_normal_one() -> None:
    rng = np.random.default_rng(0)
    gaps = rng.normal(0.1, 1, 800)
    found = paired_bootstrap(values(*gaps), values(*np.zeros(800)), mean)
    error = gaps.std() / np.sqrt(800)
    assert found.low == pytest.approx(gaps.mean() - 1.96 * error, abs=error / 10)
    assert found.high == pytest.approx(gaps.mean() + 1.96 * error, abs=error / 10)
    assert found.p == pytest.approx(stats.ttest_1samp(gaps, 0).pvalue, abs=0.01)


def test_both_ways_of_drawing_are_the_same_distribution(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    a, b = (values(*(rng.random(400) < chance)) for chance in (0.8, 0.75))  # four groups: drawn by their sizes
    grouped = paired_bootstrap(a, b, mean)
    monkeypatch.setattr(significance, "_few", lambda counts: False)
    single = paired_bootstrap(a, b, mean)
    assert (single.low, single.high) == (pytest.approx(grouped.low, abs=0.004), pytest.approx(grouped.high, abs=0.004))
    assert single.p == pytest.approx(grouped.p, abs=0.02)


def test_both_ways_of_swapping_are_the_same_distribution(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    a, b = (values(*(rng.random(400) < chance)) for chance in (0.8, 0.75))
    grouped = approximate_randomisation(a, b, mean)
    monkeypatch.setattr(significance, "_few", lambda counts: False)
    assert 0.05 < grouped < 0.9
    assert approximate_randomisation(a, b, mean) == pytest.approx(grouped, abs=0.02)


def test_systems_that_are_the_same_do_not_differ() -> None:
    found = paired_bootstrap(A, A, mean)
    assert (found.difference, found.low, found.high, found.p) == (0, 0, 0, 1)
    assert approximate_randomisation(A, A, mean) == 1


def test_sides_may_be_exchanged() -> None:
    one, other = paired_bootstrap(A, B, mean), paired_bootstrap(B, A, mean)
    assert one.difference == pytest.approx(-other.difference)
    assert one.p == pytest.approx(other.p, abs=0.02)
    assert approximate_randomisation(A, B, mean) == pytest.approx(approximate_randomisation(B, A, mean), abs=0.02)


def test_a_result_is_a_function_of_its_data_alone() -> None:
    assert paired_bootstrap(A, B, mean) == paired_bootstrap(A, B, mean)
    assert approximate_randomisation(A, B, mean) == approximate_randomisation(A, B, mean)
    order = [3, 1, 5, 0, 2, 4]
    assert paired_bootstrap(A, B, mean) == paired_bootstrap(A[:, order], B[:, order], mean)


def test_blocks_change_nothing_but_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = paired_bootstrap(A, B, mean, 1000), approximate_randomisation(A, B, mean, 1000)
    monkeypatch.setattr(significance, "BLOCK", 300)
    parts = paired_bootstrap(A, B, mean, 1000), approximate_randomisation(A, B, mean, 1000)
    assert parts == whole


def test_seeds_are_averaged_and_share_their_resamples() -> None:
    several = paired_bootstrap(np.concatenate([A, B]), np.concatenate([B, A]), mean)
    assert (several.difference, several.low, several.high) == pytest.approx((0, 0, 0))
    twice = paired_bootstrap(np.concatenate([A, A]), np.concatenate([B, B]), mean)
    assert twice == paired_bootstrap(A, B, mean)


def null(kind: str, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Returns the parts of two systems of which neither is better, correlated as systems are: by hard examples."""
    size = 150
    hard = rng.random(size)
    if kind == "accuracy":
        return tuple(values(*(rng.random(size) < hard)) for _ in range(2))  # type: ignore[return-value]
    if kind == "f1":
        gold = rng.poisson(1.5, size)
        parts = []
        for _ in range(2):
            right = rng.binomial(gold, hard)
            parts.append(np.stack([gold, right + rng.poisson(0.3, size), right], -1)[None].astype(float))
        return parts[0], parts[1]
    gold = rng.normal(size=size)
    shared = rng.normal(size=size)
    a, b = (of_numbers(gold, gold + shared + rng.normal(size=size)) for _ in range(2))
    return a, b


SCORES = {"accuracy": mean, "f1": f1, "pearson": pearson}


@pytest.mark.parametrize("kind", SCORES)
def test_five_percent_of_true_null_hypotheses_are_rejected(kind: str) -> None:
    rng, trials = np.random.default_rng(11), 400
    rejected = np.zeros(2)
    for _ in range(trials):
        a, b = null(kind, rng)
        found = paired_bootstrap(a, b, SCORES[kind], 400).p, approximate_randomisation(a, b, SCORES[kind], 400)
        rejected += np.array(found) < 0.05
    low, high = stats.binom.ppf((0.001, 0.999), trials, 0.05)
    assert ((low <= rejected) & (rejected <= high)).all(), rejected / trials


@pytest.mark.parametrize("kind", SCORES)
def test_a_true_difference_is_found(kind: str) -> None:
    rng = np.random.default_rng(5)
    a, b = null(kind, rng)
    if kind == "pearson":
        worse = of_numbers(b[0, :, 1], b[0, :, 2] + rng.normal(0, 3, 150))
    else:
        worse = np.where(rng.random(150)[None, :, None] < 0.4, b * [1, 1, 0] if kind == "f1" else b * [0, 1], b)
    assert paired_bootstrap(a, worse, SCORES[kind]).p < 0.01
    assert approximate_randomisation(a, worse, SCORES[kind]) < 0.01
