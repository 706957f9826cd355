"""From character spans to one tag a word: exact where borders agree, counted where they do not."""

import itertools
import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clozelab.data.spans import Span, tags_of, words_of
from clozelab.errors import DataError
from clozelab.metrics.decoding import legal_transitions

TEXT = st.text(st.sampled_from("ab é. \t\u0301\u200dक्京_"), min_size=1, max_size=30).filter(lambda t: words_of(t) != [])
LABELS = ["O", "B-X", "I-X", "B-Y", "I-Y"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Ada met Grace.", ["Ada", "met", "Grace", "."]),
        ("U.S.-based", ["U", ".", "S", ".", "-", "based"]),
        ("10,000 naïve e\u0301t", ["10", ",", "000", "naïve", "e\u0301t"]),
        ("हिन्दी", ["हिन्दी"]),
        ("x_y @a__b", ["x", "_", "y", "@", "a", "_", "_", "b"]),
        ("北京は7月。", ["北", "京", "は7", "月", "。"]),
        (" \n\t\u00a0", []),
        ("", []),
    ],
)
def test_words_are_runs_of_letters_marks_and_digits_and_single_others(text: str, words: list[str]) -> None:
    assert [text[start:end] for start, end in words_of(text)] == words


@given(st.text(max_size=40))
def test_words_stand_in_order_and_leave_out_white_space_only(text: str) -> None:
    places = words_of(text)
    assert all(a < b for a, b in places)
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(places))
    inside = {i for start, end in places for i in range(start, end)}
    assert all(text[i].isspace() for i in range(len(text)) if i not in inside)


@given(TEXT, st.data())
def test_spans_on_word_borders_come_back_exactly(text: str, data: st.DataObject) -> None:
    words = words_of(text)
    spans, place = [], 0
    while place < len(words):
        length = data.draw(st.integers(1, 3))
        last = min(place + length, len(words))
        if label := data.draw(st.sampled_from(["", "X", "Y"])):
            spans.append(Span(words[place][0], words[last - 1][1], label))
        place = last
    counts = Counter[str]()
    tags = tags_of(text, words, data.draw(st.permutations(spans)), counts)
    assert not +counts
    found = []
    for (start, end), tag in zip(words, tags, strict=True):
        if tag.startswith("B-"):
            found.append(Span(start, end, tag[2:]))
        elif tag.startswith("I-"):
            found[-1] = Span(found[-1].start, end, tag[2:])
    assert found == spans


@given(TEXT, st.data())
def test_whatever_the_spans_tags_are_legal_and_all_that_was_changed_is_counted(text: str, data: st.DataObject) -> None:
    words = words_of(text)
    pairs = st.tuples(st.integers(0, len(text)), st.integers(0, len(text)), st.sampled_from("XY"))
    spans = [Span(min(a, b), max(a, b), label) for a, b, label in data.draw(st.lists(pairs, max_size=6))]
    spans = [s for s in spans if any(start < s.end and end > s.start for start, end in words) and s.start < s.end]
    counts = Counter[str]()
    tags = tags_of(text, words, spans, counts)
    begins, follows = legal_transitions(LABELS)
    ids = [LABELS.index(tag) for tag in tags]
    assert begins[ids[0]]
    assert all(follows[a, b] for a, b in itertools.pairwise(ids))
    kept = sum(tag.startswith("B-") for tag in tags)
    assert kept + counts["spans_dropped"] == len(spans)
    assert counts["spans_widened"] <= kept


def test_a_span_inside_a_word_takes_the_whole_word() -> None:
    counts = Counter[str]()
    assert tags_of("unhappy Ada", words_of("unhappy Ada"), [Span(2, 9, "X")], counts) == ["B-X", "I-X"]
    assert counts == {"spans_widened": 1}


def test_of_overlapping_spans_the_longest_stays_and_of_equals_the_first() -> None:
    counts = Counter[str]()
    spans = [Span(2, 3, "IN"), Span(0, 3, "OUT"), Span(4, 5, "ONE"), Span(4, 5, "TWO")]
    assert tags_of("a b c", words_of("a b c"), spans, counts) == ["B-OUT", "I-OUT", "B-ONE"]
    assert counts["spans_dropped"] == 2


@pytest.mark.parametrize("span", [Span(0, 9, "X"), Span(-1, 2, "X"), Span(2, 2, "X"), Span(3, 1, "X"), Span(1, 2, "X")])
def test_a_span_outside_the_text_or_without_a_word_is_an_error(span: Span) -> None:
    with pytest.raises(DataError, match=rf"span {span.start}-{span.end} \(X\)"):
        tags_of("a b", words_of("a b"), [span], Counter())


@given(TEXT, st.data())
def test_a_span_alone_takes_exactly_the_words_that_share_a_character_with_it(text: str, data: st.DataObject) -> None:
    words = words_of(text)
    start = data.draw(st.integers(0, len(text) - 1))
    span = Span(start, data.draw(st.integers(start + 1, len(text))), "X")
    touched = [bool(set(range(a, b)) & set(range(span.start, span.end))) for a, b in words]
    counts = Counter[str]()
    if not any(touched):
        with pytest.raises(DataError, match="holds no word"):
            tags_of(text, words, [span], counts)
        return
    tags = tags_of(text, words, [span], counts)
    assert [tag != "O" for tag in tags] == touched
    assert [tag for tag in tags if tag != "O"] == ["B-X"] + ["I-X"] * (sum(touched) - 1)
    covered = {i for (a, b), own in zip(words, touched, strict=True) if own for i in range(a, b)}
    assert counts["spans_widened"] == bool(covered - set(range(span.start, span.end)))


def test_a_document_of_many_words_and_spans_takes_no_time_to_speak_of() -> None:
    text = "Ada met " * 50_000
    words = words_of(text)
    spans = [Span(start, end, "X") for start, end in words[::2]]
    start = time.perf_counter()
    assert tags_of(text, words, spans, Counter()) == ["B-X", "O"] * 50_000
    assert time.perf_counter() - start < 20, "every span looks at every word"
