"""What every question shares: what it refuses, how texts become tokens, and what is said of cut ones."""

from collections.abc import Sequence
from typing import Any, ClassVar, final

import pyarrow as pa
import pytest
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from clozelab.data.example import Example
from clozelab.errors import DataError
from clozelab.predict.item import Item
from clozelab.predict.question import Answer, Pairs, Question, text_fields, texts_of, whole_text
from clozelab.types import Batch


@final
class Lengths(Question):
    """How many tokens a text has."""

    takes_words: ClassVar[bool] = True

    @property
    def schema(self) -> pa.Schema:
        return pa.schema(text_fields(self.pairs))

    def examples(self, items: Sequence[Item]) -> list[list[Example] | DataError]:
        return [[whole_text(tokens)] for tokens in self.tokens(items)]

    def compute(self, hidden: Tensor, batch: Batch) -> list[Any]:
        return batch.target_lengths.tolist()

    def answers(self, items: Sequence[Item], computed: Sequence[Sequence[Any]]) -> list[Answer]:
        return [{**texts_of(item), "length": own[0]} for item, own in zip(items, computed, strict=True)]


WORDS = Item(("New York",), "", words=("New", "York"))


@pytest.mark.parametrize(
    ("pairs", "item", "refusal"),
    [
        ("never", Item(("a",), ""), ""),
        ("never", Item(("a", "b"), ""), "a pair of texts; this run was trained on single texts"),
        ("always", Item(("a",), ""), "one text; this run was trained on pairs of texts"),
        ("always", Item(("a", ""), ""), ""),
        ("maybe", Item(("a",), ""), ""),
        ("maybe", Item(("a", "b"), ""), ""),
        ("maybe", WORDS, ""),
    ],
)
def test_texts_and_pairs_are_taken_as_the_run_was_trained(
    tokenizer: PreTrainedTokenizerFast, pairs: Pairs, item: Item, refusal: str
) -> None:
    assert Lengths(tokenizer=tokenizer, max_length=8, pairs=pairs).refusal(item) == refusal


def test_words_are_refused_where_texts_are_asked_about(
    tokenizer: PreTrainedTokenizerFast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Lengths, "takes_words", False)
    assert "a list of words" in Lengths(tokenizer=tokenizer, max_length=8, pairs="maybe").refusal(WORDS)


def test_texts_and_pairs_may_be_mixed_and_keep_their_order(tokenizer: PreTrainedTokenizerFast) -> None:
    question = Lengths(tokenizer=tokenizer, max_length=8, pairs="maybe")
    items = [Item(("met",), ""), Item(("met", "saw a"), ""), Item(("met saw",), ""), Item(("", "met"), "")]
    found = question.tokens(items)
    assert [(len(tokens.ids), tokens.second) for tokens in found] == [(3, 3), (6, 3), (4, 4), (4, 2)]
    assert question.num_cut == 0


def test_texts_over_the_limit_are_cut_and_counted_and_the_first_is_known(tokenizer: PreTrainedTokenizerFast) -> None:
    question = Lengths(tokenizer=tokenizer, max_length=5, pairs="maybe")
    texts = [("met",), ("met " * 9, "saw"), ("met " * 9,)]
    found = question.tokens([Item(text, f"text {n}") for n, text in enumerate(texts, 1)])
    assert [len(tokens.ids) for tokens in found] == [3, 5, 5]
    assert (question.num_cut, question.first_cut) == (2, "text 2")
    question.tokens([Item(("met " * 9,), "text 4")])
    assert (question.num_cut, question.first_cut) == (3, "text 2")


def test_a_text_is_read_whole_or_at_some_places(tokenizer: PreTrainedTokenizerFast) -> None:
    (tokens,) = Lengths(tokenizer=tokenizer, max_length=8, pairs="never").tokens([Item(("met saw",), "")])
    assert whole_text(tokens).lengths.tolist() == [4]
    some = whole_text(tokens, [0, 2])
    assert (some.positions.tolist(), some.lengths.tolist()) == ([0, 2], [1, 1])
