"""A tag for every word of a sentence, and the entities that the tags make up."""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar, final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from clozelab.data.alignment import Window, own_pieces, special_tokens, windows, word_pieces
from clozelab.data.context import surroundings
from clozelab.data.example import Example
from clozelab.data.spans import words_of
from clozelab.errors import DataError
from clozelab.metrics.entities import EntityCounter, is_iob2
from clozelab.predict.item import Item
from clozelab.predict.question import Answer, Question, texts_of
from clozelab.task.base import Task
from clozelab.types import Batch, starts_of

WORD = pa.struct([
    ("word", pa.string()), ("start", pa.int64()), ("end", pa.int64()), ("tag", pa.string()), ("score", pa.float64())
])  # fmt: skip
ENTITY = pa.struct([
    ("text", pa.string()), ("start", pa.int64()), ("end", pa.int64()), ("type", pa.string()), ("score", pa.float64())
])  # fmt: skip

Spans = list[tuple[int, int]]
"""(start, end) of every word of a text, in characters."""


@final
class Tags(Question):
    """Which tag each word has; decoded as the run decodes, a long sentence in windows as in training.

    The words of a plain text are runs of letters and digits, and single other characters (`data.spans`), but those in
    which the tokenizer sees nothing (a lone U+200D): of words that are given, those have a tag, too. The model reads
    them as the words of its training, each as if a blank stood before it. An entity's score is the mean of its words'
    probabilities, as in a pipeline of transformers.

    Args:
        task: with its model.
        tokenizer: of the encoder.
        max_length: of a window in tokens.
        overlap: pieces that neighbouring windows share.
        context: pieces of the neighbouring sentences of a document on each side.
    """

    takes_words: ClassVar[bool] = True

    def __init__(
        self, *, task: Task, tokenizer: PreTrainedTokenizerFast, max_length: int, overlap: int, context: int
    ) -> None:
        super().__init__(tokenizer=tokenizer, max_length=max_length, pairs="never")
        self.task = task
        self.labels = task.spec.labels
        self.overlap = overlap
        self.context = context
        self.whole_documents = context > 0
        self._entities = EntityCounter(labels=self.labels) if is_iob2(self.labels) else None
        self._spans: dict[Item, Spans] = {}

    @property
    def schema(self) -> pa.Schema:
        """The columns of an answer."""
        entities = [("entities", pa.list_(ENTITY))] if self._entities else []
        return pa.schema([("text", pa.string()), ("words", pa.list_(WORD)), *entities])

    def examples(self, items: Sequence[Item]) -> list[list[Example] | DataError]:
        """Returns the windows of each sentence."""
        counts: Counter[str] = Counter()
        self._spans = self._read(items)
        words = [[item.segments[0][start:end] for start, end in self._spans[item]] for item in items]
        pieces = list(word_pieces(self.tokenizer, words, counts))
        # Sentences without a document have no neighbours: each is one of its own.
        documents = [-1 - i if item.document is None else item.document for i, item in enumerate(items)]
        cut = partial(windows, max_length=self.max_length, overlap=self.overlap, counts=counts)
        prefix, suffix = special_tokens(self.tokenizer)
        around = surroundings(pieces, documents, self.context)
        return [
            [_example(window) for window in cut(own, prefix, suffix, before=before, after=after)]
            if own else DataError(f"{item.place}: the text has no word")
            for item, own, (before, after) in zip(items, pieces, around, strict=True)
        ]  # fmt: skip

    def _read(self, items: Sequence[Item]) -> dict[Item, Spans]:
        """Returns the words of each sentence."""
        found = {item: _spans(item) for item in items}
        texts = [item for item in found if item.words is None]
        words = [[item.segments[0][start:end] for start, end in found[item]] for item in texts]
        for item, pieces in zip(texts, own_pieces(self.tokenizer, words), strict=True):
            found[item] = [span for span, own in zip(found[item], pieces, strict=True) if own]
        return found

    def compute(self, hidden: Tensor, batch: Batch) -> list[Any]:
        """Returns the log-probabilities of the tags of each window's words, (words, labels)."""
        outputs = self.task.head(hidden, batch).cpu().numpy()
        num = np.bincount(batch.target_ids[:, 0].cpu().numpy(), minlength=1)[batch.example_ids.cpu().numpy()]
        return np.split(outputs, np.cumsum(num)[:-1])

    def answers(self, items: Sequence[Item], computed: Sequence[Sequence[Any]]) -> list[Answer]:
        """Returns the words of each sentence with their tags, and the entities."""
        outputs = np.concatenate([window for own in computed for window in own])
        sentence = np.repeat(np.arange(len(items)), [sum(map(len, own)) for own in computed])
        starts = starts_of(sentence)
        predicted = self.task.decode(outputs, starts)
        scores = self.task.scores(outputs, predicted).astype(np.float64)
        spans = [self._spans[item] for item in items]
        result: list[Answer] = []
        first = 0
        for item, own in zip(items, spans, strict=True):
            part = slice(first, first := first + len(own))
            result.append({**texts_of(item), "words": self._tagged(item, own, predicted[part], scores[part])})
            if self._entities:
                result[-1]["entities"] = self._found(item, own, predicted[part], scores[part])
        return result

    def _tagged(self, item: Item, spans: Spans, tags: NDArray[Any], scores: NDArray[np.float64]) -> list[Answer]:
        text = item.segments[0]
        return [
            {"word": text[start:end], "start": start, "end": end, "tag": self.labels[tag], "score": score}
            for (start, end), tag, score in zip(spans, tags.tolist(), scores.tolist(), strict=True)
        ]

    def _found(self, item: Item, spans: Spans, tags: NDArray[Any], scores: NDArray[np.float64]) -> list[Answer]:
        """Returns the entities as conlleval reads the tags: a leading I-X begins one."""
        assert self._entities is not None
        found = self._entities.spans(tags, np.arange(len(tags)) == 0, "conlleval")
        result = []
        for kind, first, last in found.tolist():
            start, end = spans[first][0], spans[last - 1][1]
            result.append({
                "text": item.segments[0][start:end], "start": start, "end": end, "type": self._entities.types[kind],
                "score": float(scores[first:last].mean()),
            })  # fmt: skip
        return result


def _spans(item: Item) -> Spans:
    if item.words is None:
        return words_of(item.segments[0])
    ends = np.cumsum([len(word) + 1 for word in item.words]) - 1
    return [(int(end) - len(word), int(end)) for word, end in zip(item.words, ends, strict=True)]


def _example(window: Window) -> Example:
    num = len(window.positions)
    return Example(
        number=0, input_ids=np.asarray(window.input_ids), second_segment=len(window.input_ids),
        positions=np.asarray(window.positions), lengths=np.asarray(window.lengths),
        targets=np.zeros(num, dtype=np.int64), target_ids=np.zeros((num, 2), dtype=np.int64),
    )  # fmt: skip
