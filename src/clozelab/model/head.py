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
        """Returns the logits; of a model with several heads those over the vocabulary.

        Args:
            states: (rows, places, hidden); a head for tokens reads every place, one for sequences the first of a row.

        Returns:
            (rows, places, labels), or (rows, labels) from a head for sequences.
        """
        # Without a place there is no logit, but a pooler that nobody asks wants something to pool.
        firsts = states if states.shape[1] else states.new_zeros(len(states), 1, states.shape[2])
        return logits_of(self._run(states, firsts))

    def next_sentence(self, firsts: Tensor) -> Tensor:
        """Returns the logits of next sentence prediction, (examples, 2).

        Args:
            firsts: (examples, 1, hidden); the state of each [CLS].
        """
        output = self._run(firsts[:1, :0], firsts)  # no place to predict a token at
        (logits,) = (output[name] for name in NEXT_SENTENCE if name in output)
        return logits  # type: ignore[no-any-return]

    def _run(self, states: Tensor, firsts: Tensor) -> Any:
        self._stand_in.states, self._stand_in.firsts = states, firsts
        try:
            # Ids and mask say the shape only: whoever reads them is replaced.
            ids = torch.zeros(states.shape[:2], dtype=torch.long, device=states.device)
            return self.view(input_ids=ids, attention_mask=torch.ones_like(ids))
        finally:
            del self._stand_in.states, self._stand_in.firsts  # the graph must not outlive the step


NEXT_SENTENCE = ("seq_relationship_logits", "sop_logits")
"""What transformers calls the answer to whether a segment follows the other one, by architecture."""


def logits_of(output: Any) -> Tensor:
    """Returns the logits of a model's output; of a pretraining model those over the vocabulary."""
    return output.get("prediction_logits", output.get("logits"))  # type: ignore[no-any-return]


@final
class _StandIn(nn.Module):
    """Returns given states in the place of an encoder; pools them as the encoder does."""

    states: Tensor
    firsts: Tensor

    def __init__(self, *, base: PreTrainedModel) -> None:
        super().__init__()
        # A view, no child: the embeddings are the encoder's. DeBERTa's decoder looks for its weights there.
        self.__dict__["embeddings"] = getattr(base, "embeddings", None)
        self.pooler = getattr(base, "pooler", None)
        self.activation = getattr(base, "pooler_activation", None)  # ALBERT's pooler is a bare linear layer

    def forward(self, *_: Any, **__: Any) -> BaseModelOutputWithPooling:
        pooled = None
        if self.pooler is not None:
            plain = isinstance(self.pooler, nn.Linear)
            pooled = self.pooler(self.firsts[:, 0] if plain else self.firsts)
            pooled = self.activation(pooled) if self.activation is not None else pooled
        return BaseModelOutputWithPooling(last_hidden_state=self.states, pooler_output=pooled)
