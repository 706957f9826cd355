"""What a cell holds is read whatever way it is written, or refused with a short reason."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clozelab.data.cells import brief, list_in, spans_in, tag_in, text_in
from clozelab.data.spans import Span

TEXT = st.text(st.characters(codec="utf-8"), max_size=6)
WORDS = st.lists(TEXT, max_size=6)


@given(WORDS)
def test_a_list_is_the_same_as_list_as_json_and_as_python(words: list[str]) -> None:
    for cell in (words, json.dumps(words), json.dumps(words, ensure_ascii=False), repr(words), f" \n{words!r}\t"):
        assert list_in(cell, "tokens") == words


@given(
    st.lists(st.text(st.characters(codec="utf-8", exclude_characters=" \t\r\n"), min_size=1), min_size=1),
    st.sampled_from([" ", "\t", "  ", "\n", "\r\n"]),
)
def test_only_blanks_tabs_and_line_ends_part_words(words: list[str], blank: str) -> None:
    if not words[0].startswith("["):
        assert list_in(blank + blank.join(words) + blank, "tokens") == words
    assert list_in("10\u00a0000 a\u2028b", "tokens") == ["10\u00a0000", "a\u2028b"]


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1), min_size=1))
def test_a_list_as_numpy_writes_it_is_refused_or_read_but_never_one_long_word(words: list[str]) -> None:
    array = np.array(words)
    if len(words) > 1:
        with pytest.raises(ValueError, match=r"is a list without commas, as numpy writes one|is not a list"):
            list_in(str(array), "tokens")
    else:
        assert list_in(str(array), "tokens") == words


@pytest.mark.parametrize("cell", [str(np.array(["x"] * 2000)), "[3 0 7]", "['a'\n 'b']", "['a' 'b', 'c']", "['a''b']"])
def test_numbers_and_long_arrays_of_numpy_are_refused_too(cell: str) -> None:
    with pytest.raises(ValueError, match=r"tokens is (not a list|a list without commas)"):
        list_in(cell, "tokens")


@pytest.mark.parametrize(
    "words", [["a' 'b", 'c" "d'], ["''", '""'], ["", ""], ["'", "'"], ["['x' 'y']"], ["\\' '"], ["it's", 'a "b"']]
)
def test_quotes_and_blanks_inside_words_are_no_missing_comma(words: list[str]) -> None:
    assert list_in(repr(words), "tokens") == words


@pytest.mark.parametrize("cell", ['( " Reuters " )', "( 1 , 2 )", "('", '("Yes" said Ada )', "('a' , 'b')"])
def test_a_sentence_that_begins_with_a_bracket_is_no_tuple(cell: str) -> None:
    assert list_in(cell, "tokens") == cell.split()


@given(st.text(st.sampled_from("[](){}'\",\\ \n\rab1:#=-\0é"), max_size=20))
def test_whatever_the_text_it_is_a_list_or_refused_with_the_column(text: str) -> None:
    for cell in (text, f"[{text}]", f"['{text}']"):
        try:
            assert isinstance(list_in(cell, "tokens"), list)
        except ValueError as error:
            assert str(error).startswith("tokens is ")  # noqa: PT017


@pytest.mark.parametrize("cell", ["[" * 100_000, "[" + "-" * 100_000, "[" + "1" * 5000 + "]", "[{}, 'a'", "[1j"])
def test_a_cell_that_breaks_parsers_is_refused_with_a_short_message(cell: str) -> None:
    with pytest.raises(ValueError, match="tokens is not a list") as caught:
        list_in(cell, "tokens")
    assert len(str(caught.value)) < 150


@pytest.mark.parametrize("cell", [None, 5, 1.5, True, {"a": 1}, {"a": "x" * 10_000}, b"a b", ("a",)])
def test_what_is_no_list_is_refused(cell: Any) -> None:
    with pytest.raises(ValueError, match="tokens must be a list") as caught:
        list_in(cell, "tokens")
    assert len(str(caught.value)) < 150


@pytest.mark.parametrize("cell", [None, 1, ["a"], b"a", "a\0", "\ud800", "\udfffa"])
def test_what_is_no_text_or_cannot_be_written_down_is_refused(cell: Any) -> None:
    with pytest.raises(ValueError, match="tokens"):
        text_in(cell, "tokens")


@given(TEXT)
def test_every_other_text_is_text(text: str) -> None:
    if "\0" not in text:
        assert text_in(text, "tokens") == text


NAMES = ["O", "B-X", "1"]


@pytest.mark.parametrize(
    ("cell", "names", "tag"),
    [
        (0, NAMES, "O"), ("0", NAMES, "O"), (1, NAMES, "B-X"), ("1", NAMES, "1"), ("2", NAMES, "1"), (2, NAMES, "1"),
        ("B-X", NAMES, "B-X"), ("B-X", None, "B-X"), ("0", None, "0"), ("-DASH-", NAMES, "-DASH-"),
    ],
)  # fmt: skip
def test_a_tag_is_text_or_an_integer_that_has_a_name(cell: Any, names: list[str] | None, tag: str) -> None:
    assert tag_in(cell, "tags", names) == tag


@pytest.mark.parametrize(
    ("cell", "names", "reason"),
    [
        (0, None, "data.format.names"), (3, NAMES, "not among the 3"), (-1, NAMES, "not among"),
        ("-100", NAMES, "-100"), ("9", NAMES, "not among"), (True, NAMES, "True"), (1.0, NAMES, "1.0"),
        (None, NAMES, "None"), ("", None, "''"), (["O"], NAMES, "must be text or an integer"),
        ("O\0", None, "NUL"), ("\udc00", NAMES, "surrogate"), (10**3000, NAMES, "not among"),
        ("x" * 9999 + "\0", None, "NUL"),
    ],
)  # fmt: skip
def test_any_other_tag_is_refused_with_a_short_reason(cell: Any, names: list[str] | None, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as caught:
        tag_in(cell, "tags", names)
    assert len(str(caught.value)) < 150


def test_spans_are_lists_or_objects_also_as_text() -> None:
    expected = [Span(0, 3, "PER"), Span(4, 5, "A-B")]
    objects = [{"start": 0, "end": 3, "type": "PER"}, {"end": 5, "start": 4, "tag": "A-B", "id": 7}]
    lists = [[0, 3, "PER"], [4, 5, "A-B"]]
    for cell in (objects, lists, json.dumps(objects), repr(lists), repr([tuple(item) for item in lists])):
        assert spans_in(cell, "spans") == expected
    assert spans_in([], "spans") == spans_in("", "spans") == spans_in("[]", "spans") == []


@pytest.mark.parametrize(
    "item",
    [
        [0, 3], [0, 3, "X", 1], [0.0, 3, "X"], ["0", 3, "X"], [True, 3, "X"], [0, None, "X"], [0, 3, None], [0, 3, ""],
        [0, 3, "O"], [0, 3, "X\0"], {"start": 0, "label": "X"}, {"start_offset": 0, "end_offset": 3, "label": "X"},
        {"start": 0, "end": 3}, None, 7, "0 3 X", [0, 3, ["X"]], [0, 3, "X" * 9999 + "\0"],
    ],
)  # fmt: skip
def test_what_is_no_span_is_refused(item: Any) -> None:
    with pytest.raises(ValueError, match=r"span|NUL") as caught:
        spans_in([item], "spans")
    assert len(str(caught.value)) < 200


def test_a_message_shows_a_value_short() -> None:
    assert brief({"a": [1]}) == "{'a': [1]}"
    assert len(brief("x" * 10_000)) == len(brief(list(range(10_000)))) == 80
