"""What tasks, data and models know of each other. They meet here and nowhere else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # this module is imported by torch-free code
    import torch

Kind = Literal["words", "texts", "documents"]
"""What carries a target."""

NUMBER = ("value",)
"""The labels of a model that predicts numbers: the one output's name. No run learns a single class."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence as its file has it.

    Attributes:
        words: the words, never empty.
        tags: one tag a word.
        document: number of the document the sentence belongs to, from 0.
        line: line of its file the first word stands in, from 1.
        line_per_word: whether the other words follow on lines of their own, or all stand in the same.
    """

    words: tuple[str, ...]
    tags: tuple[str, ...]
    document: int
    line: int = 1
    line_per_word: bool = True

    def line_of(self, word: int) -> int:
        """Returns the line of its file that word number `word` stands in."""
        return self.line + word * self.line_per_word


@dataclass(frozen=True, slots=True)
class Text:
    """One text, or a pair of texts, as its file has it.

    Attributes:
        segments: the text, or the two texts of a pair.
        label: a class, or a number to predict.
        line: of its file, from 1.
        group: texts with the same one stay together where splits are drawn; empty is the text itself.
    """

    segments: tuple[str, ...]
    label: str | float
    line: int
    group: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DataSpec:
    """What a task may know of the data.

    Attributes:
        kind: what carries a target: the `words` of sentences, whole `texts`, or the tokens of unlabelled `documents`.
        labels: label names; a label's id is its place. Of numbers the name of the one output; none of documents.
        numbers: whether targets are numbers to predict (regression), not labels.
        class_counts: how often each label (token id, of documents) occurs in the training split; empty for numbers.
        next_sentence: whether examples are pairs of segments that may follow one another.
        num_examples: sentences, texts or documents of each split, as selected by `limit` and `fraction`.
        pad_token_id: the tokenizer's padding token.
        about: licence and citation, for the model card.
    """

    kind: Kind
    labels: tuple[str, ...]
    num_examples: Mapping[str, int]
    pad_token_id: int
    numbers: bool = False
    class_counts: tuple[int, ...] = ()
    next_sentence: bool = False
    about: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Batch:
    """The examples of one micro-batch, packed into rows without padding between them.

    `rows` and `row_length` vary from batch to batch. All tensors are int64 unless stated.

    Attributes:
        input_ids: (rows, row_length); the padding token in row tails.
        token_type_ids: (rows, row_length); 0 for the first segment, 1 for the second.
        position_ids: (rows, row_length); restart at 0 with each example.
        sequence_ids: (rows, row_length); number of the example in its row, -1 in the tail.
        first_token: (examples, 2); row and column of each example's [CLS].
        example_ids: (examples,); each example's number in its split.
        target_positions: (targets,); places in the flattened rows of each target's first piece, example by example.
        target_lengths: (targets,); pieces of each target, which follow one another in its row.
        targets: (targets,); label ids, or float32 numbers.
        target_ids: (targets, 2); the sentence and the word in it that each target belongs to.
        next_sentence: (examples,); 0 if the second segment follows the first one, 1 if not; (0,) if nobody asks.
        num_step_targets: targets of the whole optimizer step, over all micro-batches and devices.
        num_step_examples: examples of the whole optimizer step.
        num_tokens: tokens of this micro-batch, special tokens included, tails excluded.
        split: name of the split the examples are of.
    """

    input_ids: torch.Tensor
    token_type_ids: torch.Tensor
    position_ids: torch.Tensor
    sequence_ids: torch.Tensor
    first_token: torch.Tensor
    example_ids: torch.Tensor
    target_positions: torch.Tensor
    target_lengths: torch.Tensor
    targets: torch.Tensor
    target_ids: torch.Tensor
    next_sentence: torch.Tensor
    num_step_targets: int
    num_step_examples: int
    num_tokens: int
    split: str = ""

    def to(self, device: torch.device | str) -> Batch:
        """Returns the batch with every tensor on `device`."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return replace(self, **{name: value.to(device) for name, value in values.items() if hasattr(value, "to")})


@dataclass(frozen=True, slots=True)
class Scored:
    """What a model made of every target of a split, in the order of the file.

    Attributes:
        sentence: (targets,) int64; number of the sentence or text.
        word: (targets,) int64; number of the word in its sentence.
        gold: (targets,) int64 label ids, or float32 numbers.
        predicted: likewise.
        score: (targets,) float32; probability of the predicted label; of numbers not a number.
        loss: (targets,) float32; cross-entropy in nats, or squared error.
    """

    sentence: NDArray[np.int64]
    word: NDArray[np.int64]
    gold: NDArray[Any]
    predicted: NDArray[Any]
    score: NDArray[np.float32]
    loss: NDArray[np.float32]

    def sentence_starts(self) -> NDArray[np.bool_]:
        """Returns where a sentence begins, (targets,)."""
        return starts_of(self.sentence)


def starts_of(sentence: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Returns where a sentence begins, (targets,), from the number of the sentence of each target."""
    return np.concatenate([[True], sentence[1:] != sentence[:-1]])[: len(sentence)]


class Format(Protocol):
    """How to read a file of sentences. Constructors do no I/O, and attributes are plain values: they key the cache."""

    def read(self, path: Path, counts: Counter[str]) -> Iterator[Sentence]:
        """Yields the sentences of a file.

        Args:
            path: of the file.
            counts: of what was mended on the way, raised by name.

        Raises:
            DataError: naming file, line and reason, if the file cannot be read.
        """


class TextFormat(Protocol):
    """How to read a file of labelled texts. Constructors do no I/O, and attributes are plain values."""

    def read(self, path: Path, counts: Counter[str]) -> Iterator[Text]:
        """Yields the texts of a file; see `Format.read`.

        Raises:
            DataError: naming file, line and reason, if the file cannot be read.
        """


class Corpus(Protocol):
    """Where the texts of the splits can be read."""

    def texts(self, split: str, counts: Counter[str]) -> Iterator[Text]:
        """Yields the texts of a split.

        Raises:
            DataError: if its file cannot be had or read.
        """

    def texts_key(self, split: str) -> dict[str, Any]:
        """Returns what these texts depend on, for the key of a cache."""


class Source(Protocol):
    """Where files come from: a wheel, a local folder, a hub. Constructors do no I/O."""

    def check(self, path: str) -> None:
        """Refuses a path that cannot be right, without the network.

        Raises:
            ConfigError: naming the path.
        """

    def fingerprint(self, path: str) -> str:
        """Returns a string that changes whenever the bytes behind `path` change."""

    def locate(self, path: str) -> Path:
        """Returns `path` as a local file or folder, fetching it if need be.

        Raises:
            DataError: if it cannot be had.
        """
