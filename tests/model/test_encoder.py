"""Packed rows give what every example gives alone: hidden states, loss and gradients."""

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertForTokenClassification, ModernBertConfig, ModernBertModel

from clozelab.data.packing import pack
from clozelab.errors import ConfigError
from clozelab.model.dropout import use_fast_dropout
from clozelab.model.encoder import Encoder, packed_mask
from clozelab.types import Batch

LENGTHS = [512, 3, 200, 17, 64, 5, 130, 90, 4, 33]


def make_model() -> BertForTokenClassification:
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=500, hidden_size=48, num_hidden_layers=3, num_attention_heads=4, intermediate_size=96, num_labels=5
    )
    return BertForTokenClassification._from_config(config).eval()


def examples() -> list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """Returns (input ids, token types with a second segment, labels) of each length."""
    draw = torch.Generator().manual_seed(1)
    made = []
    for length in LENGTHS:
        types = torch.zeros(length, dtype=torch.long)
        types[length // 2 :] = 1
        ids = torch.randint(5, 500, (length,), generator=draw)
        made.append((ids, types, torch.randint(0, 5, (length,), generator=draw)))
    return made


def packed_batch(made: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]) -> Batch:
    layout = pack([len(ids) for ids, _, _ in made])
    shape = (layout.num_rows, layout.row_length)
    fields = {name: torch.zeros(shape, dtype=torch.long) for name in ("input_ids", "token_type_ids", "position_ids")}
    sequence_ids = torch.full(shape, -1)
    positions = []
    for number, ((ids, types, _), (row, start)) in enumerate(zip(made, layout.places, strict=True)):
        place = slice(start, start + len(ids))
        fields["input_ids"][row, place] = ids
        fields["token_type_ids"][row, place] = types
        fields["position_ids"][row, place] = torch.arange(len(ids))
        sequence_ids[row, place] = number
        positions.append(row * layout.row_length + start + torch.arange(len(ids)))
    assert layout.num_rows < len(made), "several examples share a row"
    none = torch.zeros(0, dtype=torch.long)
    targets = torch.cat([labels for _, _, labels in made])
    return Batch(
        **fields, sequence_ids=sequence_ids, first_token=none, example_ids=none, target_positions=torch.cat(positions),
        target_lengths=none,
        targets=targets, target_ids=none, next_sentence=none, num_step_targets=len(targets),
        num_step_examples=len(made), num_tokens=0,
    )  # fmt: skip


@pytest.mark.parametrize("own_attention", [False, True])
def test_packed_equals_one_at_a_time_for_states_loss_and_gradients(own_attention: bool) -> None:
    made = examples()
    batch = packed_batch(made)
    model = make_model()
    if own_attention:
        use_fast_dropout(model)
    encoder = Encoder(base=model.bert, packable=True, position_offset=0, causal=False)
    states = encoder(batch).flatten(0, 1).index_select(0, batch.target_positions)
    loss = torch.nn.functional.cross_entropy(model.classifier(states), batch.targets, reduction="sum")
    loss.backward()
    gradients = {name: p.grad.clone() for name, p in model.named_parameters()}

    reference = make_model()
    total = torch.zeros(())
    alone = []
    for ids, types, labels in made:
        output = reference.bert(input_ids=ids[None], token_type_ids=types[None]).last_hidden_state[0]
        alone.append(output)
        total = total + torch.nn.functional.cross_entropy(reference.classifier(output), labels, reduction="sum")
    total.backward()
    torch.testing.assert_close(states, torch.cat(alone), atol=1e-5, rtol=0)
    torch.testing.assert_close(loss / len(batch.targets), total / len(batch.targets), atol=1e-5, rtol=0)
    for name, parameter in reference.named_parameters():
        scale = len(batch.targets)
        torch.testing.assert_close(gradients[name] / scale, parameter.grad / scale, atol=1e-5, rtol=0, msg=name)


def test_tails_are_finite_and_touch_nobody() -> None:
    batch = packed_batch(examples())
    model = make_model()
    encoder = Encoder(base=model.bert, packable=True, position_offset=0, causal=False)
    states = encoder(batch)
    assert torch.isfinite(states).all()
    changed = Batch(**{f: getattr(batch, f) for f in batch.__slots__})
    changed.input_ids = torch.where(batch.sequence_ids < 0, 7, batch.input_ids)
    inside = batch.sequence_ids >= 0
    torch.testing.assert_close(encoder(changed)[inside], states[inside], atol=0, rtol=0)


def test_a_causal_encoder_sees_no_later_position() -> None:
    batch = packed_batch(examples())
    model = make_model()
    encoder = Encoder(base=model.bert, packable=True, position_offset=0, causal=True)
    before = encoder(batch)
    row, column = 0, 100
    changed = Batch(**{f: getattr(batch, f) for f in batch.__slots__})
    changed.input_ids = batch.input_ids.clone()
    changed.input_ids[row, column] += 1
    after = encoder(changed)
    torch.testing.assert_close(after[row, :column], before[row, :column], atol=1e-6, rtol=0)
    assert not torch.allclose(after[row, column], before[row, column])


def test_a_causal_encoder_refuses_to_answer_from_its_first_token() -> None:
    batch = packed_batch(examples())
    model = make_model()
    causal, both = (Encoder(base=model.bert, packable=True, position_offset=0, causal=value) for value in (True, False))
    first = (batch.position_ids == 0) & (batch.sequence_ids >= 0)
    states = causal(batch)[first]
    changed = Batch(**{f: getattr(batch, f) for f in batch.__slots__})
    changed.input_ids = batch.input_ids.clone()
    changed.input_ids[batch.position_ids > 0] = 7
    torch.testing.assert_close(causal(changed)[first], states, atol=1e-6, rtol=0)
    with pytest.raises(ConfigError, match=r"model.attention='causal': \[CLS\] stands first and sees none .*; read all"):
        causal.check_first("read all")
    both.check_first("read all")


def test_the_mask_joins_equal_numbers_only() -> None:
    sequence_ids = torch.tensor([[0, 0, 1, -1], [0, 1, 1, 1]])
    expected = np.equal(sequence_ids.numpy()[:, :, None], sequence_ids.numpy()[:, None, :])
    assert np.array_equal(packed_mask(sequence_ids, causal=False)[:, 0].numpy(), expected)
    assert np.array_equal(packed_mask(sequence_ids, causal=True)[:, 0].numpy(), np.tril(expected))


def make_local_model() -> ModernBertModel:
    """Returns a ModernBERT whose local layers see 8 tokens to each side, and its own way with them."""
    torch.manual_seed(0)
    config = ModernBertConfig(
        vocab_size=500, hidden_size=48, num_hidden_layers=4, num_attention_heads=4, intermediate_size=96,
        local_attention=16, global_attn_every_n_layers=2, max_position_embeddings=512, pad_token_id=0, bos_token_id=1,
        cls_token_id=1, eos_token_id=2, sep_token_id=2, initializer_range=0.2,
    )  # fmt: skip
    return ModernBertModel._from_config(config).eval()


@pytest.mark.parametrize("own_attention", [False, True])
def test_packed_equals_one_at_a_time_beyond_the_window_of_local_layers(own_attention: bool) -> None:
    made = examples()
    batch = packed_batch(made)
    model = make_local_model()
    alone = torch.cat([model(input_ids=ids[None]).last_hidden_state[0] for ids, _, _ in made])
    if own_attention:
        use_fast_dropout(model)
    encoder = Encoder(base=model, packable=True, position_offset=0, causal=False, sliding_window=8)
    states = encoder(batch).flatten(0, 1).index_select(0, batch.target_positions)
    torch.testing.assert_close(states, alone, atol=1e-5, rtol=0)


@pytest.mark.parametrize("window", [None, 7, 9])
def test_another_window_or_one_mask_for_all_layers_is_wrong_there(window: int | None) -> None:
    made = examples()
    batch = packed_batch(made)
    model = make_local_model()
    alone = torch.cat([model(input_ids=ids[None]).last_hidden_state[0] for ids, _, _ in made])
    encoder = Encoder(base=model, packable=True, position_offset=0, causal=False, sliding_window=window)
    states = encoder(batch).flatten(0, 1).index_select(0, batch.target_positions)
    assert float((states - alone).detach().abs().max()) > 1e-2
