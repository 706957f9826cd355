"""Which parameters decay, and which learn faster than others.

All decay but biases and normalisations (Devlin et al. 2019, appendix A.2; BERT's own code). By default all learn alike.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, final

from torch import nn
from transformers import PreTrainedModel

from clozelab.errors import ConfigError, require


@final
class Groups:
    """How fast the head, the layers and the embeddings of a model learn, each in its own parameter groups.

    Args:
        layer_decay: a layer learns with this factor of what the one above it learns with, from the head (the
            optimizer's learning rate) down to the embeddings; 1 is off. Howard & Ruder 2018, section 3.2
            (discriminative fine-tuning); Clark et al. 2020, appendix B, whose code begins with the square of the factor
            at the topmost layer.
        head_lr: learning rate of the head alone, where it is not that of the optimizer. The layers below go by the
            optimizer's all the same.
    """

    def __init__(self, *, layer_decay: float = 1.0, head_lr: float | None = None) -> None:
        require("layer_decay", layer_decay, 0 < layer_decay <= 1, "a factor in (0, 1]")
        require("head_lr", head_lr, head_lr is None or head_lr > 0, "null or a number > 0")
        self.layer_decay = layer_decay
        self.head_lr = head_lr

    def build(
        self, *, model: PreTrainedModel, parts: Mapping[str, Sequence[nn.Parameter]], lr: float, weight_decay: float
    ) -> list[dict[str, Any]]:
        """Returns groups for a torch optimizer; frozen parameters are left out.

        Args:
            model: encoder and head.
            parts: its parameters from the head down to the embeddings, as `model.freeze.parts_of` names them.
            lr: learning rate of the optimizer.
            weight_decay: of all parameters but biases and normalisations.

        Raises:
            ConfigError: if layers that share their weights are to learn unequally fast.
        """
        groups = parameter_groups(model, weight_decay=weight_decay)
        if self.layer_decay == 1 and self.head_lr is None:
            return groups
        if self.layer_decay != 1 and "layers" in parts:
            raise ConfigError(
                f"optimizer.groups.layer_decay={self.layer_decay!r}: {type(model).__name__} has no layers of their own "
                "weights, of which one could learn faster than another"
            )
        rates = {name: lr * self.layer_decay**depth for depth, name in enumerate(parts)}
        if self.head_lr is not None:
            rates["head"] = self.head_lr
        rate_of = {id(parameter): rates[name] for name, members in parts.items() for parameter in members}
        split: dict[tuple[float, float], list[nn.Parameter]] = {}
        for group in groups:
            for parameter in group["params"]:
                key = rate_of[id(parameter)], group["weight_decay"]
                split.setdefault(key, []).append(parameter)
        return [{"params": found, "lr": rate, "weight_decay": decay} for (rate, decay), found in split.items()]


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
