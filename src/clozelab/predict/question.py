"""What every kind of question shares: how items become examples, and what the model computes answers."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from clozelab.data.example import Example
from clozelab.data.texts import Tokens, tokenise
from clozelab.errors import DataError
from clozelab.predict.item import Item
from clozelab.types import Batch

Pairs = Literal["never", "always", "maybe"]
Answer = dict[str, Any]


class Question(ABC):
    """What is asked of a model.

    Attributes:
        pairs: whether items are pairs of texts.
        takes_words: whether a sentence may come in words.
        whole_documents: whether the sentences of a document must be asked about together.
        num_cut: items, so far, that were longer than the model reads.
        first_cut: place of the first of them.
    """

    takes_words: ClassVar[bool] = False

    def __init__(self, *, tokenizer: PreTrainedTokenizerFast, max_length: int, pairs: Pairs) -> None:
        self.tokenizer = tokenizer
        self.max_length = max_length
        self.pairs: Pairs = pairs
        self.whole_documents = False
        self.num_cut = 0
        self.first_cut = ""

    @property
    @abstractmethod
    def schema(self) -> pa.Schema:
        """The columns of an answer."""

    @abstractmethod
    def examples(self, items: Sequence[Item]) -> list[list[Example] | DataError]:
        """Returns the sequences of each item that the model has to read, or why there is no answer."""

    @abstractmethod
    def compute(self, hidden: Tensor, batch: Batch) -> list[Any]:
        """Returns what is kept of each example of a batch.

        Args:
            hidden: (rows, row_length, hidden).
            batch: they are of.
        """

    @abstractmethod
    def answers(self, items: Sequence[Item], computed: Sequence[Sequence[Any]]) -> list[Answer]:
        """Returns the answer to each item, from what was kept of its examples."""

    def refusal(self, item: Item) -> str:
        """Returns why an item is none of this question's, or an empty string."""
        if item.words is not None and not self.takes_words:
            return "a list of words; this question is about texts (a pair is a tuple)"
        if item.is_pair and self.pairs == "never":
            return f"a pair of texts; {self.singles}"
        if not item.is_pair and self.pairs == "always":
            return "one text; this run was trained on pairs of texts"
        return ""

    singles: ClassVar[str] = "this run was trained on single texts"
    """Why pairs are refused, where they are."""

    def tokens(self, items: Sequence[Item]) -> list[Tokens]:
        """Returns the tokens of texts and pairs."""
        found: dict[int, Tokens] = {}
        for length in (1, 2):
            numbers = [number for number, item in enumerate(items) if len(item.segments) == length]
            texts = [items[number].segments for number in numbers]
            found.update(zip(numbers, tokenise(texts, self.tokenizer, self.max_length), strict=True))
        cut = [items[number].place for number in sorted(found) if found[number].cut]
        self.first_cut = self.first_cut or next(iter(cut), "")
        self.num_cut += len(cut)
        return [found[number] for number in range(len(items))]


def whole_text(tokens: Tokens, places: Sequence[int] | None = None) -> Example:
    """Returns the example of a text, read as one target; or with one target at each of some places.

    Args:
        tokens: of the text.
        places: of the targets' tokens.
    """
    num = 1 if places is None else len(places)
    return Example(
        number=0, input_ids=np.asarray(tokens.ids), second_segment=tokens.second,
        positions=np.asarray([0] if places is None else places, dtype=np.int64),
        lengths=np.asarray([len(tokens.ids)] if places is None else [1] * num, dtype=np.int64),
        targets=np.zeros(num, dtype=np.int64), target_ids=np.zeros((num, 2), dtype=np.int64),
    )  # fmt: skip


TEXTS = [("text", pa.string()), ("text_pair", pa.string())]


def text_fields(pairs: Pairs) -> list[tuple[str, pa.DataType]]:
    """Returns the columns of the texts."""
    return TEXTS[: 1 if pairs == "never" else 2]


def texts_of(item: Item) -> Answer:
    """Returns the texts of an item as an answer begins with them."""
    return dict(zip(("text", "text_pair"), item.segments, strict=False))
