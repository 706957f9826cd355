"""Behaviour of word-level scores: equal to scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score

from clozelab.metrics.tags import tag_metrics

LABELS = ["NN", "VB", "DT", "JJ", "RARE", "NEVER"]


@pytest.mark.parametrize("seed", range(40))
def test_accuracy_and_macro_f1_equal_scikit_learns(seed: int) -> None:
    draw = np.random.default_rng(seed)
    size = int(draw.integers(1, 200))
    gold = draw.integers(0, 5 if seed % 2 else 4, size=size)
    predicted = np.where(draw.random(size) < seed / 40, draw.integers(0, 5, size=size), gold)
    expected = {
        "accuracy": accuracy_score(gold, predicted),
        "macro_f1": f1_score(gold, predicted, average="macro", zero_division=0),
    }
    assert tag_metrics(LABELS, gold, predicted) == pytest.approx(expected, abs=1e-12)


def test_labels_that_occur_nowhere_do_not_count() -> None:
    words = np.array([0, 1, 2])
    assert tag_metrics(LABELS, words, words) == {"accuracy": 1.0, "macro_f1": 1.0}


@pytest.mark.parametrize(("gold", "predicted"), [([0, 0], [0, 4]), ([0, 4], [0, 0])])
def test_a_label_with_nothing_right_counts_as_zero(gold: list[int], predicted: list[int]) -> None:
    scores = tag_metrics(LABELS, np.array(gold), np.array(predicted))
    assert scores == pytest.approx({"accuracy": 0.5, "macro_f1": (2 / 3 + 0) / 2})


def test_no_word_is_no_score() -> None:
    nothing = np.array([], dtype=np.int64)
    assert tag_metrics(LABELS, nothing, nothing) == {"accuracy": 0.0, "macro_f1": 0.0}


def test_scores_are_plain_numbers() -> None:
    scores = tag_metrics(LABELS, np.array([0, 1]), np.array([0, 0]))
    assert {type(value) for value in scores.values()} == {float}
