"""What is frozen keeps its weights bit for bit and has no dropout; all else learns."""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForTokenClassification,
    BertConfig,
    BertForSequenceClassification,
)

from clozelab.errors import ConfigError
from clozelab.model.freeze import Freeze, check_freeze, count_parameters, freeze_parts, parts_of

Run = Callable[..., tuple[int, str, str]]
KINDS = ["bert", "electra", "distilbert", "roberta", "modernbert", "mpnet", "deberta-v2"]

SIZES = {"vocab_size": 30, "hidden_size": 8, "num_attention_heads": 2, "intermediate_size": 16, "num_hidden_layers": 2}
DISTANCES = {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "norm_rel_ebd": "layer_norm"}


def is_head(name: str) -> bool:
    """Returns whether a parameter is behind the encoder, by its name."""
    return name.split(".")[0] in ("classifier", "head")


def model(folder: Path) -> Any:
    return AutoModelForTokenClassification.from_pretrained(str(folder)).train()


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("mpnet", {}),
        ("deberta", DISTANCES),
        ("deberta-v2", DISTANCES),
        ("rembert", {"bos_token_id": 1, "eos_token_id": 2}),
    ],
)
def test_a_frozen_layer_computes_what_it_did_whatever_the_layers_share(kind: str, options: dict[str, Any]) -> None:
    torch.manual_seed(0)
    base = AutoModel.from_config(AutoConfig.for_model(kind, **SIZES, pad_token_id=0, **options)).eval()
    freeze_parts(base, 1)
    ids = torch.arange(4, 20)[None]
    before = base(input_ids=ids, output_hidden_states=True).hidden_states
    before[-1].sum().backward()
    with torch.no_grad():
        for parameter in base.parameters():
            if parameter.requires_grad:
                parameter += torch.randn_like(parameter)
        after = base(input_ids=ids, output_hidden_states=True).hidden_states
    assert torch.equal(before[1], after[1])
    assert not torch.equal(before[2], after[2])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("freeze", ["embeddings", 1, 2, "all"])
def test_the_lowest_parts_are_frozen_and_the_others_are_not(
    kind: str, freeze: Freeze, encoder_folder: Callable[[str], Path]
) -> None:
    whole = model(encoder_folder(kind))
    base = getattr(whole, whole.base_model_prefix)
    parts = freeze_parts(base, freeze)
    for part in parts:
        part.eval()
    ids = torch.arange(6, 30)[None]
    whole(input_ids=ids, labels=torch.zeros_like(ids)).loss.backward()
    learning = {name for name, p in whole.named_parameters() if p.grad is not None}
    frozen = {name for name, p in whole.named_parameters() if not p.requires_grad}
    assert not learning & frozen
    assert any("classifier" in name for name in learning)
    assert all("layer." not in name and "layers." not in name for name in frozen) == (freeze == "embeddings")
    blocks = {name.split(".layer.")[-1].split(".layers.")[-1].split(".")[0] for name in frozen if ".layer" in name}
    assert {int(b) for b in blocks if b.isdigit()} == set(range({"embeddings": 0, "all": 2}.get(str(freeze), freeze)))  # type: ignore[call-overload]
    counts = count_parameters(whole)
    assert counts["frozen"] == sum(p.numel() for p in whole.parameters() if not p.requires_grad) > 0
    assert counts["frozen"] + counts["trainable"] == sum(p.numel() for p in whole.parameters())
    for kind_of_count in ("frozen", "trainable"):
        assert sum(part[kind_of_count] for part in counts["parts"].values()) == counts[kind_of_count]
    assert counts["parts"]["embeddings"]["trainable"] == 0
    assert [name for name in counts["parts"] if "layer" not in name] == ["embeddings", "head"]
    assert len(counts["parts"]) <= 4
    assert sum(counts["parts"]["head"].values()) == sum(p.numel() for n, p in whole.named_parameters() if is_head(n))


def test_the_table_has_layers_that_are_alike_in_one_row(caplog: pytest.LogCaptureFixture) -> None:
    whole = BertForSequenceClassification(BertConfig(**{**SIZES, "num_hidden_layers": 6}))
    freeze_parts(whole.bert, 2)
    with caplog.at_level(logging.INFO):
        counts = count_parameters(whole)
    assert list(counts["parts"]) == ["embeddings", "layers 1-2", "layers 3-6", "head"]
    layer = sum(p.numel() for p in whole.bert.encoder.layer[0].parameters())
    assert counts["parts"]["layers 1-2"] == {"trainable": 0, "frozen": 2 * layer}
    assert counts["parts"]["layers 3-6"] == {"trainable": 4 * layer, "frozen": 0}
    assert counts["parts"]["head"] == {"trainable": 8 * 8 + 8 + 2 * 8 + 2, "frozen": 0}, "with the pooler"
    lines = caplog.messages[-1].splitlines()
    assert len(lines) <= 8
    assert len(set(map(len, lines[1:]))) == 1, "columns are aligned"
    assert max(map(len, lines)) <= 80
    assert lines[3].split() == ["layers", "1-2", "0", f"{2 * layer:,}"]


def test_layers_that_share_their_weights_are_one_part(encoder_folder: Callable[[str], Path]) -> None:
    parts = parts_of(model(encoder_folder("albert")))
    assert list(parts) == ["head", "layers", "embeddings"]
    assert all(parts.values())


def test_nothing_is_frozen_unless_asked(encoder_folder: Callable[[str], Path]) -> None:
    whole = model(encoder_folder("bert"))
    assert freeze_parts(whole.bert, "none") == []
    assert count_parameters(whole)["frozen"] == 0


@pytest.mark.parametrize(
    ("kind", "freeze", "reason"), [("bert", 3, "has 2 layers"), ("albert", 1, "no layers of their own")]
)
def test_layers_that_are_not_there_cannot_be_frozen(
    kind: str, freeze: Freeze, reason: str, encoder_folder: Callable[[str], Path]
) -> None:
    whole = model(encoder_folder(kind))
    with pytest.raises(ConfigError, match=reason):
        freeze_parts(getattr(whole, whole.base_model_prefix), freeze)


@pytest.mark.parametrize("freeze", ["half", 0, -1, True, 1.5])
def test_what_cannot_be_meant_is_refused(freeze: Any) -> None:
    with pytest.raises(ConfigError, match="freeze"):
        check_freeze(freeze)


@pytest.mark.parametrize("freeze", [pytest.param("embeddings", marks=pytest.mark.slow), "1", "all"])
def test_a_run_leaves_frozen_weights_as_they_were_and_says_how_many(
    freeze: str, clozelab: Run, overrides: list[str], tiny_model: Path, tmp_path: Path
) -> None:
    options = [f"model.freeze={freeze}", "data.micro_batches=8", "trainer.max_epochs=1"]  # some micro-batches are empty
    code, _, err = clozelab("train", *overrides, *options)
    assert code == 0, err
    (run,) = (tmp_path / "outputs").glob("*/*/seed-42")
    before, after = load_file(tiny_model / "model.safetensors"), load_file(run / "model" / "model.safetensors")
    same = {
        name for name, value in before.items() if f"bert.{name}" in after and torch.equal(value, after[f"bert.{name}"])
    }
    shared = {name for name in before if f"bert.{name}" in after}
    expected = {
        "embeddings": {n for n in shared if n.startswith("embeddings")},
        "1": {n for n in shared if n.startswith(("embeddings", "encoder.layer.0."))},
        "all": shared,
    }[freeze]
    assert same == expected
    parameters = json.loads((run / "run.json").read_text())["parameters"]
    assert parameters["frozen"] == sum(before[name].numel() for name in expected)
    layers = {"embeddings": ["layers 1-2"], "1": ["layer 1", "layer 2"], "all": ["layers 1-2"]}[freeze]
    assert list(parameters["parts"]) == ["embeddings", *layers, "head"]
    log = (run / "run.log").read_text()
    assert f"{parameters['trainable']:,}" in log
    assert log.count("trainable        frozen") == 1, "the table stands there once"
