"""The objective: what is trained, what is scored, and by which metric weights are selected."""

from pathlib import Path

import numpy as np
import pytest
import torch

from clozelab.errors import ConfigError
from clozelab.task.token_classification import TokenClassification
from clozelab.types import DataSpec, Scored


def task_with(labels: tuple[str, ...], **options: str) -> TokenClassification:
    task = TokenClassification(**options)  # type: ignore[arg-type]
    task.spec = DataSpec(labels=labels, num_examples={}, pad_token_id=0)
    return task


def scored(gold: list[int], predicted: list[int], sentence: list[int]) -> Scored:
    zeros = np.zeros(len(gold), dtype=np.float32)
    words = np.arange(len(gold))
    return Scored(np.array(sentence), words, np.array(gold), np.array(predicted), zeros, zeros)


def test_entities_are_scored_in_both_named_modes() -> None:
    task = task_with(("B-PER", "I-PER", "O"))
    metrics = task.metrics(scored([0, 1, 2, 1], [0, 1, 2, 1], [0, 0, 0, 0]))
    assert metrics["f1_conlleval"] == 1.0
    assert metrics["recall_strict"] == 1.0
    assert metrics["f1_conlleval/PER"] == 1.0
    assert "f1" not in metrics, "a mode is always named"


def test_plain_tags_are_scored_by_accuracy_and_macro_f1() -> None:
    task = task_with(("DT", "NN", "VB"))
    metrics = task.metrics(scored([0, 1, 2, 2], [0, 1, 1, 2], [0, 0, 1, 1]))
    assert metrics == {"accuracy": 0.75, "macro_f1": pytest.approx((1 + 2 / 3 + 2 / 3) / 3)}
    assert task.default_selection() == "val/accuracy"


def test_iob_tags_can_be_scored_as_plain_tags() -> None:
    assert not task_with(("B-NP", "I-NP", "O"), scoring="tags").scores_entities
    assert task_with(("B-NP", "I-NP", "O")).default_selection() == "val/f1_conlleval"


def test_the_cross_check_notices_a_wrong_score() -> None:
    task = task_with(("B-PER", "I-PER", "O"))
    split = scored([0, 1, 2], [0, 2, 2], [0, 0, 0])
    metrics = task.metrics(split)
    task.cross_check(split, metrics)
    with pytest.raises(AssertionError, match="f1_strict"):
        task.cross_check(split, {**metrics, "f1_strict": 0.9})


def test_the_loss_is_cross_entropy_of_each_target(tmp_path: Path) -> None:
    logits = torch.randn(5, 3)
    batch = type("Batch", (), {"targets": torch.tensor([0, 1, 2, 0, 1])})()
    loss = TokenClassification().loss(logits.log_softmax(-1), batch)
    expected = torch.nn.functional.cross_entropy(logits, batch.targets, reduction="none")
    torch.testing.assert_close(loss, expected)


@pytest.mark.parametrize("options", [{"scoring": "words"}, {"selection": "test/f1_conlleval"}, {"selection": "f1"}])
def test_wrong_values_are_refused(options: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=next(iter(options))):
        TokenClassification(**options)  # type: ignore[arg-type]
