"""Which parameters decay: all but biases and normalisations (Devlin et al. 2019, appendix A.2; BERT's own code)."""

import re
from typing import Any

from torch import nn


def parameter_groups(module: nn.Module, *, weight_decay: float) -> list[dict[str, Any]]:
    """Returns two groups for a torch optimizer: with and without weight decay; frozen parameters are left out.

    Args:
        module: whose trainable parameters to take, each once.
        weight_decay: of the first group.
    """
    undecayed = {id(p) for child in module.modules() if _is_norm(child) for p in child.parameters(recurse=False)}
    parameters = [(name, p) for name, p in module.named_parameters() if p.requires_grad]
    plain = [p for name, p in parameters if id(p) in undecayed or name.endswith("bias")]
    chosen = {id(p) for p in plain}
    return [
        {"params": [p for _, p in parameters if id(p) not in chosen], "weight_decay": weight_decay},
        {"params": plain, "weight_decay": 0.0},
    ]


def _is_norm(module: nn.Module) -> bool:
    # By the end of the name (T5LayerNorm, BatchNorm1d): the blocks of RoBERTa-PreLayerNorm are not normalisations.
    return isinstance(module, nn.LayerNorm | nn.RMSNorm) or bool(re.search(r"Norm(\dd)?$", type(module).__name__))
