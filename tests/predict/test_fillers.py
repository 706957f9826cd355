"""Fillers of every mask, likeliest first; which texts have something to fill in."""

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from clozelab.data.example import Example
from clozelab.errors import DataError
from clozelab.predict.fillers import Fillers
from clozelab.predict.item import Item
from clozelab.types import Batch

BatchOf = Callable[[Sequence[Example]], Batch]


def fillers(tokenizer: PreTrainedTokenizerFast, head: Any = None, *, top: int = 2, max_length: int = 16) -> Fillers:
    task: Any = SimpleNamespace(head=head)
    return Fillers(task=task, tokenizer=tokenizer, max_length=max_length, top=top)


def test_each_mask_gets_the_likeliest_tokens_of_its_own_place(
    tokenizer: PreTrainedTokenizerFast, batch_of: BatchOf
) -> None:
    words = ["the", "game", "city"]
    ids = tokenizer.convert_tokens_to_ids(words)

    def head(hidden: Tensor, batch: Batch) -> Tensor:
        """The n-th mask of a text wants the n-th word, and the next one half as much; [CLS] is asked, too."""
        logits = torch.full((len(batch.target_ids), len(tokenizer)), -50.0)
        for row, (_, place) in zip(logits, batch.target_ids.tolist(), strict=True):
            row[ids[(place - 1) % 3]] = torch.log(torch.tensor(2 / 3))
            row[ids[place % 3]] = torch.log(torch.tensor(1 / 3))
        return logits

    question = fillers(tokenizer, head)
    items = [Item(("a [MASK] saw [MASK]",), ""), Item(("[MASK]",), "")]
    examples = [own[0] for own in question.examples(items) if isinstance(own, list)]
    batch = batch_of(examples)
    computed = dict(zip(batch.example_ids.tolist(), question.compute(torch.zeros(1), batch), strict=True))
    two, one = question.answers(items, [[computed[0]], [computed[1]]])
    assert [[filler["token"] for filler in mask] for mask in two["masks"]] == [["the", "game"], ["game", "city"]]
    assert [filler["score"] for filler in one["masks"][0]] == pytest.approx([2 / 3, 1 / 3])
    assert one["masks"][0][0]["id"] == ids[0]
    assert "is_next" not in one
    assert pa.Table.from_pylist([two, one], schema=question.schema).to_pylist() == [two, one]


def test_there_are_no_more_fillers_than_tokens(tokenizer: PreTrainedTokenizerFast) -> None:
    assert fillers(tokenizer, top=10**6).top == len(tokenizer)


def test_a_text_without_a_mask_and_a_pair_without_a_head_are_refused(tokenizer: PreTrainedTokenizerFast) -> None:
    question = fillers(tokenizer)
    assert question.refusal(Item(("a [MASK]",), "")) == ""
    assert question.refusal(Item(("a mask",), "")) == "no [MASK] in the text"
    assert "has no head for pairs" in question.refusal(Item(("a [MASK]", "b"), ""))
    assert "is_next" not in question.schema.names


def test_a_mask_behind_the_last_token_that_is_read_is_an_error_and_no_answer(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    question = fillers(tokenizer, max_length=6)
    fine, lost = question.examples([Item(("a a a [MASK] a",), "text 1"), Item(("[MASK] a a a [MASK]",), "text 2")])
    assert not isinstance(fine, DataError)
    assert str(lost) == "text 2: a mask stands behind the 6 tokens that the model reads"


def test_a_mask_is_written_one_way_whatever_the_tokenizer_calls_it(encoder_folder: Callable[[str], Any]) -> None:
    from clozelab.model.build import load_tokenizer

    roberta = load_tokenizer(encoder_folder("roberta"))
    assert roberta.mask_token == "<mask>"
    question = fillers(roberta)
    for text in ("a [MASK] game", "a <mask> game"):
        assert question.refusal(Item((text,), "")) == ""
        ((example,),) = question.examples([Item((text,), "")])  # type: ignore[misc]
        assert example.input_ids[example.positions[1:]].tolist() == [roberta.mask_token_id]
