"""A model is taken apart without copying: what is trained is the plain model itself."""

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoModelForTokenClassification
from transformers.models.auto.configuration_auto import AutoConfig

from clozelab.errors import ConfigError
from clozelab.model.build import load_tokenizer, split, tokenizer_fingerprint
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
    assert torch.equal(layers(states[None])[0], model.classifier(states))


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


KINDS = ["bert", "electra", "distilbert", "albert", "roberta", "xlm-roberta", "modernbert", "mpnet", "deberta-v2"]


@pytest.mark.parametrize("task", ["TokenClassification", "SequenceClassification"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_head_of_an_architecture_gives_what_the_whole_model_gives(
    kind: str, task: str, encoder_folder: Callable[[str], Path]
) -> None:
    node = Pretrained(path=str(encoder_folder(kind)), source=Hub())
    model = node.build(head=f"AutoModelFor{task}", labels=("A", "B", "C")).eval()
    encoder, head = split(model, max_length=node.max_length(), attention="bidirectional")
    ids = torch.arange(6, 18).reshape(2, 6)
    mask = torch.ones_like(ids)
    states = encoder.base(input_ids=ids, attention_mask=mask).last_hidden_state
    found = head(states if task == "TokenClassification" else states[:, :1])
    torch.testing.assert_close(found, model(input_ids=ids, attention_mask=mask).logits, atol=1e-6, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_the_head_for_masked_tokens_is_tied_to_the_embeddings_and_sees_single_places(
    kind: str, encoder_folder: Callable[[str], Path]
) -> None:
    node = Pretrained(path=str(encoder_folder(kind)), source=Hub())
    model = node.build(head="AutoModelForMaskedLM", labels=()).eval()
    encoder, head = split(model, max_length=node.max_length(), attention="bidirectional")
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight
    ids = torch.arange(6, 18).reshape(2, 6)
    mask = torch.ones_like(ids)
    states = encoder.base(input_ids=ids, attention_mask=mask).last_hidden_state
    places = torch.tensor([1, 5, 8])
    found = head(states.flatten(0, 1)[places].unsqueeze(0)).squeeze(0)
    expected = model(input_ids=ids, attention_mask=mask).logits.flatten(0, 1)[places]
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)


def test_a_head_that_looks_at_more_than_the_first_state_is_refused(encoder_folder: Callable[[str], Path]) -> None:
    folder = str(encoder_folder("modernbert"))
    model = AutoModelForSequenceClassification.from_pretrained(folder, classifier_pooling="mean")
    with pytest.raises(ConfigError, match="its head looks at more than the first hidden state"):
        split(model, max_length=64, attention="bidirectional")


def test_the_fingerprint_of_a_tokenizer_is_that_of_what_it_does(tiny_model: Path, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(tiny_model)
    tokenizer.save_pretrained(str(tmp_path))
    (tmp_path / "config.json").write_bytes((tiny_model / "config.json").read_bytes())
    again = load_tokenizer(tmp_path)
    assert tokenizer_fingerprint(again) == tokenizer_fingerprint(tokenizer), "wherever it lies, beside whatever weights"
    again.add_tokens(["newword"])
    assert tokenizer_fingerprint(again) != tokenizer_fingerprint(tokenizer)
