"""What a model takes over of the folder that its weights come from, and what of it begins anew.

The encoder is taken whole. A head is taken only by a model that means the same by it: two tasks of three labels would
else share one without a word about it.
"""

import logging
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

log = logging.getLogger(__name__)

BY_NAME = ("Model", "ForMaskedLM", "ForPreTraining")
"""Endings of classes whose heads, if any, mean the same in all of them: what has the name and shape is taken."""


def inherit(
    model: PreTrainedModel,
    *,
    stored: Any,
    labels: Sequence[str],
    missing: Collection[str],
    unexpected: Iterable[str],
    state: Tensor,
) -> None:
    """Begins anew what the folder lacks and what of its head does not fit, and says what became of the head.

    The new weights follow from the state of torch's generator alone, whatever else the folder has or lacks.

    Args:
        model: loaded.
        stored: the folder's config.
        labels: names of the classes.
        missing: parameters that the folder lacks, or has in other sizes.
        unexpected: names in the folder that the model has no place for.
        state: of torch's generator, before anything was loaded.
    """
    base: PreTrainedModel = getattr(model, model.base_model_prefix)
    encoder = {f"{model.base_model_prefix}.{name}": value for name, value in base.named_parameters()}
    shared = {id(value) for value in encoder.values()}  # a tied decoder is the encoder's, whatever its name
    head = {name: value for name, value in model.named_parameters() if id(value) not in shared}
    refusal = _refusal(stored, type(model).__name__, labels)
    new = {name for name in (*head, *encoder) if name in missing or (refusal and name in head)}
    if new:
        for name, value in (*head.items(), *encoder.items()):
            value._is_hf_initialized = name not in new  # type: ignore[attr-defined]
        _draw(model, base, state)
    if not refusal and head and new.issuperset(head):
        refusal = _other_class(stored, type(model).__name__)
    log.info("%s", "; ".join(_report(model, list(head), new, refusal, unexpected)))


def _refusal(stored: Any, wanted: str, labels: Sequence[str]) -> str:
    """Returns why nothing is taken of the folder's head, or an empty string."""
    if _class_of(stored, wanted).endswith(BY_NAME):
        return ""
    if _class_of(stored, wanted) != wanted:
        return _other_class(stored, wanted)
    learnt = [stored.id2label[number] for number in sorted(stored.id2label)]
    return "" if learnt == list(labels) else f"the folder's knows {_some(learnt)}, this task has {_some(labels)}"


def _class_of(stored: Any, wanted: str) -> str:
    """Returns the class that a folder holds; of one that does not say it, the one that is wanted."""
    return str((stored.architectures or [wanted])[0])


def _other_class(stored: Any, wanted: str) -> str:
    held = _class_of(stored, "no class that it names")
    return f"the folder holds {held}, this task needs {wanted}" if held != wanted else f"the folder's {held} lacks one"


def _some(labels: Sequence[str]) -> str:
    return ", ".join(labels[:5]) + (f" and {len(labels) - 5} more" if len(labels) > 5 else "")


def _draw(model: PreTrainedModel, base: PreTrainedModel, state: Tensor) -> None:
    """Draws parameters anew as the architecture does, which passes over those marked as initialised.

    Those of the head come first: an encoder may lack some or none.

    Args:
        model: loaded.
        base: its encoder.
        state: of torch's generator to begin with.
    """
    torch.set_rng_state(state)
    for module in model.children():
        if module is not base:
            module.apply(model._init_weights)
    model._init_weights(model)
    base.apply(base._init_weights)


def _report(
    model: PreTrainedModel, head: Sequence[str], new: set[str], refusal: str, unexpected: Iterable[str]
) -> Iterator[str]:
    """Yields the parts of one line: what became of the head, and of what else is there or not."""
    taken = [name for name in head if name not in new]
    if refusal:
        yield f"head is new: {refusal}"
    elif len(taken) == len(head):
        yield "head taken over"
    else:
        yield f"of the head taken over: {_parts(model, taken)}; new: {_parts(model, new.intersection(head))}"
    decoder, embeddings = model.get_output_embeddings(), model.get_input_embeddings()
    if decoder is not None and decoder.weight is embeddings.weight:
        yield "its decoder stays tied to the embeddings"
    if beside := [name for name in new if name not in head]:
        yield f"new in the encoder: {_parts(model, beside)}"
    if dropped := list(unexpected):
        yield f"left behind: {_parts(model, dropped)}"


def _parts(model: PreTrainedModel, names: Iterable[str]) -> str:
    """Returns the modules of parameters, two levels deep: `cls.predictions`."""
    short = (name.removeprefix(f"{model.base_model_prefix}.").split(".") for name in names)
    return ", ".join(sorted({".".join(path[:-1][:2]) or path[0] for path in short}))
