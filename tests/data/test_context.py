"""Document context: the nearest whole words of the same document, and never more than there is room for."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from clozelab.data.alignment import windows
from clozelab.data.context import fit_context, surroundings

CLS, SEP = [-1], [-2]
PATIENT = {"deadline": None}


@st.composite
def corpora(draw: st.DrawFn) -> tuple[list[list[list[int]]], list[int]]:
    """Draws sentences and their documents; piece j of word i of sentence s is a number that no other has."""
    sentences, documents, number = [], [], 0
    for s in range(draw(st.integers(1, 6))):
        lengths = draw(st.lists(st.integers(1, 4), min_size=1, max_size=5))
        sentences.append([[10_000 * s + 100 * i + j for j in range(length)] for i, length in enumerate(lengths)])
        number += draw(st.booleans()) and s > 0
        documents.append(number)
    return sentences, documents


def nearest(words: list[list[int]], most: int) -> list[list[int]]:
    """Returns the longest beginning of `words` with at most so many pieces."""
    return max((words[:n] for n in range(len(words) + 1) if sum(map(len, words[:n])) <= most), key=len)


@settings(max_examples=300, **PATIENT)
@given(corpora(), st.integers(0, 20))
def test_neighbours_are_the_nearest_whole_words_of_the_same_document(
    corpus: tuple[list[list[list[int]]], list[int]], most: int
) -> None:
    sentences, documents = corpus
    found = list(surroundings(sentences, documents, most))
    assert len(found) == len(sentences)
    for number, (before, after) in enumerate(found):
        same = [i for i in range(len(sentences)) if documents[i] == documents[number]]
        left = [word for i in same if i < number for word in sentences[i]]
        right = [word for i in same if i > number for word in sentences[i]]
        assert list(before) == nearest(left[::-1], most)[::-1]
        assert list(after) == nearest(right, most)


@settings(max_examples=300, **PATIENT)
@given(corpora(), st.integers(0, 12), st.integers(0, 24))
def test_what_finds_room_is_nearest_and_no_room_is_left_that_a_whole_word_could_take(
    corpus: tuple[list[list[list[int]]], list[int]], most: int, room: int
) -> None:
    sentences, documents = corpus
    for before, after in surroundings(sentences, documents, most):
        left, right = fit_context(before, after, room)
        assert len(left) + len(right) <= room
        flat_before = [piece for word in before for piece in word]
        flat_after = [piece for word in after for piece in word]
        assert left == flat_before[len(flat_before) - len(left) :]
        assert right == flat_after[: len(right)]
        if len(right) < len(flat_after):  # then the next word behind does not fit
            rest = next(word for i, word in enumerate(after) if sum(map(len, after[:i])) == len(right))
            assert len(left) + len(right) + len(rest) > room
        if len(left) < len(flat_before):  # nor does the next one before
            rest = next(w for i, w in enumerate(before) if sum(map(len, before[i + 1 :])) == len(left))
            assert len(left) + len(right) + len(rest) > room
        assert len(left) >= sum(map(len, nearest(list(before)[::-1], room // 2))), "one side never takes all"
        if len(flat_before) + len(flat_after) <= room:
            assert (left, right) == (flat_before, flat_after)


@settings(max_examples=300, **PATIENT)
@given(corpora(), st.integers(0, 12), st.integers(3, 16))
def test_a_window_with_context_still_has_every_word_once_where_it_says(
    corpus: tuple[list[list[list[int]]], list[int]], most: int, capacity: int
) -> None:
    sentences, documents = corpus
    around = surroundings(sentences, documents, most)
    for sentence, (before, after) in zip(sentences, around, strict=True):
        counts = Counter[str]()
        found = windows(
            sentence, CLS, SEP, max_length=capacity + 2, overlap=1, counts=counts, before=before, after=after
        )
        owned = []
        for window in found:
            assert len(window.input_ids) <= capacity + 2
            assert (window.input_ids[:1], window.input_ids[-1:]) == (CLS, SEP)
            for offset, (place, length) in enumerate(zip(window.positions, window.lengths, strict=True)):
                word = sentence[window.first_word + offset][:capacity]
                assert window.input_ids[place : place + length] == word
                owned.append(window.first_word + offset)
        assert owned == list(range(len(sentence)))
        bare = windows(sentence, CLS, SEP, max_length=capacity + 2, overlap=1, counts=Counter())
        assert [w.first_word for w in found] == [w.first_word for w in bare], "context moves no word to another window"


def test_a_long_sentence_has_context_at_its_two_ends_only() -> None:
    sentence = [[i] for i in range(19)]
    found = windows(
        sentence, CLS, SEP, max_length=10, overlap=2, counts=Counter(), before=[[100], [101]], after=[[200], [201]]
    )
    assert len(found) == 3
    assert 101 not in found[0].input_ids, "the first window is full"
    assert found[-1].input_ids[-2] in (200, 201), "the last one has room"
    assert not {100, 101, 200, 201} & set(found[1].input_ids)


def test_one_side_takes_what_the_other_leaves() -> None:
    assert fit_context([[1], [2], [3]], [[4]], 4) == ([1, 2, 3], [4])
    assert fit_context([[1]], [[4], [5], [6]], 4) == ([1], [4, 5, 6])
    assert fit_context([[1], [2], [3]], [[4], [5], [6]], 4) == ([2, 3], [4, 5])
    assert fit_context([[1, 1, 1]], [[2]], 2) == ([], [2])
    assert fit_context([[1], [2], [3]], [[4] * 9], 4) == ([1, 2, 3], []), "also what no whole word could fill"
