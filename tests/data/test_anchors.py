"""Where examples stand in their documents: nothing is dropped, nothing is too long."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from clozelab.data.anchors import Filling, cut, last_within, sentence_ends, write_anchors
from clozelab.store.ragged import RaggedStore

Sentences = Sequence[Sequence[int]]
"""Of a document: the pieces of every word of every sentence."""
Parts = list[list[int]]

DOCUMENTS = st.lists(
    st.lists(st.lists(st.integers(1, 6), min_size=1, max_size=9), min_size=1, max_size=6), min_size=1, max_size=8
)


def begins(document: Sentences) -> list[int]:
    """Returns the marks of a document: 3 where a sentence begins, 1 where a word does."""
    words = [(number == 0, pieces) for sentence in document for number, pieces in enumerate(sentence)]
    return [mark for first, pieces in words for mark in (3 if first else 1, *[0] * (pieces - 1))]


def anchors(
    documents: Sequence[Sentences], chosen: Sequence[int] | None = None, *, length: int, join: bool = False,
    short: float = 0.0,
) -> tuple[list[list[int]], list[Parts], list[int]]:  # fmt: skip
    """Returns the marks of the documents, the parts of every example, and how much of each stayed free."""
    marks = [begins(document) for document in documents]
    with tempfile.TemporaryDirectory() as folder:
        RaggedStore.write(Path(folder) / "documents", {"begins": marks}, {})
        store = RaggedStore(Path(folder) / "documents")
        numbers = range(len(documents)) if chosen is None else chosen
        write_anchors(Path(folder) / "anchors", store, numbers, Filling(length=length, join=join, short=short))
        found = RaggedStore(Path(folder) / "anchors")
        parts = [found["parts"][i].reshape(-1, 3).tolist() for i in range(len(found["parts"]))]
        return marks, parts, found["free"].values.tolist()


@settings(max_examples=60, deadline=None)
@given(documents=DOCUMENTS, length=st.integers(2, 40), join=st.booleans(), short=st.sampled_from([0.0, 0.1, 0.5, 1.0]))
def test_the_parts_put_together_are_every_document(
    documents: list[Sentences], length: int, join: bool, short: float
) -> None:
    marks, examples, free = anchors(documents, length=length, join=join, short=short)
    assert len(free) == len(examples)
    parts = [part for example in examples for part in example]
    for place, mark in enumerate(marks):
        own = [(start, end) for number, start, end in parts if number == place]
        assert own[0][0] == 0
        assert own[-1][1] == len(mark)
        assert [start for start, _ in own[1:]] == [end for _, end in own[:-1]]
    assert [number for number, _, _ in parts] == sorted(number for number, _, _ in parts), "in order"


@settings(max_examples=60, deadline=None)
@given(documents=DOCUMENTS, length=st.integers(2, 40), join=st.booleans(), short=st.sampled_from([0.0, 0.5, 1.0]))
def test_no_example_is_empty_or_too_long_separators_included(
    documents: list[Sentences], length: int, join: bool, short: float
) -> None:
    _, examples, free = anchors(documents, length=length, join=join, short=short)
    for example, rest in zip(examples, free, strict=True):
        sizes = [end - start for _, start, end in example]
        assert min(sizes) > 0
        assert sum(sizes) + len(sizes) - 1 + rest <= length
        assert rest >= 0
        assert join or len(example) == 1, "without join an example is of one document"


@settings(max_examples=60, deadline=None)
@given(documents=DOCUMENTS, length=st.integers(2, 40))
def test_sentences_are_whole_and_words_too_unless_longer_than_an_example(
    documents: list[Sentences], length: int
) -> None:
    marks, examples, free = anchors(documents, length=length)
    for [[place, start, end]], rest in zip(examples, free, strict=True):
        mark = [*marks[place], 3]
        if end == len(mark) - 1:
            assert rest == 0
        elif mark[end] == 3:
            assert mark.index(3, end + 1) - end > rest, "the next sentence would have fitted"
            assert end - start + rest == length or 3 not in mark[start:end]
        else:
            assert rest == 0
            assert 3 not in mark[start + 1 : end], "only a sentence that no example can hold is cut"
            assert mark[end] == 1 or not any(mark[start + 1 : end]), "before a word, unless that is too long as well"


def test_documents_are_joined_and_a_separator_counts() -> None:
    documents = [[[1, 1, 1]], [[1, 1], [1, 1]], [[1] * 4]]
    _, examples, _ = anchors(documents, length=10, join=True)
    assert examples == [[[0, 0, 3], [1, 0, 4]], [[2, 0, 4]]]  # 3 + 1 + 4, and 1 + 4 more would be 13
    _, examples, _ = anchors(documents, length=13, join=True)
    assert examples == [[[0, 0, 3], [1, 0, 4], [2, 0, 4]]]
    _, examples, _ = anchors(documents, length=12, join=True)
    assert examples == [[[0, 0, 3], [1, 0, 4]], [[2, 0, 4]]]


def test_only_the_chosen_documents_are_read() -> None:
    documents = [[[1] * size] for size in (3, 4, 5, 6)]
    _, examples, _ = anchors(documents, [1, 3], length=20)
    assert examples == [[[0, 0, 4]], [[1, 0, 6]]]


def test_what_stays_free_is_what_the_next_sentence_was_too_long_for() -> None:
    _, examples, free = anchors([[[1] * 4, [1] * 3, [1] * 5, [1] * 9, [1] * 25]], length=10)
    assert [example[0][1:] for example in examples] == [[0, 7], [7, 12], [12, 21], [21, 31], [31, 41], [41, 46]]
    assert free == [3, 5, 1, 0, 0, 0]


def test_one_example_of_ten_is_filled_to_any_shorter_length_only() -> None:
    documents = [[[1]] * 64] * 3000  # sentences of a token: an example has the length it is meant to have
    _, examples, _ = anchors(documents, length=64, short=0.1)
    firsts = np.array([end for [[_, start, end]] in examples if start == 0])
    assert len(firsts) == 3000
    short = firsts[firsts < 64]
    # One in 63 of the drawn lengths is the full one.
    assert stats.binomtest(len(short), 3000, 0.1 * 62 / 63).pvalue > 0.001
    assert short.min() >= 2
    assert stats.kstest(short, stats.randint(2, 64).cdf).pvalue > 0.001


def test_places_are_the_same_every_time() -> None:
    documents = [[[1, 2, 1]] * 9] * 20
    assert anchors(documents, length=20, short=0.5) == anchors(documents, length=20, short=0.5)


def test_ends_of_sentences_and_cuts() -> None:
    marks = np.array([3, 0, 1, 3, 1, 0, 0], dtype=np.uint8)
    ends = sentence_ends(marks)
    assert ends.tolist() == [3, 7]
    assert [last_within(ends, 0, room) for room in (1, 2, 3, 6, 7, 99)] == [0, 0, 3, 3, 7, 7]
    assert last_within(ends, 3, 3) == 3
    assert cut(marks, 0, 2) == 2
    assert cut(marks, 4, 2) == 6, "inside a word that is too long"
    assert cut(marks, 4, 9) == 7
