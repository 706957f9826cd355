"""Behaviour of the parameter groups."""

import pytest
import torch
from torch import nn
from transformers import BertConfig, BertForMaskedLM

from clozelab.optimizer.groups import parameter_groups


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
