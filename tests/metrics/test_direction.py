"""Behaviour of the rule which way a metric is better."""

import pytest

from clozelab.metrics.direction import higher_is_better


@pytest.mark.parametrize(
    "metric",
    [
        "val/f1_conlleval",
        "val/f1_strict/PER",
        "val/accuracy",
        "test/macro_f1",
        "val/recall_conlleval",
        "val/precision_strict",
    ],
)
def test_scores_are_better_high(metric: str) -> None:
    assert higher_is_better(metric)


@pytest.mark.parametrize(
    "metric", ["val/loss", "train/loss", "loss", "val/mlm_loss", "val/perplexity", "val/ece", "val/rmse"]
)
def test_losses_and_errors_are_better_low(metric: str) -> None:
    assert not higher_is_better(metric)


@pytest.mark.parametrize("metric", ["val/f1/loss", "test/f1_strict/mae", "val/recall_conlleval/ECE/mse"])
def test_the_name_of_a_class_does_not_count(metric: str) -> None:
    assert higher_is_better(metric)


@pytest.mark.parametrize("metric", ["val/closses", "val/precision", "val/gloss", "val/niece"])
def test_only_whole_words_of_a_name_count(metric: str) -> None:
    assert higher_is_better(metric)
