"""What may be asked, and what is wrong with the rest."""

from typing import Any

import pytest

from clozelab.errors import DataError
from clozelab.predict.item import Item, items_in, make_item


@pytest.mark.parametrize(
    ("value", "segments", "words"),
    [
        ("met", ("met",), None),
        (("met", "saw"), ("met", "saw"), None),
        (("met", ""), ("met", ""), None),
        (["New", "York"], ("New York",), ("New", "York")),
        ({"text": "met"}, ("met",), None),
        ({"text_pair": "saw", "text": "met"}, ("met", "saw"), None),
    ],
)
def test_texts_pairs_words_and_what_pipelines_take(
    value: Any, segments: tuple[str, ...], words: tuple[str, ...] | None
) -> None:
    (item,) = items_in([value])
    assert isinstance(item, Item)
    assert (item.segments, item.words, item.place) == (segments, words, "item 1")
    assert item.is_pair == (len(segments) == 2)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("", "item 1: the text is empty"),
        (" \t\u00a0\n", "item 1: the text is empty"),
        (("", " "), "item 1: the text is empty"),
        (None, "item 1: the text must be text, is None"),
        (("a", 3), "item 1: the text must be text, is 3"),
        (("a", "b", "c"), "item 1: the text must be text, is ('a', 'b', 'c')"),
        (b"met", "item 1: the text must be text, is b'met'"),
        ("a\0b", "item 1: NUL character in the text"),
        ("\ud800", "item 1: half of a surrogate pair in the text"),
        ([], "item 1: no words"),
        (["a", "\u3000"], "item 1: an empty word in"),
        (["a", ["b"]], "item 1: a word must be text, is ['b']"),
        ({"txt": "a"}, "item 1: the text must be text, is {'txt': 'a'}"),
        ({"text": "a", "label": 1}, "item 1: the text must be text, is {'text': 'a', 'label': 1}"),
    ],
)
def test_anything_else_is_an_error_with_its_number(value: Any, message: str) -> None:
    (error,) = items_in([value])
    assert isinstance(error, DataError)
    assert str(error).startswith(message)


def test_one_text_is_no_list_of_texts() -> None:
    with pytest.raises(DataError, match=r"a list of texts is needed, not one text: \['met'\]"):
        list(items_in("met"))


def test_items_are_made_one_by_one() -> None:
    taken = []

    def endless() -> Any:
        while True:
            taken.append("met")
            yield taken[-1]

    items = items_in(endless())
    next(items)
    next(items)
    assert len(taken) == 2


def test_line_and_document_go_along() -> None:
    item = make_item((), ["a"], "a.conll:3", line=3, document=7)
    assert isinstance(item, Item)
    assert (item.line, item.document, item.place) == (3, 7, "a.conll:3")
