"""The class of a text or pair with the probability of every class, or its number."""

import math
from collections.abc import Sequence
from typing import Any, final

import pyarrow as pa
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from clozelab.data.example import Example
from clozelab.errors import DataError
from clozelab.predict.item import Item
from clozelab.predict.question import Answer, Pairs, Question, text_fields, texts_of, whole_text
from clozelab.task.base import Task
from clozelab.types import Batch


@final
class Classes(Question):
    """Which class a text is of; of a run that learnt numbers, which number it has.

    Args:
        task: with its model.
        tokenizer: of the encoder.
        max_length: of a text or pair in tokens; longer ones are cut as they were in training.
        pairs: whether the run was trained on pairs; `maybe` if nobody knows.
    """

    def __init__(self, *, task: Task, tokenizer: PreTrainedTokenizerFast, max_length: int, pairs: Pairs) -> None:
        super().__init__(tokenizer=tokenizer, max_length=max_length, pairs=pairs)
        self.task = task
        self.labels = task.spec.labels
        self.numbers = task.spec.numbers

    @property
    def schema(self) -> pa.Schema:
        """The columns of an answer."""
        scores = pa.struct([(label, pa.float64()) for label in self.labels])
        own = [("label", pa.string()), ("score", pa.float64()), ("scores", scores)]
        if self.numbers:
            own = [("value", pa.float64())]
        return pa.schema([*text_fields(self.pairs), *own])

    def examples(self, items: Sequence[Item]) -> list[list[Example] | DataError]:
        """Returns the one sequence of each text."""
        return [[whole_text(tokens)] for tokens in self.tokens(items)]

    def compute(self, hidden: Tensor, batch: Batch) -> list[Any]:
        """Returns the log-probabilities of each text's classes, or its number."""
        return self.task.head(hidden, batch).cpu().tolist()

    def answers(self, items: Sequence[Item], computed: Sequence[Sequence[Any]]) -> list[Answer]:
        """Returns the label and the probability of every class, or the number."""
        return [{**texts_of(item), **self._answer(own[0])} for item, own in zip(items, computed, strict=True)]

    def _answer(self, outputs: list[float]) -> Answer:
        if self.numbers:
            return {"value": outputs[0]}
        scores = {label: math.exp(value) for label, value in zip(self.labels, outputs, strict=True)}
        best = max(scores, key=scores.__getitem__)
        return {"label": best, "score": scores[best], "scores": scores}
