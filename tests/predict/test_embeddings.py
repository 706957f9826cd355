"""Vectors of texts from hidden states that are known, and the cosine of the two of a pair."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from transformers import PreTrainedTokenizerFast

from clozelab.data.example import Example
from clozelab.errors import ConfigError
from clozelab.predict.embeddings import Embeddings
from clozelab.predict.item import Item
from clozelab.types import Batch

BatchOf = Callable[[Sequence[Example]], Batch]


@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_a_text_is_its_first_state_or_the_mean_of_its_own_states(
    tokenizer: PreTrainedTokenizerFast, batch_of: BatchOf, pooling: Any
) -> None:
    question = Embeddings(tokenizer=tokenizer, max_length=16, pooling=pooling)
    items = [Item(("met",), ""), Item(("saw a game", "left"), "")]
    asked = question.examples(items)
    examples = [example for own in asked if isinstance(own, list) for example in own]
    assert [len(example.input_ids) for example in examples] == [3, 5, 3], "a pair is two texts, read each alone"
    batch = batch_of(examples)
    hidden = torch.randn(*batch.input_ids.shape, 4)
    vectors = question.compute(hidden, batch)
    for number, vector in zip(batch.example_ids.tolist(), vectors, strict=True):
        row, column = batch.first_token[batch.example_ids.tolist().index(number)].tolist()
        states = hidden[row, column : column + len(examples[number].input_ids)]
        expected = states[0] if pooling == "cls" else states.mean(0)
        np.testing.assert_allclose(vector, expected.numpy(), atol=1e-6)


def test_a_pair_has_both_vectors_and_their_cosine(tokenizer: PreTrainedTokenizerFast) -> None:
    question = Embeddings(tokenizer=tokenizer, max_length=16, pooling="mean")
    vectors = [np.array([3.0, 4.0], np.float32), np.array([4.0, 3.0], np.float32), np.zeros(2, np.float32)]
    single, pair, none = question.answers(
        [Item(("a",), ""), Item(("a", "b"), ""), Item(("a", "b"), "")],
        [vectors[:1], vectors[:2], [vectors[0], vectors[2]]],
    )
    assert single == {"text": "a", "embedding": [3.0, 4.0]}
    assert pair["embedding_pair"] == [4.0, 3.0]
    assert pair["similarity"] == pytest.approx(24 / 25)
    assert none["similarity"] == 0.0, "a vector without a direction is like no other"
    table = pa.Table.from_pylist([single, pair, none], schema=question.schema)
    assert table.column("similarity").to_pylist() == [None, pytest.approx(24 / 25), 0.0]


def test_there_are_two_poolings(tokenizer: PreTrainedTokenizerFast) -> None:
    with pytest.raises(ConfigError, match="embed='max': must be one of cls, mean"):
        Embeddings(tokenizer=tokenizer, max_length=16, pooling="max")  # type: ignore[arg-type]
