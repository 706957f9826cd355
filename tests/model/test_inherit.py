"""What a model takes over of a folder: the encoder always, a head only where it means the same."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, PreTrainedModel

from clozelab.model.pretrained import Pretrained
from clozelab.store.local import Local

Folder = Callable[[str], Path]
Build = Callable[..., tuple[PreTrainedModel, str]]

LABELS = ("B-X", "I-X", "O")
OTHERS = ("O", "I-X", "B-X")
PLAIN, PRETRAINING, MASKED = "AutoModel", "AutoModelForPreTraining", "AutoModelForMaskedLM"
TOKENS, TEXTS = "AutoModelForTokenClassification", "AutoModelForSequenceClassification"
TIED = "its decoder stays tied to the embeddings"


@pytest.fixture
def make(encoder_folder: Folder, tmp_path: Path) -> Callable[[str, str], Path]:
    """Makes a folder of an architecture under a head, with weights of their own."""

    def folder(kind: str, auto: str) -> Path:
        config = AutoConfig.from_pretrained(encoder_folder(kind))
        config.id2label = dict(enumerate(LABELS))
        torch.manual_seed(1)
        model = getattr(transformers, auto).from_config(config)
        for value in model.parameters():
            torch.nn.init.normal_(value)
        model.save_pretrained(tmp_path / auto)
        return tmp_path / auto

    return folder


@pytest.fixture
def build(caplog: pytest.LogCaptureFixture) -> Build:
    """Builds a model from a folder; returns it and what was said."""

    def made(folder: Path, auto: str, labels: Sequence[str] = LABELS, seed: int = 0) -> tuple[PreTrainedModel, str]:
        caplog.clear()
        with caplog.at_level(logging.INFO, logger="clozelab"):
            torch.manual_seed(seed)
            model = Pretrained(path=str(folder), source=Local()).build(head=auto, labels=labels)
        (said,) = [record.getMessage() for record in caplog.records if record.name == "clozelab.model.inherit"]
        return model, said

    return made


def head_of(model: PreTrainedModel) -> dict[str, torch.Tensor]:
    """Returns the weights that are not the encoder's."""
    return {n: v for n, v in model.state_dict().items() if not n.startswith(f"{model.base_model_prefix}.")}


NEW, TAKEN = "head is new", "head taken over"
SAID = [
    ("bert", PLAIN, MASKED, NEW, TIED, "left behind: pooler.dense"),
    ("bert", PRETRAINING, PRETRAINING, TAKEN, TIED),
    ("bert", PRETRAINING, MASKED, TAKEN, TIED, "left behind: cls.seq_relationship, pooler.dense"),
    ("bert", PRETRAINING, TOKENS, NEW, "left behind: cls.predictions, cls.seq_relationship, pooler.dense"),
    (
        "bert", MASKED, PRETRAINING, "of the head taken over: cls.predictions; new: cls.seq_relationship", TIED,
        "new in the encoder: pooler.dense",
    ),
    ("bert", MASKED, TEXTS, NEW, "new in the encoder: pooler.dense", "left behind: cls.predictions"),
    ("bert", TOKENS, TOKENS, TAKEN),
    ("bert", TOKENS, TEXTS, NEW, "new in the encoder: pooler.dense"),
    (
        "electra", PRETRAINING, MASKED, NEW, TIED,
        "left behind: discriminator_predictions.dense, discriminator_predictions.dense_prediction",
    ),
    ("roberta", MASKED, MASKED, TAKEN, TIED),
    ("roberta", TEXTS, TOKENS, NEW, "left behind: classifier.dense, classifier.out_proj"),
    ("xlm-roberta", TOKENS, MASKED, NEW, TIED, "left behind: classifier"),
    ("distilbert", MASKED, TEXTS, NEW, "left behind: vocab_layer_norm, vocab_projector, vocab_transform"),
    ("distilbert", TEXTS, TEXTS, TAKEN),
    ("albert", TOKENS, PRETRAINING, NEW, TIED, "new in the encoder: pooler", "left behind: classifier"),
    (
        "modernbert", MASKED, TOKENS, "of the head taken over: head.dense, head.norm; new: classifier",
        "left behind: decoder",
    ),
    ("modernbert", TEXTS, TOKENS, NEW),
]  # fmt: skip


@pytest.mark.parametrize("row", SAID, ids=" ".join)
def test_one_line_says_what_became_of_the_head_and_it_is_true(
    make: Callable[[str, str], Path], build: Build, row: tuple[str, ...]
) -> None:
    kind, stored, wanted, first, *more = row
    folder = make(kind, stored)
    model, said = build(folder, wanted)
    (held,) = AutoConfig.from_pretrained(folder).architectures
    reason = f": the folder holds {held}, this task needs {type(model).__name__}" if first == NEW else ""
    assert said == "; ".join([first + reason, *more])
    prefix, found = f"{model.base_model_prefix}.", load_file(folder / "model.safetensors")
    bare = stored == PLAIN
    for name, value in model.state_dict().items():
        inside = name.startswith(prefix)
        theirs = found.get(name.removeprefix(prefix) if bare else name)
        new = said.startswith("head is new") if not inside else name.split(".")[1] == "pooler" and "new in" in said
        new = new or (said.startswith("of the head") and name.startswith(("classifier", "cls.seq_relationship")))
        tied = "decoder" in name or name in ("vocab_projector.weight", "generator_lm_head.weight")
        if not tied and theirs is not None:
            assert torch.equal(value, theirs) is not new, name
        elif not tied and inside and not name.endswith(("position_ids", "token_type_ids")):
            assert new, name


@pytest.mark.parametrize("auto", [TOKENS, TEXTS])
def test_a_head_of_other_labels_or_of_another_order_is_not_taken(
    make: Callable[[str, str], Path], build: Build, auto: str
) -> None:
    folder = make("bert", auto)
    taken, said = build(folder, auto)
    assert said == "head taken over"
    assert torch.equal(taken.classifier.weight, load_file(folder / "model.safetensors")["classifier.weight"])
    for labels in (OTHERS, ("B-Y", "I-Y", "O")):
        renewed, said = build(folder, auto, labels)
        assert said == f"head is new: the folder's knows B-X, I-X, O, this task has {', '.join(labels)}"
        assert renewed.classifier.weight.std() < 0.05, "drawn with a standard deviation of 0.02"
        assert torch.equal(renewed.classifier.bias, torch.zeros(3))
        assert renewed.config.id2label == dict(enumerate(labels))
    _, said = build(folder, auto, [f"L{number}" for number in range(9)])
    assert said.endswith("this task has L0, L1, L2, L3, L4 and 4 more")


@pytest.mark.parametrize("kind", ["bert", "electra", "roberta", "distilbert", "modernbert"])
@pytest.mark.parametrize("auto", [TOKENS, TEXTS])
def test_a_new_head_depends_on_the_seed_and_on_nothing_in_the_folder(
    make: Callable[[str, str], Path], build: Build, kind: str, auto: str
) -> None:
    whole = {TOKENS: TEXTS, TEXTS: TOKENS}[auto]
    heads = [head_of(build(make(kind, stored), auto, OTHERS)[0]) for stored in (PLAIN, whole, auto)]
    for name, value in heads[0].items():
        assert all(torch.equal(value, head[name]) for head in heads[1:]), name
    other = head_of(build(make(kind, PLAIN), auto, OTHERS, seed=1)[0])
    drawn = [name for name, value in other.items() if value.ndim == 2]
    assert not any(torch.equal(other[name], heads[0][name]) for name in drawn)


def test_the_generator_of_transformers_itself_would_draw_the_same_head(encoder_folder: Folder, build: Build) -> None:
    """So that runs from a plain encoder keep the weights they always began with."""
    folder = encoder_folder("modernbert")
    torch.manual_seed(0)
    theirs = transformers.AutoModelForTokenClassification.from_pretrained(folder, num_labels=3, dtype="float32")
    ours, _ = build(folder, TOKENS)
    assert all(torch.equal(value, ours.state_dict()[name]) for name, value in theirs.state_dict().items())


def test_a_folder_that_does_not_name_its_class_is_taken_for_the_one_that_is_needed(
    make: Callable[[str, str], Path], build: Build
) -> None:
    folder = make("bert", MASKED)
    config = AutoConfig.from_pretrained(folder)
    config.architectures = None
    config.save_pretrained(folder)
    assert build(folder, MASKED)[1] == f"head taken over; {TIED}"
    assert build(folder, TOKENS)[1].startswith(
        "head is new: the folder holds no class that it names, this task needs BertForTokenClassification"
    )


def test_a_head_that_the_weights_lack_is_new_whatever_the_config_says(
    make: Callable[[str, str], Path], build: Build
) -> None:
    folder = make("bert", TOKENS)
    weights = load_file(folder / "model.safetensors")
    kept = {name: value for name, value in weights.items() if not name.startswith("classifier")}
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
    assert build(folder, TOKENS)[1] == "head is new: the folder's BertForTokenClassification lacks one"
