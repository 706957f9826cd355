"""Repeated sentences are counted as a slow look at every pair counts them."""

import logging

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clozelab.data.repeats import count_repeats, fingerprint, warn_of_leakage

SENTENCES = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["O", "B-X"])), max_size=12)


@given(SENTENCES)
def test_counts_are_those_of_a_look_at_every_earlier_sentence(sentences: list[tuple[str, str]]) -> None:
    repeated = conflicting = 0
    for i, (word, tag) in enumerate(sentences):
        earlier = [t for w, t in sentences[:i] if w == word]
        repeated += bool(earlier)
        conflicting += bool(earlier) and earlier[0] != tag
    found = count_repeats([fingerprint(word) for word, _ in sentences], [[tag] for _, tag in sentences])
    assert found == {"sentences_repeated": repeated, "sentences_repeated_with_other_tags": conflicting}


def test_a_fingerprint_knows_where_words_end_and_is_the_same_in_every_process() -> None:
    assert fingerprint("ab", "c") != fingerprint("a", "bc") != fingerprint("abc")
    assert -(2**63) <= fingerprint("x") < 2**63


@given(st.lists(st.lists(st.integers(-3, 3), max_size=9), min_size=3, max_size=3))
def test_leakage_is_counted_from_every_split_into_every_later_one(splits: list[list[int]]) -> None:
    names = ("train", "validation", "test")
    arrays = {name: np.array(values, dtype=np.int64) for name, values in zip(names, splits, strict=True)}
    train, validation, test = splits
    assert warn_of_leakage(arrays, "texts") == {
        "train": {},
        "validation": {"train": sum(value in train for value in validation)},
        "test": {"train": sum(v in train for v in test), "validation": sum(v in validation for v in test)},
    }


def test_no_leakage_is_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        warn_of_leakage({"train": np.array([1]), "test": np.array([2])}, "texts")
    assert caplog.text == ""
