"""Dropout for CPUs: drawing one 64-bit word for four elements costs a fraction of one Bernoulli draw an element.

On two cores, dropout and the attention path it forces took two fifths of a MiniLM training step before this. The scheme
is that of Srivastava et al. 2014 in its inverted form; the rate is rounded to a multiple of 2^-16 and the kept elements
are scaled by the exact inverse.
"""

from typing import Any, final

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS, sdpa_mask
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

LANES = 2**16
ATTENTION = "clozelab"
"""Name of our attention among those of transformers."""


def drop(values: Tensor, rate: float) -> Tensor:
    """Returns `values` with each element zeroed with probability `rate`, the others scaled by 1 / (1 - rate).

    Args:
        values: floating, any shape, on a CPU; draws come from torch's global generator.
        rate: in [0, 1).
    """
    threshold = round(rate * LANES)
    count = values.numel()
    words = torch.empty(-(-count // 4), dtype=torch.int64).random_(-(2**63), None)
    # In place: torch compares 16-bit integers many at once, but not into booleans.
    kept = words.view(torch.int16)[:count].view(values.shape).ge_(threshold - LANES // 2)
    return values * kept.to(values.dtype).mul_(LANES / (LANES - threshold))


@final
class Dropout(nn.Module):
    """Takes the place of `torch.nn.Dropout`; on other devices than CPUs it is the same.

    Args:
        p: rate, in [0, 1).
    """

    def __init__(self, *, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, values: Tensor) -> Tensor:
        """Returns the values with dropout in training mode, else as they are."""
        if not self.training or self.p == 0:
            return values
        return drop(values, self.p) if values.device.type == "cpu" else functional.dropout(values, self.p)


def attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    **options: Any,
) -> tuple[Tensor, None]:
    """Attention as transformers wants it; plain batched products where dropout would leave sdpa's fused path.

    Args:
        module: the attention layer.
        query: (rows, heads, row_length, width); key and value likewise.
        key: see query.
        value: see query.
        attention_mask: (rows, 1, row_length, row_length) bool, True = attends; every position attends to one at least.
        dropout: rate of the attention weights.
        scaling: of the scores.
        options: of the architecture, passed on.

    Returns:
        (rows, row_length, heads, width), and no weights.
    """
    plain = attention_mask is not None and attention_mask.dtype == torch.bool and query.shape == key.shape
    if dropout == 0 or query.device.type != "cpu" or not plain or scaling is None:
        return sdpa_attention_forward(  # type: ignore[no-any-return]
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **options
        )
    assert attention_mask is not None
    scores = (query * scaling) @ key.transpose(2, 3)
    # What no position sees gets the lowest score by a sum, which costs an eighth of torch's `masked_fill`.
    scores += (attention_mask.to(scores.dtype) - 1) * torch.finfo(scores.dtype).max
    return (drop(scores.softmax(-1), dropout) @ value).transpose(1, 2).contiguous(), None


def use_fast_dropout(model: PreTrainedModel) -> None:
    """Replaces the dropout of a model's layers, and that of its attention where the architecture lets us.

    The model's parameters and what it computes in eval mode stay as they are.
    """
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if type(child) is nn.Dropout:
                setattr(parent, name, Dropout(p=child.p).train(child.training))
    ALL_ATTENTION_FUNCTIONS.register(ATTENTION, attention)
    # Without masks of its name, transformers would pass none on, and the model would look at padding.
    ALL_MASK_ATTENTION_FUNCTIONS.register(ATTENTION, sdpa_mask)
    if model.config._attn_implementation == "sdpa" and model._can_set_attn_implementation():
        model.set_attn_implementation(ATTENTION)
