"""What all tasks share: metrics are known beforehand, and frozen parts neither drop nor remember anything."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.autograd.graph import saved_tensors_hooks

from clozelab.model.encoder import Encoder
from clozelab.task.token_classification import TokenClassification
from clozelab.types import Batch, DataSpec


def test_metric_names_are_known_before_anything_is_scored() -> None:
    task = TokenClassification()
    task.spec = DataSpec(kind="words", labels=("B-PER", "I-PER", "O"), num_examples={}, pad_token_id=0)
    assert {"val/loss", "val/accuracy", "val/f1_strict", "val/recall_conlleval/PER"} <= set(task.metric_names())


@pytest.mark.parametrize("freeze", ["none", "embeddings", "1", "all"])
def test_frozen_parts_train_in_eval_mode_and_keep_no_activations(
    freeze: str,
    clozelab: Callable[..., tuple[int, str, str]],
    overrides: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In every epoch: Lightning sets modes around a validation."""
    forward, seen = Encoder.forward, []

    def watched(self: Encoder, batch: Batch) -> torch.Tensor:
        base: Any = self.base
        parts = [base.embeddings, *base.encoder.layer]
        frozen = parts[: {"none": 0, "embeddings": 1, "1": 2, "all": 3}[freeze]]
        kept = []
        at_the_end = []
        hooks = [part.register_forward_hook(lambda *_: at_the_end.append(len(kept))) for part in frozen]
        with saved_tensors_hooks(lambda tensor: kept.append(tensor.shape) or tensor, lambda tensor: tensor):
            states = forward(self, batch)
        for hook in hooks:
            hook.remove()
        if torch.is_grad_enabled():
            seen.append(len(kept))
            assert {module.training for part in frozen for module in part.modules()} <= {False}
            assert {module.training for part in parts[len(frozen) :] for module in part.modules()} <= {True}
            assert at_the_end == [0] * len(frozen)
            assert states.requires_grad == bool(kept) == (freeze != "all")
        return states

    monkeypatch.setattr(Encoder, "forward", watched)
    code, _, err = clozelab("train", *overrides, f"model.freeze={freeze}", "feature_cache_gb=0")
    assert code == 0, err
    assert len(seen) == 16
