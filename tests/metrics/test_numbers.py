"""Correlations equal those of SciPy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import pearsonr, spearmanr

from clozelab.metrics.numbers import number_metrics

PAIRS = st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5)), min_size=3, max_size=40)


@given(PAIRS)
def test_correlations_are_those_of_scipy_ties_included(pairs: list[tuple[int, int]]) -> None:
    gold, predicted = np.array(pairs, dtype=np.float32).T
    found = number_metrics(gold, predicted)
    if len(set(gold)) > 1 and len(set(predicted)) > 1:
        assert found["pearson"] == pytest.approx(
            pearsonr(gold.astype(float), predicted.astype(float)).statistic, abs=1e-9
        )
        assert found["spearman"] == pytest.approx(
            spearmanr(gold.astype(float), predicted.astype(float)).statistic, abs=1e-9
        )
    else:
        assert found["pearson"] == found["spearman"] == 0
    assert found["mse"] == pytest.approx(np.mean((gold - predicted) ** 2), abs=1e-6)


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_numbers_have_no_correlation(count: int) -> None:
    few = np.ones(count, dtype=np.float32)
    assert number_metrics(few, few) == {"pearson": 0.0, "spearman": 0.0, "mse": 0.0}


def test_what_is_no_number_has_no_rank_either() -> None:
    gold = np.arange(4, dtype=np.float32)
    found = number_metrics(gold, np.array([0, 1, np.nan, 3], dtype=np.float32))
    assert set(found) == {"pearson", "spearman", "mse"}
    assert all(np.isnan(value) for value in found.values())
