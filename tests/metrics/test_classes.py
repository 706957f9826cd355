"""Scores of classes equal those of scikit-learn; the calibration error equals its definition."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef, precision_recall_fscore_support

from clozelab.metrics.classes import calibration_error, class_metrics

LABELS = ("ham", "spam", "eggs")
PAIRS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=30)


@given(PAIRS)
def test_scores_are_those_of_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    gold, predicted = np.array(pairs).T
    found = class_metrics(LABELS, gold, predicted, np.full(len(gold), 0.5, dtype=np.float32))
    assert found["accuracy"] == pytest.approx(accuracy_score(gold, predicted))
    assert found["macro_f1"] == pytest.approx(f1_score(gold, predicted, average="macro", zero_division=0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about one label only: 0 is what it returns
        assert found["mcc"] == pytest.approx(matthews_corrcoef(gold, predicted))
    each = precision_recall_fscore_support(gold, predicted, labels=[0, 1, 2], zero_division=0)
    for key, values in zip(("precision", "recall", "f1"), each[:3], strict=True):
        assert [found[f"{key}/{name}"] for name in LABELS] == pytest.approx(list(values))


@given(st.lists(st.tuples(st.floats(0.0078125, 1, width=32), st.booleans()), min_size=1, max_size=40))
def test_the_calibration_error_is_the_weighted_gap_of_fifteen_bins(pairs: list[tuple[float, bool]]) -> None:
    expected = 0.0
    for number in range(15):
        inside = [(s, r) for s, r in pairs if number / 15 < s <= (number + 1) / 15]
        if inside:
            confidence = sum(s for s, _ in inside) / len(inside)
            accuracy = sum(r for _, r in inside) / len(inside)
            expected += len(inside) / len(pairs) * abs(accuracy - confidence)
    score, right = (np.array(column) for column in zip(*pairs, strict=True))
    assert calibration_error(score.astype(np.float32), right) == pytest.approx(expected, abs=1e-6)


def test_a_sure_and_right_model_is_calibrated_and_a_sure_and_wrong_one_is_not() -> None:
    sure = np.ones(4, dtype=np.float32)
    assert calibration_error(sure, np.array([True] * 4)) == 0
    assert calibration_error(sure, np.array([False] * 4)) == 1


def test_nothing_scored_has_every_score() -> None:
    none = np.empty(0, dtype=np.int64)
    found = class_metrics(LABELS, none, none, np.empty(0, dtype=np.float32))
    assert set(found.values()) == {0.0}
    assert {"accuracy", "macro_f1", "mcc", "ece", "f1/spam", "precision/ham", "recall/eggs"} <= set(found)
