"""Encoders from folders: the right weights, the right limits, and no stranger's code."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from clozelab.errors import ConfigError, DataError
from clozelab.model.pretrained import Pretrained, length_limit
from clozelab.store.hub import Hub

LABELS = ("B-X", "I-X", "O")
HEAD = "AutoModelForTokenClassification"


def model_at(folder: Path, **options: str) -> Pretrained:
    return Pretrained(path=str(folder), source=Hub(), **options)  # type: ignore[arg-type]


def test_the_weights_of_the_folder_are_loaded_under_a_new_head(tiny_model: Path) -> None:
    built = model_at(tiny_model).build(head=HEAD, labels=LABELS)
    stored = load_file(tiny_model / "model.safetensors")
    for name, value in stored.items():
        if not name.startswith("pooler"):
            assert torch.equal(built.bert.state_dict()[name], value), name
    assert built.config.id2label == dict(enumerate(LABELS))
    assert built.classifier.out_features == 3


def test_the_head_depends_on_the_seed_alone(tiny_model: Path) -> None:
    def head(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return model_at(tiny_model).build(head=HEAD, labels=LABELS).classifier.weight

    assert torch.equal(head(1), head(1))
    assert not torch.equal(head(1), head(2))


def test_truncation_and_padding_baked_into_a_tokenizer_are_switched_off(tiny_model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "baked"
    shutil.copytree(tiny_model, folder)
    stored = json.loads((folder / "tokenizer.json").read_text())
    stored["truncation"] = {"direction": "Right", "max_length": 8, "strategy": "LongestFirst", "stride": 0}
    stored["padding"] = {
        "strategy": {"Fixed": 8}, "direction": "Right", "pad_to_multiple_of": None, "pad_id": 0, "pad_type_id": 0,
        "pad_token": "[PAD]",
    }  # fmt: skip
    (folder / "tokenizer.json").write_text(json.dumps(stored))
    tokenizer = model_at(folder).tokenizer()
    assert len(tokenizer("the " * 30)["input_ids"]) == 32
    assert len(tokenizer("the")["input_ids"]) == 3


def test_a_missing_folder_and_a_folder_without_a_model_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file or folder"):
        model_at(tmp_path / "nowhere")
    with pytest.raises(ConfigError, match=r"no config\.json"):
        model_at(tmp_path)


def test_a_folder_that_names_code_of_its_own_is_not_executed(tiny_model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "evil"
    shutil.copytree(tiny_model, folder)
    config = json.loads((folder / "config.json").read_text())
    config.update(model_type="evil", auto_map={"AutoConfig": "evil.EvilConfig", HEAD: "evil.Evil"})
    (folder / "config.json").write_text(json.dumps(config))
    proof = tmp_path / "executed"
    (folder / "evil.py").write_text(f"open({str(proof)!r}, 'w').close()\n")
    with pytest.raises(DataError):
        model_at(folder).build(head=HEAD, labels=LABELS)
    assert not proof.exists()


def test_causal_is_one_of_two_attentions(tiny_model: Path) -> None:
    with pytest.raises(ConfigError, match="attention='sideways'"):
        model_at(tiny_model, attention="sideways")


@pytest.mark.parametrize(
    ("config", "limit"),
    [
        ({"model_type": "bert", "max_position_embeddings": 512, "pad_token_id": 0}, 512),
        ({"model_type": "roberta", "max_position_embeddings": 514, "pad_token_id": 1}, 512),
        ({"model_type": "mpnet", "max_position_embeddings": 514, "pad_token_id": 1}, 512),
        ({"model_type": "xlm-roberta-xl", "max_position_embeddings": 514, "pad_token_id": 1}, 512),
        ({"model_type": "camembert", "max_position_embeddings": 514}, 512),
        ({"model_type": "unknown"}, 512),
    ],
)
def test_the_length_limit_leaves_out_reserved_positions(config: dict[str, object], limit: int) -> None:
    assert length_limit(config) == limit


def test_a_damaged_config_is_named(tiny_model: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_model, tmp_path / "damaged"))
    model = model_at(folder)
    (folder / "config.json").write_text('{"max_position')
    with pytest.raises(ConfigError, match=r"config\.json': damaged, not JSON"):
        model.max_length()


def test_an_encoder_that_lacks_weights_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "incomplete"
    shutil.copytree(tiny_model, folder)
    weights = load_file(folder / "model.safetensors")
    gone = next(name for name in weights if "layer.1" in name)
    del weights[gone]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(DataError, match="lacks 1 weights of the encoder"):
        model_at(folder).build(head=HEAD, labels=LABELS)


def test_words_given_one_by_one_get_the_blank_that_byte_level_bpe_expects(tiny_model: Path, tmp_path: Path) -> None:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(special_tokens=["<s>", "<pad>", "</s>", "<unk>"], vocab_size=400, show_progress=False)
    backend.train_from_iterator(["hello world a world hello"] * 50, trainer)
    saved = PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="<unk>", pad_token="<pad>")
    folder = tmp_path / "bpe"
    shutil.copytree(tiny_model, folder)
    saved.save_pretrained(str(folder))
    tokenizer = model_at(folder).tokenizer()
    encoded = tokenizer(["hello", "world"], is_split_into_words=True, add_special_tokens=False)
    assert encoded.tokens() == ["\u0120hello", "\u0120world"]


def test_a_folder_without_a_vocabulary_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    shutil.copy(tiny_model / "config.json", tmp_path)
    with pytest.raises(ConfigError, match="has no fast tokenizer"):
        model_at(tmp_path).tokenizer()


def test_a_vocabulary_that_cannot_be_read_is_refused_and_says_what_it_needs(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "deberta-v2"}')
    (tmp_path / "spm.model").write_bytes(b"no model")
    with pytest.raises(ConfigError, match=r"cannot be loaded: .*needs the package sentencepiece"):
        model_at(tmp_path).tokenizer()
