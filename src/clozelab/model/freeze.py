"""Which parts of an encoder keep their weights: none, its embeddings, its lowest layers too, or all of it.

A frozen part is left out of the optimizer and runs in eval mode, without dropout. Nothing below the first trainable
part takes part in the backward pass.
"""

import logging
from typing import Literal

from torch import nn
from transformers import PreTrainedModel

from clozelab.errors import ConfigError, require

log = logging.getLogger(__name__)

Freeze = Literal["none", "embeddings", "all"] | int


def check_freeze(freeze: Freeze) -> None:
    """Refuses what cannot be frozen, as far as that is known without the encoder.

    Raises:
        ConfigError: naming it.
    """
    is_number = isinstance(freeze, int) and not isinstance(freeze, bool) and freeze >= 1
    require(
        "freeze", freeze, is_number or freeze in ("none", "embeddings", "all"), "none, embeddings, all or layers >= 1"
    )


def freeze_parts(base: PreTrainedModel, freeze: Freeze) -> list[nn.Module]:
    """Freezes parts of an encoder and returns them; their training mode is for the caller to hold off.

    Args:
        base: any encoder.
        freeze: `none`, `embeddings`, the number of lowest layers beside them, or `all`.

    Raises:
        ConfigError: if the encoder does not have these parts.
    """
    if freeze == "none":
        parts: list[nn.Module] = []
    elif freeze == "all":
        # The pooler is part of the head, whatever module holds it.
        parts = [child for name, child in base.named_children() if not name.startswith("pooler")]
    else:
        name = type(base).__name__
        lowest = [child for name, child in base.named_children() if name.startswith("embeddings")]
        if not lowest:
            raise ConfigError(f"freeze={freeze!r}: {name} has no part called embeddings", key="freeze")
        layers = layers_of(base)
        if isinstance(freeze, int) and freeze > len(layers):
            has = f"has {len(layers)} layers" if layers else "has no layers of their own weights"
            raise ConfigError(f"freeze={freeze}: {name} {has}", key="freeze")
        parts = [*lowest, *layers[: freeze if isinstance(freeze, int) else 0]]
    for part in parts:
        part.requires_grad_(False)
    return parts


def count_parameters(model: nn.Module) -> dict[str, int]:
    """Returns how many parameters are trainable, and how many frozen; logs both."""
    sizes = [(p.requires_grad, p.numel()) for p in model.parameters()]
    counts = {
        "trainable": sum(n for learns, n in sizes if learns),
        "frozen": sum(n for learns, n in sizes if not learns),
    }
    log.info("%d parameters: %d trainable, %d frozen", sum(counts.values()), counts["trainable"], counts["frozen"])
    return counts


def layers_of(base: PreTrainedModel) -> list[nn.Module]:
    """Returns the transformer blocks from the lowest; none where the blocks share their weights (ALBERT)."""
    wanted = getattr(base.config, "num_hidden_layers", 0)
    lists = [m for m in base.modules() if isinstance(m, nn.ModuleList) and len(m) == wanted]
    return list(lists[0]) if lists and not hasattr(base.config, "num_hidden_groups") else []
