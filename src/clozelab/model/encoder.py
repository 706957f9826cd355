"""The encoder as tasks see it: a batch in, hidden states out, whatever architecture is inside."""

import inspect
from collections.abc import Callable
from typing import Any, final

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from clozelab.errors import ConfigError
from clozelab.types import Batch


@final
class Encoder(nn.Module):
    """Wraps the base model of any Hugging Face encoder.

    Tokens attend only within their own example: under sdpa a 4-D block-diagonal boolean mask with restarting positions
    gives what separate runs give. Tail padding attends to itself, which keeps its softmax finite and harms nobody.

    Args:
        base: the base model (`BertModel`, ...), shared with the model it is part of.
        packable: whether `model.probe` found the packed mask to be exact; if not, batches hold one example a row.
        position_offset: what the architecture adds to position ids (RoBERTa: padding_idx + 1).
        causal: mask later positions too (the counterpart of figure 1 of the lecture); needs `packable`.
        sliding_window: how far the local layers see, in tokens to each side, where an architecture has such layers and
            takes one mask for each kind (ModernBERT); else None.
    """

    def __init__(
        self,
        *,
        base: PreTrainedModel,
        packable: bool,
        position_offset: int,
        causal: bool,
        sliding_window: int | None = None,
    ) -> None:
        super().__init__()
        assert packable or not causal, "a causal mask is built like the packed one"
        self.base = base
        self.packable = packable
        self.position_offset = position_offset
        self.causal = causal
        self.sliding_window = sliding_window
        # Of an encoder that keeps its weights, `features.remember` may know the states already.
        self.features: Callable[[Batch], Tensor] | None = None
        self._takes_token_types = "token_type_ids" in inspect.signature(base.forward).parameters

    @property
    def hidden_size(self) -> int:
        """Width of the hidden states."""
        return int(self.base.config.hidden_size)

    def check_first(self, remedy: str) -> None:
        """Refuses to learn anything from the first token where it sees itself alone.

        Args:
            remedy: what to do instead.

        Raises:
            ConfigError: if attention is causal.
        """
        if self.causal:
            raise ConfigError(
                "model.attention='causal': [CLS] stands first and sees none of the other tokens, so that nothing can "
                f"be learnt from it; {remedy}"
            )

    def forward(self, batch: Batch) -> Tensor:
        """Returns the hidden states of the last layer, (rows, row_length, hidden), floating."""
        if self.features is not None:
            return self.features(batch)
        inputs: dict[str, Any] = {"input_ids": batch.input_ids}
        if self._takes_token_types:
            inputs["token_type_ids"] = batch.token_type_ids
        if self.packable:
            mask = packed_mask(batch.sequence_ids, causal=self.causal)
            inputs["attention_mask"] = mask if self.sliding_window is None else by_layer_type(mask, self.sliding_window)
            inputs["position_ids"] = batch.position_ids + self.position_offset
        else:
            inputs["attention_mask"] = (batch.sequence_ids >= 0).long()
        states: Tensor = self.base(**inputs).last_hidden_state
        return states


def packed_mask(sequence_ids: Tensor, *, causal: bool) -> Tensor:
    """Returns who may attend to whom, (rows, 1, row_length, row_length) bool, True = attends.

    Args:
        sequence_ids: (rows, row_length); equal numbers are one example.
        causal: each position sees itself and earlier ones only.
    """
    same = sequence_ids.unsqueeze(2) == sequence_ids.unsqueeze(1)
    if causal:
        length = sequence_ids.shape[1]
        same = same & torch.ones(length, length, dtype=torch.bool, device=same.device).tril()
    return same.unsqueeze(1)


def by_layer_type(mask: Tensor, window: int) -> dict[str, Tensor]:
    """Returns the mask of each kind of layer; distances in a row are those in the example.

    Args:
        mask: from `packed_mask`.
        window: how far the local layers see, in tokens to each side.
    """
    place = torch.arange(mask.shape[-1], device=mask.device)
    near = (place[:, None] - place[None, :]).abs() <= window
    return {"full_attention": mask, "sliding_attention": mask & near}
