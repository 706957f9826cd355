"""Fast dropout is dropout: the right rate, the right scale, independent draws, and nothing in eval mode."""

import pytest
import torch
from scipy.stats import binomtest, chisquare
from transformers import BertConfig, BertModel

from clozelab.model.dropout import Dropout, attention, drop, use_fast_dropout


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_the_rate_is_the_one_asked_for_and_kept_values_are_scaled(rate: float, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    dropped = drop(torch.ones(200_003, dtype=dtype), rate)
    zeros = int((dropped == 0).sum())
    assert binomtest(zeros, dropped.numel(), rate).pvalue > 1e-4
    kept = dropped[dropped != 0]
    torch.testing.assert_close(kept, torch.full_like(kept, 1 / (1 - rate)), rtol=1e-2, atol=1e-4)


def test_neighbouring_lanes_are_independent() -> None:
    torch.manual_seed(0)
    kept = (drop(torch.ones(400_000), 0.5) != 0).view(-1, 4)
    patterns = (kept * torch.tensor([1, 2, 4, 8])).sum(1).bincount(minlength=16)
    assert chisquare(patterns.numpy()).pvalue > 1e-4


def test_the_gradient_is_the_mask() -> None:
    torch.manual_seed(0)
    values = torch.randn(1001, requires_grad=True)
    dropped = drop(values, 0.3)
    dropped.sum().backward()
    assert values.grad is not None
    torch.testing.assert_close(values.grad * values.detach(), dropped.detach())


def test_the_same_seed_gives_the_same_mask() -> None:
    values = torch.ones(999)
    torch.manual_seed(5)
    first = drop(values, 0.1)
    torch.manual_seed(5)
    assert torch.equal(drop(values, 0.1), first)
    assert not torch.equal(drop(values, 0.1), first)


def test_eval_mode_changes_nothing_and_training_mode_does() -> None:
    layer = Dropout(p=0.5)
    values = torch.ones(100)
    assert torch.equal(layer.eval()(values), values)
    assert not torch.equal(layer.train()(values), values)


def test_attention_with_hardly_any_dropout_equals_sdpa() -> None:
    torch.manual_seed(0)
    query, key, value = torch.randn(3, 2, 4, 24, 8, dtype=torch.float64).unbind(0)
    numbers = torch.arange(24).div(7, rounding_mode="floor")
    mask = (numbers[:, None] == numbers[None]).expand(2, 1, 24, 24)
    ours, _ = attention(torch.nn.Module(), query, key, value, mask, dropout=1e-9, scaling=0.3)
    reference = torch.nn.functional.scaled_dot_product_attention(query, key, value, mask, scale=0.3)
    torch.testing.assert_close(ours, reference.transpose(1, 2))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_attention_gives_what_is_masked_no_weight_at_all(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    query, key, value = (30 * torch.randn(3, 2, 4, 24, 8, dtype=dtype)).unbind(0)
    numbers = torch.arange(24).div(7, rounding_mode="floor")
    mask = (numbers[:, None] == numbers[None]).expand(2, 1, 24, 24)
    torch.manual_seed(1)
    whole, _ = attention(torch.nn.Module(), query, key, value, mask, dropout=0.1, scaling=0.3)
    value[:, :, 14:] = 1e30 if dtype == torch.float32 else 1e4  # what the first two examples must not see
    torch.manual_seed(1)
    other, _ = attention(torch.nn.Module(), query, key, value, mask, dropout=0.1, scaling=0.3)
    assert torch.equal(whole[:, :14], other[:, :14])


def test_a_model_keeps_its_parameters_and_its_eval_mode_output() -> None:
    torch.manual_seed(0)
    config = BertConfig(vocab_size=50, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64)
    model = BertModel._from_config(config).eval()
    ids = torch.randint(0, 50, (2, 10))
    mask = torch.ones(2, 1, 10, 10, dtype=torch.bool)
    before, names = model(input_ids=ids, attention_mask=mask).last_hidden_state, list(model.state_dict())
    use_fast_dropout(model)
    assert list(model.state_dict()) == names
    assert not any(isinstance(m, torch.nn.Dropout) for m in model.modules())
    torch.testing.assert_close(model(input_ids=ids, attention_mask=mask).last_hidden_state, before)
    model.train()
    assert not torch.allclose(model(input_ids=ids, attention_mask=mask).last_hidden_state, before)


def test_a_model_still_sees_no_padding_where_a_plain_mask_says_so() -> None:
    torch.manual_seed(0)
    config = BertConfig(vocab_size=50, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64)
    model = BertModel._from_config(config).eval()
    use_fast_dropout(model)
    ids = torch.randint(1, 50, (1, 10))
    mask = (torch.arange(10) < 6).long()[None]
    padded = model(input_ids=ids, attention_mask=mask).last_hidden_state
    torch.testing.assert_close(padded[:, :6], model(input_ids=ids[:, :6]).last_hidden_state, atol=1e-5, rtol=0)
