"""A finished run's model at work: items in, answers out in the same order, in bounded memory."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, final

import numpy as np
import torch
from transformers import PreTrainedTokenizerFast

from clozelab.data.example import Example
from clozelab.data.lines import raised
from clozelab.data.loader import Collator
from clozelab.errors import DataError, require
from clozelab.predict.classes import Classes
from clozelab.predict.embeddings import Embeddings, Pooling
from clozelab.predict.fillers import Fillers
from clozelab.predict.item import Item, items_in
from clozelab.predict.question import Answer, Pairs, Question
from clozelab.predict.tags import Tags
from clozelab.task.base import Task

WINDOW = 2048
"""Items that are looked at together: sorted by length inside, they fill rows well."""

CHARACTERS = 2**22
"""Of their texts: a window ends behind the item with which it has so many."""

TOKENS = 8192
"""Tokens of a batch, at most, unless a single example has more."""


@final
class Predictor:
    """Answers with the model of a finished run, in float32: what plain transformers would say, too.

    Args:
        task: with its model, in eval mode.
        tokenizer: of the encoder.
        max_length: of an example in tokens, as in training.
        pairs: whether the run was trained on pairs of texts.
        overlap: pieces that windows of a long sentence share.
        context: pieces of the neighbouring sentences on each side.
    """

    def __init__(
        self,
        *,
        task: Task,
        tokenizer: PreTrainedTokenizerFast,
        max_length: int,
        pairs: Pairs = "maybe",
        overlap: int = 0,
        context: int = 0,
    ) -> None:
        self.task = task
        self.tokenizer = tokenizer
        self.max_length = max_length
        self.pairs: Pairs = pairs
        self.overlap = overlap
        self.context = context
        packable = task.encoder.packable
        self._collate = Collator(pad_token_id=task.spec.pad_token_id, packable=packable, split="predict")

    def question(self, *, top: int = 5) -> Question:
        """Returns what the run's task asks: tags of words, classes of texts, or fillers of masks.

        Raises:
            ConfigError: if `top`, the fillers of a mask, is none.
        """
        require("top", top, top >= 1, "an integer >= 1")
        task, tokenizer, length = self.task, self.tokenizer, self.max_length
        if task.kind == "words":
            return Tags(task=task, tokenizer=tokenizer, max_length=length, overlap=self.overlap, context=self.context)
        if task.kind == "texts":
            return Classes(task=task, tokenizer=tokenizer, max_length=length, pairs=self.pairs)
        return Fillers(task=task, tokenizer=tokenizer, max_length=length, top=top)

    def embedding(self, pooling: Pooling) -> Question:
        """Returns the question for embeddings.

        Raises:
            ConfigError: if there is no such pooling.
        """
        return Embeddings(tokenizer=self.tokenizer, max_length=self.max_length, pooling=pooling)

    def predict(self, texts: Iterable[Any], *, top: int = 5) -> list[Answer]:
        """Returns what the run's task means for each text, in order; see README, "Use a finished run".

        Args:
            texts: see `items_in`.
            top: fillers of a mask.

        Raises:
            DataError: naming the first one that cannot be answered.
        """
        return self._all(texts, self.question(top=top))

    def embed(self, texts: Iterable[Any], *, pooling: Pooling = "mean") -> list[Answer]:
        """Returns the embedding of each text (`cls` or `mean`); of pairs both, and their cosine similarity.

        Raises:
            DataError: naming the first one that cannot be answered.
        """
        return self._all(texts, self.embedding(pooling))

    def _all(self, texts: Iterable[Any], question: Question) -> list[Answer]:
        return [answer for _, answer in raised(self.stream(items_in(texts), question))]

    def stream(
        self,
        items: Iterable[Item | DataError],
        question: Question,
        progress: Callable[[float], None] = lambda share: None,
    ) -> Iterator[tuple[Item, Answer] | DataError]:
        """Yields each item with its answer, in order; in the place of one that has none, why.

        Args:
            items: what is an error already is passed on.
            question: about them, of this predictor.
            progress: is told which share of the items taken so far and not yet answered has been computed, up to 1.
        """
        for window in _windows(items, whole_documents=question.whole_documents, size=WINDOW):
            yield from self._answered(window, question, progress)

    def _answered(
        self, window: Sequence[Item | DataError], question: Question, progress: Callable[[float], None]
    ) -> Iterator[tuple[Item, Answer] | DataError]:
        checked = [_checked(item, question) for item in window]
        items = [item for item in checked if not isinstance(item, DataError)]
        asked = question.examples(items) if items else []
        good = [(item, own) for item, own in zip(items, asked, strict=True) if not isinstance(own, DataError)]
        computed = self._computed([own for _, own in good], question, progress)
        progress(1.0)
        answers = iter(question.answers([item for item, _ in good], computed) if good else [])
        examples = iter(asked)
        for item in checked:
            own = item if isinstance(item, DataError) else next(examples)
            yield own if isinstance(own, DataError) else (item, next(answers))  # type: ignore[misc]

    def _computed(
        self, asked: Sequence[Sequence[Example]], question: Question, progress: Callable[[float], None]
    ) -> list[list[Any]]:
        """Returns what is kept of the examples of each item; batches are packed, longest first."""
        flat = [example for own in asked for example in own]
        kept: list[Any] = [None] * len(flat)
        device = next(self.task.model.parameters()).device
        num_tokens, num_computed = sum(len(example.input_ids) for example in flat), 0
        for numbers in _batches([len(example.input_ids) for example in flat]):
            drawn = [_numbered(flat[number], number) for number in numbers]
            num_targets = sum(len(example.positions) for example in drawn)
            batch = self._collate(drawn, num_step_targets=num_targets, num_step_examples=len(drawn)).to(device)
            with torch.inference_mode():
                found = question.compute(self.task.encoder(batch), batch)
            for number, value in zip(numbers, found, strict=True):
                kept[number] = value
            num_computed += sum(len(example.input_ids) for example in drawn)
            progress(num_computed / num_tokens)
        rest = iter(kept)
        return [[next(rest) for _ in own] for own in asked]


def _checked(item: Item | DataError, question: Question) -> Item | DataError:
    refusal = "" if isinstance(item, DataError) else question.refusal(item)
    return DataError(f"{item.place}: {refusal}") if refusal and isinstance(item, Item) else item


def _windows(
    items: Iterable[Item | DataError], *, whole_documents: bool, size: int
) -> Iterator[list[Item | DataError]]:
    """Yields stretches of `size` items, or fewer long ones; with `whole_documents` none ends inside a document."""
    window: list[Item | DataError] = []
    num_characters = 0
    document: int | None = None
    for item in items:
        own = item.document if isinstance(item, Item) else document  # what cannot be read ends no document
        inside = whole_documents and own is not None and own == document
        if (len(window) >= size or num_characters >= CHARACTERS) and not inside:
            yield window
            window, num_characters = [], 0
        window.append(item)
        num_characters += sum(map(len, item.segments)) if isinstance(item, Item) else 0
        document = own
    if window:
        yield window


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Yields the numbers of the examples of each batch, the longest first."""
    batch: list[int] = []
    num_tokens = 0
    for number in sorted(range(len(lengths)), key=lambda number: -lengths[number]):
        if batch and num_tokens + lengths[number] > TOKENS:
            yield batch
            batch, num_tokens = [], 0
        batch.append(number)
        num_tokens += lengths[number]
    if batch:
        yield batch


def _numbered(example: Example, number: int) -> Example:
    places = np.arange(len(example.positions))
    return replace(example, number=number, target_ids=np.stack([np.full(len(places), number), places], 1))
