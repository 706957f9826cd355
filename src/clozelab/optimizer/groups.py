"""Which parameters decay, and which learn faster than others.

All decay but biases and normalisations (Devlin et al. 2019, appendix A.2; BERT's own code). By default all learn alike.
"""

import re
from collections.abc import Sequence
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
            (discriminative fine-tuning); Clark et al. 2020, appendix B.
        head_lr: learning rate of the head alone, where it is not that of the optimizer. The layers below go by the
            optimizer's all the same.
    """

    def __init__(self, *, layer_decay: float = 1.0, head_lr: float | None = None) -> None:
        require("layer_decay", layer_decay, 0 < layer_decay <= 1, "a factor in (0, 1]")
        require("head_lr", head_lr, head_lr is None or head_lr > 0, "null or a number > 0")
        self.layer_decay = layer_decay
        self.head_lr = head_lr

    def build(
        self, *, model: PreTrainedModel, layers: Sequence[nn.Module], lr: float, weight_decay: float
    ) -> list[dict[str, Any]]:
        """Returns groups for a torch optimizer; frozen parameters are left out.

        Args:
            model: encoder and head.
            layers: of the encoder, from the lowest; none where they share their weights.
            lr: learning rate of the optimizer.
            weight_decay: of all parameters but biases and normalisations.

        Raises:
            ConfigError: if layers that share their weights are to learn unequally fast.
        """
        groups = parameter_groups(model, weight_decay=weight_decay)
        if self.layer_decay == 1 and self.head_lr is None:
            return groups
        if self.layer_decay != 1 and not layers:
            raise ConfigError(
                f"optimizer.groups.layer_decay={self.layer_decay!r}: {type(model).__name__} has no layers of their own "
                "weights, of which one could learn faster than another"
            )
        depths = _depths(model, layers)
        rates = [lr * self.layer_decay**depth for depth in range(len(layers) + 2)]
        if self.head_lr is not None:
            rates[0] = self.head_lr
        split: dict[tuple[float, float], list[nn.Parameter]] = {}
        for group in groups:
            for parameter in group["params"]:
                key = rates[depths.get(id(parameter), 0)], group["weight_decay"]
                split.setdefault(key, []).append(parameter)
        return [{"params": found, "lr": rate, "weight_decay": decay} for (rate, decay), found in split.items()]


def _depths(model: PreTrainedModel, layers: Sequence[nn.Module]) -> dict[int, int]:
    """Returns how many layers below the head each parameter of the encoder is, by its id.

    The pooler is part of the head, whatever module holds it. A decoder tied to the embeddings is one with them.
    """
    base = getattr(model, model.base_model_prefix)
    poolers = [child for name, child in base.named_children() if name.startswith("pooler")]
    embeddings = [child for name, child in base.named_children() if name.startswith("embeddings")]
    # Outside of the layers stand embeddings of distances, which all of them use, and what comes after the topmost.
    embeddings += [module for module in base.modules() if isinstance(module, nn.Embedding)]
    placed = [
        (1, [base]), (len(layers) + 1, embeddings), *((len(layers) - i, [layer]) for i, layer in enumerate(layers)),
        (0, poolers),
    ]  # fmt: skip
    return {id(p): depth for depth, modules in placed for module in modules for p in module.parameters()}


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
