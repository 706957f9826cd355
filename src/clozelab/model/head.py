"""A model's own head, applied to hidden states: whatever the architecture does behind its encoder, it does here, too.

The head is the whole Hugging Face model with its encoder replaced by a stand-in that returns the states it is given.
So no architecture's head has to be known or written again, and what clozelab trains *is* a plain Hugging Face model.
"""

import copy
from typing import Any, final

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.modeling_outputs import BaseModelOutputWithPooling


@final
class Head(nn.Module):
    """The part of a model behind its encoder, with the model's own parameters.

    Args:
        model: with a head.
    """

    def __init__(self, *, model: PreTrainedModel) -> None:
        super().__init__()
        prefix = model.base_model_prefix
        self._stand_in = _StandIn(base=getattr(model, prefix))
        # A second view of the same modules: nothing is copied, and the model itself keeps its encoder.
        view = copy.copy(model)
        view._modules = {**model._modules, prefix: self._stand_in}
        self.view = view

    def forward(self, states: Tensor) -> Tensor:
        """Returns the logits.

        Args:
            states: (rows, places, hidden); a head for tokens reads every place, one for sequences the first of a row.

        Returns:
            (rows, places, labels), or (rows, labels) from a head for sequences.
        """
        self._stand_in.states = states
        try:
            # Ids and mask say the shape only: whoever reads them is replaced.
            ids = torch.zeros(states.shape[:2], dtype=torch.long, device=states.device)
            logits: Tensor = self.view(input_ids=ids, attention_mask=torch.ones_like(ids)).logits
        finally:
            del self._stand_in.states  # the graph must not outlive the step
        return logits


@final
class _StandIn(nn.Module):
    """Returns given states in the place of an encoder; pools them as the encoder does."""

    states: Tensor

    def __init__(self, *, base: PreTrainedModel) -> None:
        super().__init__()
        self.pooler = getattr(base, "pooler", None)
        self.activation = getattr(base, "pooler_activation", None)  # ALBERT's pooler is a bare linear layer

    def forward(self, *_: Any, **__: Any) -> BaseModelOutputWithPooling:
        pooled = None
        if self.pooler is not None:
            plain = isinstance(self.pooler, nn.Linear)
            pooled = self.pooler(self.states[:, 0] if plain else self.states)
            pooled = self.activation(pooled) if self.activation is not None else pooled
        return BaseModelOutputWithPooling(last_hidden_state=self.states, pooler_output=pooled)
