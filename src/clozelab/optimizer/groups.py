"""Which parameters decay: all but biases and normalisations (Devlin et al. 2019, appendix A.2; BERT's own code)."""

from typing import Any

from torch import nn


def parameter_groups(module: nn.Module, *, weight_decay: float) -> list[dict[str, Any]]:
    """Returns two groups for a torch optimizer: with and without weight decay; frozen parameters are left out.

    Args:
        module: whose trainable parameters to take, each once.
        weight_decay: of the first group.
    """
    norms = [
        child for child in module.modules() if isinstance(child, nn.LayerNorm | nn.RMSNorm) or "Norm" in type(child).__name__
    ]
    undecayed = {id(p) for norm in norms for p in norm.parameters(recurse=False)}
    parameters = [(name, p) for name, p in module.named_parameters() if p.requires_grad]
    plain = [p for name, p in parameters if id(p) in undecayed or name.endswith("bias")]
    chosen = {id(p) for p in plain}
    return [
        {"params": [p for _, p in parameters if id(p) not in chosen], "weight_decay": weight_decay},
        {"params": plain, "weight_decay": 0.0},
    ]
