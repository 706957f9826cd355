"""The class of a text from log-probabilities, or its number; a pair's two texts stand in the answer."""

import math
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from transformers import PreTrainedTokenizerFast

from clozelab.predict.classes import Classes
from clozelab.predict.item import Item
from clozelab.predict.question import Pairs
from clozelab.types import NUMBER


def classes(tokenizer: PreTrainedTokenizerFast, labels: tuple[str, ...], pairs: Pairs = "never") -> Classes:
    task: Any = SimpleNamespace(spec=SimpleNamespace(labels=labels, numbers=labels == NUMBER))
    return Classes(task=task, tokenizer=tokenizer, max_length=16, pairs=pairs)


def test_the_likeliest_label_is_the_answer_with_the_probability_of_each(tokenizer: PreTrainedTokenizerFast) -> None:
    question = classes(tokenizer, ("ham", "spam"))
    (answer,) = question.answers([Item(("met",), "text 1")], [[[math.log(0.25), math.log(0.75)]]])
    assert answer["text"] == "met"
    assert answer["label"] == "spam"
    assert answer["score"] == pytest.approx(0.75)
    assert answer["scores"] == pytest.approx({"ham": 0.25, "spam": 0.75})


def test_the_first_of_equally_likely_labels_is_taken(tokenizer: PreTrainedTokenizerFast) -> None:
    (answer,) = classes(tokenizer, ("b", "a")).answers([Item(("met",), "")], [[[math.log(0.5)] * 2]])
    assert answer["label"] == "b"


def test_a_number_is_the_number_itself(tokenizer: PreTrainedTokenizerFast) -> None:
    question = classes(tokenizer, NUMBER, pairs="always")
    (answer,) = question.answers([Item(("met", "saw"), "")], [[[-3.5]]])
    assert answer == {"text": "met", "text_pair": "saw", "value": -3.5}


@pytest.mark.parametrize(
    ("labels", "pairs", "names"),
    [
        (("ham", "spam"), "never", ["text", "label", "score", "scores"]),
        (("ham", "spam"), "maybe", ["text", "text_pair", "label", "score", "scores"]),
        (NUMBER, "always", ["text", "text_pair", "value"]),
    ],
)
def test_the_columns_of_a_file_are_those_of_the_answers(
    tokenizer: PreTrainedTokenizerFast, labels: tuple[str, ...], pairs: Pairs, names: list[str]
) -> None:
    question = classes(tokenizer, labels, pairs)
    assert question.schema.names == names
    segments = ("met",) if pairs == "never" else ("met", "saw")
    answers = question.answers([Item(segments, "")], [[[0.0] * len(labels)]])
    assert pa.Table.from_pylist(answers, schema=question.schema).to_pylist() == answers


def test_a_text_is_one_sequence_and_one_target(tokenizer: PreTrainedTokenizerFast) -> None:
    question = classes(tokenizer, ("ham", "spam"), pairs="maybe")
    (single,), (pair,) = question.examples([Item(("met",), ""), Item(("met", "saw"), "")])
    assert len(single.input_ids) == single.second_segment == 3
    assert (len(pair.input_ids), pair.second_segment) == (5, 3)
    assert pair.positions.tolist() == [0]
    assert pair.lengths.tolist() == [5]
