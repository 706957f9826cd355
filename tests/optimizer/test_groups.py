"""Behaviour of the parameter groups."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from transformers import AlbertConfig, AutoConfig, AutoModelForSequenceClassification, BertConfig, BertForMaskedLM

from clozelab.errors import ConfigError
from clozelab.model.freeze import parts_of
from clozelab.optimizer.groups import Groups, parameter_groups
from clozelab.scheduler.linear import Linear

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def model() -> BertForMaskedLM:
    """A tiny BERT whose decoder is tied to its word embeddings."""
    config = BertConfig(
        vocab_size=30, hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=16,
    )  # fmt: skip
    return BertForMaskedLM(config)


def names(module: nn.Module, *, weight_decay: float = 0.01) -> tuple[set[str], set[str]]:
    """Returns the names of the decayed and of the other parameters."""
    known = {id(parameter): name for name, parameter in module.named_parameters()}
    decayed, plain = parameter_groups(module, weight_decay=weight_decay)
    assert (decayed["weight_decay"], plain["weight_decay"]) == (weight_decay, 0.0)
    return {known[id(p)] for p in decayed["params"]}, {known[id(p)] for p in plain["params"]}


def test_biases_and_layer_norms_do_not_decay_and_everything_else_does(model: BertForMaskedLM) -> None:
    decayed, plain = names(model)
    expected = {name for name, _ in model.named_parameters() if name.endswith(".bias") or "LayerNorm" in name}
    assert plain == expected
    assert len(plain) > 20
    assert "bert.embeddings.word_embeddings.weight" in decayed
    assert "bert.encoder.layer.1.output.dense.weight" in decayed


def test_every_trainable_parameter_is_there_exactly_once_tied_ones_too(model: BertForMaskedLM) -> None:
    groups = parameter_groups(model, weight_decay=0.01)
    found = [id(parameter) for group in groups for parameter in group["params"]]
    assert len(found) == len(set(found))
    assert set(found) == {id(parameter) for parameter in model.parameters()}


def test_frozen_parameters_are_left_out(model: BertForMaskedLM) -> None:
    for parameter in model.bert.embeddings.parameters():
        parameter.requires_grad = False
    decayed, plain = names(model)
    assert not any(name.startswith("bert.embeddings") for name in decayed | plain)
    assert decayed | plain == {name for name, parameter in model.named_parameters() if parameter.requires_grad}


class Normless(nn.Module):
    """Parameters that are in no norm, though one is called so."""

    def __init__(self) -> None:
        super().__init__()
        self.norm_of_weights = nn.Parameter(torch.ones(2))
        self.bias_table = nn.Parameter(torch.ones(2))
        self.in_proj_bias = nn.Parameter(torch.ones(2))


def test_what_is_a_norm_depends_on_its_kind_and_not_on_its_name() -> None:
    module = nn.ModuleDict({"a": nn.LayerNorm(2), "b": nn.RMSNorm(2), "c": nn.BatchNorm1d(2), "d": Normless()})
    module["e"] = nn.Sequential(nn.Linear(2, 2), nn.GroupNorm(1, 2))
    decayed, plain = names(module)
    assert decayed == {"d.norm_of_weights", "d.bias_table", "e.0.weight"}
    norms = {"a.weight", "a.bias", "b.weight", "c.weight", "c.bias", "e.1.weight", "e.1.bias"}
    assert plain == norms | {"d.in_proj_bias", "e.0.bias"}


def test_the_groups_suit_an_optimizer_and_decay_alone_moves_only_the_first(model: BertForMaskedLM) -> None:
    decayed, plain = names(model)
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    optimizer = torch.optim.AdamW(parameter_groups(model, weight_decay=0.5), lr=0.1)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    for name, parameter in model.named_parameters():
        expected = before[name] * (0.95 if name in decayed else 1.0)
        torch.testing.assert_close(parameter.detach(), expected)
    assert plain


SIZES = {"vocab_size": 30, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16}


def sequence_model(kind: str) -> Any:
    config = AutoConfig.for_model(kind, **SIZES, num_labels=2, pad_token_id=0, max_position_embeddings=16)
    return AutoModelForSequenceClassification.from_config(config)


def built(model: Any, *, lr: float = 1.0, weight_decay: float = 0.01, **options: float) -> list[dict[str, Any]]:
    return Groups(**options).build(model=model, parts=parts_of(model), lr=lr, weight_decay=weight_decay)  # type: ignore[arg-type]


def rates(model: Any, **options: float) -> dict[str, float]:
    """Returns the learning rate of every trainable parameter by name."""
    known = {id(parameter): name for name, parameter in model.named_parameters()}
    pairs = [(known[id(p)], group["lr"]) for group in built(model, **options) for p in group["params"]]
    assert len(dict(pairs)) == len(pairs), "each once"
    assert {name for name, _ in pairs} == {name for name, p in model.named_parameters() if p.requires_grad}
    return dict(pairs)


def test_by_default_the_groups_are_the_two_without_a_rate_of_their_own(model: BertForMaskedLM) -> None:
    found, expected = built(model), parameter_groups(model, weight_decay=0.01)
    assert [group.keys() for group in found] == [{"params", "weight_decay"}] * 2
    for a, b in zip(found, expected, strict=True):
        assert a["weight_decay"] == b["weight_decay"]
        assert [id(p) for p in a["params"]] == [id(p) for p in b["params"]]


def test_each_layer_learns_with_a_factor_of_the_one_above_and_the_pooler_with_the_head() -> None:
    found = rates(sequence_model("bert"), lr=2.0, layer_decay=0.5)
    depth = {"classifier": 0, "bert.pooler": 0, "bert.encoder.layer.1": 1, "bert.encoder.layer.0": 2, "bert.embed": 3}
    for name, rate in found.items():
        (expected,) = (2.0 * 0.5**below for prefix, below in depth.items() if name.startswith(prefix))
        assert rate == expected, name


def test_the_rate_of_the_head_is_its_own_and_the_layers_below_go_by_the_optimizers() -> None:
    model = sequence_model("bert")
    for options, top, lowest in (({}, 2.0, 2.0), ({"layer_decay": 0.5}, 1.0, 0.25)):
        found = rates(model, lr=2.0, head_lr=7.0, **options)
        assert {n for n, rate in found.items() if rate == 7.0} == {n for n in found if "classif" in n or "pooler" in n}
        assert found["bert.encoder.layer.1.output.dense.weight"] == top
        assert found["bert.embeddings.word_embeddings.weight"] == lowest


def test_decay_is_as_without_rates() -> None:
    model = sequence_model("bert")
    decayed, _ = names(model)
    groups = built(model, layer_decay=0.5, head_lr=3.0)
    known = {id(parameter): name for name, parameter in model.named_parameters()}
    assert {known[id(p)] for g in groups if g["weight_decay"] for p in g["params"]} == decayed
    assert len(groups) == 8, "head, two layers, embeddings; each with and without decay"
    assert {group["weight_decay"] for group in groups} == {0.01, 0.0}


def test_a_decoder_tied_to_the_embeddings_is_one_with_them(model: BertForMaskedLM) -> None:
    found = rates(model, layer_decay=0.5, head_lr=3.0)
    assert model.cls.predictions.decoder.weight is model.bert.embeddings.word_embeddings.weight
    assert found["bert.embeddings.word_embeddings.weight"] == 0.125
    assert found["cls.predictions.transform.dense.weight"] == 3.0


OUTSIDE = {
    "distilbert": {},
    "electra": {"embeddings_project": 3},
    "roberta": {},
    "modernbert": {"final_norm": 1},
    "mpnet": {"relative_attention_bias": 3},
    "deberta-v2": {"rel_embeddings": 3, "encoder.LayerNorm": 3},
    "roberta-prelayernorm": {"roberta_prelayernorm.LayerNorm": 1},
}
"""What stands in an encoder outside of embeddings and layers, and how far below the head."""


@pytest.mark.parametrize("kind", OUTSIDE)
def test_every_architecture_has_its_embeddings_lowest_and_its_own_head_topmost(kind: str) -> None:
    more: dict[str, Any] = {"electra": {"embedding_size": 16}, "deberta-v2": {"relative_attention": True}}.get(kind, {})
    if kind == "deberta-v2":
        more |= {"pos_att_type": ["p2c", "c2p"], "norm_rel_ebd": "layer_norm"}
    sizes = (
        {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 16, "vocab_size": 30} if kind == "distilbert" else SIZES
    )
    config = AutoConfig.for_model(kind, **sizes, **more, num_labels=2, pad_token_id=0, max_position_embeddings=16)
    model = AutoModelForSequenceClassification.from_config(config)
    found = rates(model, layer_decay=0.5)
    base = f"{model.base_model_prefix}."
    seen: dict[str, set[float]] = {}
    for name, rate in found.items():
        part = next((part for part in OUTSIDE[kind] if part in name), None)
        layer = next((f"layer {i}" for i in (0, 1) if f".layer.{i}." in name or f".layers.{i}." in name), None)
        place = "head" if not name.startswith(base) else layer or part or "embeddings"
        assert place != "embeddings" or "embeddings" in name, name
        seen.setdefault(place, set()).add(rate)
    expected = {"head": {1.0}, "layer 1": {0.5}, "layer 0": {0.25}, "embeddings": {0.125}}
    assert seen == expected | {part: {0.5**depth} for part, depth in OUTSIDE[kind].items()}


def test_layers_that_share_their_weights_cannot_learn_unequally_fast_but_their_head_can() -> None:
    model = AutoModelForSequenceClassification.from_config(AlbertConfig(**SIZES, embedding_size=16))
    with pytest.raises(ConfigError, match=r"layer_decay=0.9: AlbertFor.* has no layers of their own weights"):
        built(model, layer_decay=0.9)
    found = rates(model, head_lr=3.0)
    assert {n for n, rate in found.items() if rate == 3.0} == {n for n in found if "classif" in n or "pooler" in n}


def test_frozen_parts_are_in_no_group() -> None:
    model = sequence_model("bert")
    model.bert.embeddings.requires_grad_(False)
    model.bert.encoder.layer[0].requires_grad_(False)
    assert set(rates(model, layer_decay=0.5).values()) == {1.0, 0.5}


def test_the_schedule_multiplies_every_rate_alike() -> None:
    optimizer = torch.optim.AdamW(built(sequence_model("bert"), layer_decay=0.5, head_lr=3.0), lr=1.0)
    peaks = [group["lr"] for group in optimizer.param_groups]
    schedule = Linear(warmup=0.2).build(optimizer=optimizer, num_steps=10)
    for factor in (0, 0.5, 1, 7 / 8, 6 / 8):
        assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([factor * peak for peak in peaks])
        optimizer.step()
        schedule.step()


@pytest.mark.parametrize("options", [{"layer_decay": 0}, {"layer_decay": 1.1}, {"head_lr": 0}, {"head_lr": -1e-3}])
def test_wrong_values_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(options))):
        Groups(**options)  # type: ignore[arg-type]


def test_a_run_learns_at_the_rates_asked_for(clozelab: Run, overrides: list[str], tmp_path: Path) -> None:
    """At rates of next to nothing, the first steps of Adam leave the lower parts next to where they were."""
    small = [*overrides, "trainer.max_epochs=1", "data.limit=8", "scheduler=constant", "trainer.precision=32-true"]
    options = {
        "plain": [], "told": ["optimizer.groups.layer_decay=1.0", "optimizer.groups.head_lr=null"],
        "both": ["optimizer.groups.layer_decay=0.9", "optimizer.groups.head_lr=1e-2"],
        "half": ["optimizer.groups.layer_decay=0.5"],
    }  # fmt: skip
    ends, runs = {}, {}
    for name, more in options.items():
        code, _, err = clozelab("train", *small, *more, f"output_dir={tmp_path / name}")
        assert code == 0, err
        (runs[name],) = (tmp_path / name).glob("*/*/seed-42")
        ends[name] = load_file(runs[name] / "model" / "model.safetensors")
    assert runs["told"].parent.name == runs["plain"].parent.name, "what is the default is the same run"
    assert runs["both"].parent.name != runs["plain"].parent.name
    start = load_file(Path(small[1].partition("=")[2]) / "model.safetensors")

    def moved(name: str, parameter: str) -> float:
        return float((ends[name][f"bert.{parameter}"] - start[parameter]).abs().max())

    for name, factor in (("plain", 1.0), ("both", 0.9), ("half", 0.5)):
        for depth, parameter in ((1, "encoder.layer.1.output.dense.bias"), (2, "encoder.layer.0.output.dense.bias")):
            # The first step of Adam moves every element by the learning rate.
            assert moved(name, parameter) == pytest.approx(1e-3 * factor**depth, rel=0.05)
    head = [float((ends[name]["classifier.bias"]).abs().max()) for name in ("plain", "both")]
    assert head == pytest.approx([1e-3, 1e-2], rel=0.05)
    assert json.loads((runs["both"] / "run.json").read_text())["identity"]["optimizer.groups.layer_decay"] == 0.9


def test_a_run_whose_layers_share_weights_is_refused_and_leaves_nothing(
    clozelab: Run, overrides: list[str], tmp_path: Path
) -> None:
    from transformers import AlbertModel

    folder = tmp_path / "albert"
    source = Path(overrides[1].partition("=")[2])
    sizes = {**SIZES, "vocab_size": json.loads((source / "config.json").read_text())["vocab_size"]}
    AlbertModel(AlbertConfig(**sizes, embedding_size=16, max_position_embeddings=64)).save_pretrained(str(folder))
    for file in source.glob("tokenizer*"):
        (folder / file.name).write_bytes(file.read_bytes())
    options = [*overrides, f"model.path={folder}", "optimizer.groups.layer_decay=0.9"]
    code, _, err = clozelab("train", *options)
    assert code == 2
    assert "has no layers of their own weights" in err
    assert not list(tmp_path.glob("outputs/*"))
