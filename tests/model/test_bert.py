"""The six sizes have the parameters their papers state, and the vocabulary of their tokenizer."""

from pathlib import Path

import pytest
import torch
import yaml

from clozelab.config.origin import conf_dir
from clozelab.errors import ConfigError
from clozelab.model.bert import Bert
from clozelab.model.freeze import Freeze
from clozelab.store.hub import Hub

SIZES = {
    "tiny": (2, 128),
    "mini": (4, 256),
    "small": (4, 512),
    "medium": (8, 512),
    "base": (12, 768),
    "large": (24, 1024),
}
MILLIONS = {"tiny": 4.4, "mini": 11.3, "small": 29.1, "medium": 41.7, "base": 110.1, "large": 336.0}
"""Turc et al. 2019, table 1, and Devlin et al. 2019, section 3; with BERT's vocabulary of 30,522."""


@pytest.mark.parametrize("name", SIZES)
def test_a_size_has_the_layers_width_and_parameters_of_its_paper(name: str, tiny_model: Path) -> None:
    config = yaml.safe_load((conf_dir() / "model" / f"bert_{name}.yaml").read_text())
    assert (config["num_layers"], config["hidden_size"]) == SIZES[name]
    from transformers import BertConfig, BertModel

    layers, hidden = SIZES[name]
    with torch.device("meta"):
        model = BertModel(
            BertConfig(
                num_hidden_layers=layers,
                hidden_size=hidden,
                num_attention_heads=hidden // 64,
                intermediate_size=4 * hidden,
            )
        )
    counted = sum(p.numel() for p in model.parameters()) / 1e6
    assert counted == pytest.approx(MILLIONS[name], rel=0.02)


def test_an_encoder_is_built_from_sizes_and_its_tokenizer(tiny_model: Path) -> None:
    node = Bert(num_layers=1, hidden_size=64, tokenizer=str(tiny_model), source=Hub(), max_length=32, dropout=0.0)
    model = node.build(head="AutoModelForTokenClassification", labels=("A", "B"))
    assert model.config.vocab_size == len(node.tokenizer())
    assert model.config.max_position_embeddings == node.max_length() == 32
    assert model.config.hidden_dropout_prob == 0.0


@pytest.mark.parametrize(("freeze", "warned"), [("none", False), ("embeddings", True), (1, True), ("all", True)])
def test_to_keep_weights_that_have_learnt_nothing_is_said(
    freeze: Freeze, warned: bool, tiny_model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    node = Bert(num_layers=1, hidden_size=64, tokenizer=str(tiny_model), source=Hub(), max_length=32, freeze=freeze)
    assert caplog.messages == []
    node.build(head="AutoModelForTokenClassification", labels=("A", "B"))
    expected = f"model.freeze={freeze} keeps random weights: this encoder has not learnt anything yet"
    assert caplog.messages == ([expected] if warned else [])


@pytest.mark.parametrize("wrong", [{"num_layers": 0}, {"hidden_size": 100}, {"dropout": 1.0}, {"max_length": 2}])
def test_wrong_sizes_are_refused(wrong: dict[str, float], tiny_model: Path) -> None:
    sizes = {"num_layers": 1, "hidden_size": 64, "tokenizer": str(tiny_model), "source": Hub(), **wrong}
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        Bert(**sizes)  # type: ignore[arg-type]
