"""Which parts of an encoder keep their weights: none, its embeddings, its lowest layers too, or all of it.

A frozen part is left out of the optimizer and runs in eval mode, without dropout. Nothing below the first trainable
part takes part in the backward pass.
"""

import logging
from collections.abc import Iterable
from itertools import groupby
from typing import Any, Literal

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
        lowest = _embeddings_of(base)
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


def parts_of(model: PreTrainedModel) -> dict[str, list[nn.Parameter]]:
    """Returns the parameters of a model by part, from the top: head, each layer (`layer 6` to `layer 1`), embeddings.

    The pooler is part of the head, whatever module holds it; a decoder that is tied to the embeddings is one with them.
    What all layers read, such as embeddings of distances, is counted to the embeddings, and what comes after the
    topmost layer to that one. Where layers share their weights there is one part, `layers`.
    """
    base: PreTrainedModel = getattr(model, model.base_model_prefix)
    layers = layers_of(base)
    names = [f"layer {number}" for number in range(len(layers), 0, -1)] or ["layers"]
    poolers = [child for name, child in base.named_children() if name.startswith("pooler")]
    placed: list[tuple[str, list[nn.Module]]] = [(names[0], [base]), ("embeddings", _embeddings_of(base))]
    placed += [(name, [layer]) for name, layer in zip(names, reversed(layers), strict=False)] + [("head", poolers)]
    part_of = {id(p): name for name, modules in placed for module in modules for p in module.parameters()}
    parts: dict[str, list[nn.Parameter]] = {name: [] for name in ("head", *names, "embeddings")}
    for parameter in model.parameters():
        parts[part_of.get(id(parameter), "head")].append(parameter)
    return parts


def count_parameters(model: PreTrainedModel) -> dict[str, Any]:
    """Returns how many parameters are trainable, and how many frozen; logs a table of the model's parts.

    Returns:
        `trainable`, `frozen`, and `parts`: the same two of each part, layers that follow one another and are alike
        together (`layers 1-4`), from the embeddings up.
    """
    counted = [(name, _counts(parameters)) for name, parameters in reversed(parts_of(model).items())]
    parts: dict[str, dict[str, int]] = {}
    for _, group in groupby(counted, lambda part: (part[0].partition(" ")[0], part[1])):
        names, counts = zip(*group, strict=True)
        first, last = names[0], names[-1].removeprefix("layer ")
        parts[first if len(names) == 1 else f"{first.replace('layer', 'layers')}-{last}"] = {
            kind: sum(count[kind] for count in counts) for kind in ("trainable", "frozen")
        }
    whole = _counts(model.parameters())
    rows = [f"{name:14}{counts['trainable']:>14,}{counts['frozen']:>14,}" for name, counts in parts.items()]
    total = f"{'all':14}{whole['trainable']:>14,}{whole['frozen']:>14,}"
    log.info("%s", "\n".join(["parameters:", f"{'part':14}{'trainable':>14}{'frozen':>14}", *rows, total]))
    return {**whole, "parts": parts}


def _counts(parameters: Iterable[nn.Parameter]) -> dict[str, int]:
    sizes = {True: 0, False: 0}
    for parameter in parameters:
        sizes[parameter.requires_grad] += parameter.numel()
    return {"trainable": sizes[True], "frozen": sizes[False]}


def _embeddings_of(base: PreTrainedModel) -> list[nn.Module]:
    """Returns what the lowest layer reads: embeddings, their projection, those of distances and what is beside these.

    MPNet and DeBERTa have one table of distances for all layers, which DeBERTa normalises: while that learns, no layer
    computes what it did.
    """
    inside = {id(module) for layer in layers_of(base) for module in layer.modules()}
    found: list[nn.Module] = []
    for module in base.modules():
        parts = {name: child for name, child in module.named_children() if not isinstance(child, nn.ModuleList)}
        tables = any(isinstance(child, nn.Embedding) for child in parts.values()) and module is not base
        if id(module) not in inside:
            found += [child for name, child in parts.items() if tables or name.startswith("embedding")]
    return found


def layers_of(base: PreTrainedModel) -> list[nn.Module]:
    """Returns the transformer blocks from the lowest; none where the blocks share their weights (ALBERT)."""
    wanted = getattr(base.config, "num_hidden_layers", 0)
    lists = [m for m in base.modules() if isinstance(m, nn.ModuleList) and len(m) == wanted]
    return list(lists[0]) if lists and not hasattr(base.config, "num_hidden_groups") else []
