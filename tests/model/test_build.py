"""A model is taken apart without copying: what is trained is the plain model itself."""

import logging
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForTokenClassification
from transformers.models.auto.configuration_auto import AutoConfig

from clozelab.errors import ConfigError
from clozelab.model.build import split
from clozelab.model.pretrained import Pretrained
from clozelab.store.hub import Hub


def test_encoder_and_head_are_the_models_own_parameters(tiny_model: Path) -> None:
    node = Pretrained(path=str(tiny_model), source=Hub())
    model = node.build(head="AutoModelForTokenClassification", labels=("A", "B"))
    encoder, layers = split(model, max_length=64, attention="bidirectional")
    parts = {id(p) for p in [*encoder.parameters(), *layers.parameters()]}
    assert parts == {id(p) for p in model.parameters()}
    states = torch.randn(3, 32)
    model.eval()
    assert torch.equal(layers(states), model.classifier(states))


def padded_model() -> torch.nn.Module:
    config = AutoConfig.for_model(
        "mpnet", vocab_size=100, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=66,
    )  # fmt: skip
    return AutoModelForTokenClassification.from_config(config)


def test_an_encoder_that_does_not_pack_is_padded_and_said_so(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        encoder, _ = split(padded_model(), max_length=64, attention="bidirectional")
    assert not encoder.packable
    assert "padded instead" in caplog.text


def test_causal_attention_of_such_an_encoder_is_refused() -> None:
    with pytest.raises(ConfigError, match="attention='causal'"):
        split(padded_model(), max_length=64, attention="causal")
