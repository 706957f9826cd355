"""Sentence embeddings from any encoder, and how similar the two of a pair are."""

from collections.abc import Sequence
from typing import Any, Literal, final, get_args

import numpy as np
import pyarrow as pa
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from clozelab.data.example import Example
from clozelab.errors import DataError, require
from clozelab.predict.item import Item
from clozelab.predict.question import Answer, Question, text_fields, texts_of, whole_text
from clozelab.task.pooling import mean_by_target, pieces_of_targets
from clozelab.types import Batch

Pooling = Literal["cls", "mean"]


@final
class Embeddings(Question):
    """What stands for a text: the last hidden state of its first token, or the mean of those of all its tokens.

    The mean is over special tokens, too, as in Sentence-BERT (Reimers & Gurevych 2019, section 3). The two texts of a
    pair are read each alone, and compared by the cosine of the angle between them.

    Args:
        tokenizer: of the encoder.
        max_length: of a text in tokens; longer ones are cut.
        pooling: `cls` or `mean`.
    """

    def __init__(self, *, tokenizer: PreTrainedTokenizerFast, max_length: int, pooling: Pooling) -> None:
        require("embed", pooling, pooling in get_args(Pooling), f"one of {', '.join(get_args(Pooling))}")
        super().__init__(tokenizer=tokenizer, max_length=max_length, pairs="maybe")
        self.pooling: Pooling = pooling

    @property
    def schema(self) -> pa.Schema:
        """The columns of an answer; a pair has two embeddings."""
        vector = pa.list_(pa.float32())
        own = [("embedding", vector), ("embedding_pair", vector), ("similarity", pa.float64())]
        return pa.schema([*text_fields(self.pairs), *own])

    def examples(self, items: Sequence[Item]) -> list[list[Example] | DataError]:
        """Returns one sequence for each text of an item."""
        texts = [Item((segment,), item.place) for item in items for segment in item.segments]
        tokens = iter(self.tokens(texts))
        return [[whole_text(next(tokens)) for _ in item.segments] for item in items]

    def compute(self, hidden: Tensor, batch: Batch) -> list[Any]:
        """Returns the vector of each text, (hidden,) float32."""
        states = hidden.flatten(0, 1)
        if self.pooling == "cls":
            return list(states.index_select(0, batch.target_positions).float().cpu().numpy())
        text_of, pieces = pieces_of_targets(batch)
        means = mean_by_target(states.index_select(0, pieces), text_of, batch.target_lengths)
        return list(means.float().cpu().numpy())

    def answers(self, items: Sequence[Item], computed: Sequence[Sequence[Any]]) -> list[Answer]:
        """Returns the vectors, and of a pair their cosine similarity."""
        return [{**texts_of(item), **_answer(vectors)} for item, vectors in zip(items, computed, strict=True)]


def _answer(vectors: Sequence[Any]) -> Answer:
    answer: Answer = dict(zip(("embedding", "embedding_pair"), (v.tolist() for v in vectors), strict=False))
    if len(vectors) == 2:
        first, second = (vector.astype(np.float64) for vector in vectors)
        lengths = np.linalg.norm(first) * np.linalg.norm(second)
        answer["similarity"] = float(first @ second / lengths) if lengths else 0.0
    return answer
