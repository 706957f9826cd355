"""The probe finds out which architectures may be packed, and never trusts one that is silently wrong."""

import pytest
import torch
from transformers import AutoModel, AutoModelForTokenClassification
from transformers.models.auto.configuration_auto import AutoConfig

from clozelab.errors import ConfigError
from clozelab.model.build import split
from clozelab.model.probe import TOLERANCE, probe

SIZES = {
    "vocab_size": 200,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
}


def make(kind: str, **more: object) -> torch.nn.Module:
    torch.manual_seed(0)
    config = AutoConfig.for_model(kind, **{**SIZES, **more})
    return AutoModel.from_config(config).eval()


@pytest.mark.parametrize(
    ("kind", "offset"), [("bert", 0), ("electra", 0), ("distilbert", 0), ("albert", 0), ("roberta", 2)]
)
def test_architectures_known_to_pack_are_found_to_pack(kind: str, offset: int) -> None:
    sizes = {"distilbert": {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64}, "albert": {"embedding_size": 16}}
    more = sizes.get(kind, {})
    length = 64
    more.update({"max_position_embeddings": length + offset})
    if kind == "roberta":
        more.update({"pad_token_id": 1})
    found = probe(make(kind, **more), max_length=length)
    assert found.packable, found
    assert found.position_offset == offset
    assert found.difference < 1e-5


def test_mpnet_is_silently_wrong_and_is_found_out() -> None:
    found = probe(make("mpnet", max_position_embeddings=66), max_length=64)
    assert not found.packable
    assert found.difference > TOLERANCE


def test_deberta_refuses_the_mask_and_is_padded() -> None:
    torch.manual_seed(0)
    config = AutoConfig.for_model(
        "deberta-v2", **SIZES, max_position_embeddings=64, pos_att_type=["c2p", "p2c"], relative_attention=True
    )
    found = probe(AutoModel.from_config(config).eval(), max_length=64)
    assert not found.packable


LOCAL = {
    "local_attention": 16, "global_attn_every_n_layers": 2, "max_position_embeddings": 64, "pad_token_id": 0,
    "bos_token_id": 1, "cls_token_id": 1, "eos_token_id": 2, "sep_token_id": 2,
}  # fmt: skip


def test_modernbert_packs_with_a_mask_for_its_local_layers() -> None:
    found = probe(make("modernbert", **LOCAL), max_length=64)
    assert found.packable, found
    assert (found.position_offset, found.sliding_window) == (0, 8)
    assert found.difference < 1e-5


@pytest.mark.parametrize("window", [None, 7, 9])
def test_modernbert_is_padded_if_its_local_layers_would_see_another_window(
    window: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clozelab.model.probe._sliding_window", lambda base: window)
    found = probe(make("modernbert", **LOCAL), max_length=64)
    assert not found.packable
    assert found.difference > TOLERANCE


def test_an_architecture_that_asserts_that_the_mask_is_flat_is_padded() -> None:
    sizes = {"vocab_size": 200, "emb_dim": 32, "n_layers": 1, "n_heads": 2, "max_position_embeddings": 64}
    torch.manual_seed(0)
    found = probe(AutoModel.from_config(AutoConfig.for_model("xlm", **sizes)).eval(), max_length=64)
    assert not found.packable


def test_the_probe_leaves_mode_and_random_state_alone() -> None:
    model = make("bert", max_position_embeddings=64).train()
    state = torch.get_rng_state()
    probe(model, max_length=64)
    assert model.training
    assert torch.equal(torch.get_rng_state(), state)


def test_padding_is_exact_where_packing_is_not() -> None:
    found = probe(make("mpnet", max_position_embeddings=66), max_length=64)
    assert found.padding < TOLERANCE


def test_an_architecture_whose_numbers_depend_on_padding_is_refused() -> None:
    model = AutoModelForTokenClassification.from_config(
        AutoConfig.for_model("fnet", **SIZES, max_position_embeddings=64)
    )
    assert probe(model.fnet, max_length=64).padding > TOLERANCE
    with pytest.raises(ConfigError, match="FNetModel gives other numbers the further a row is padded"):
        split(model, max_length=64, attention="bidirectional")
