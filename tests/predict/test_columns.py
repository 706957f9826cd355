"""Which column holds a text: what is named, then what the run's own files had, then a usual name; else it is asked."""

from types import SimpleNamespace
from typing import Any

import pytest

from clozelab.errors import DataError
from clozelab.predict.columns import Columns, item_of


def question(pairs: str = "never", *, words: bool = False) -> Any:
    return SimpleNamespace(pairs=pairs, takes_words=words)


@pytest.mark.parametrize(
    ("columns", "asked", "row", "found"),
    [
        (Columns(), question(), ["id", "sentence", "text"], {"text": "text"}),
        (Columns(own={"text": "id"}), question(), ["id", "text"], {"text": "id"}),
        (Columns(own={"text": "gone"}), question(), ["id", "text"], {"text": "text"}),
        (Columns({"text": "id"}, {"text": "text"}), question(), ["id", "text"], {"text": "id"}),
        (Columns({"text": "a", "pair": "b"}), question("always"), ["b", "a"], {"text": "a", "pair": "b"}),
        (Columns(), question("maybe"), ["sentence1", "sentence2"], {"text": "sentence1", "pair": "sentence2"}),
        (Columns(), question("maybe"), ["text", "id"], {"text": "text"}),
        (Columns(), question("never"), ["sentence1", "sentence2"], {"text": "sentence1"}),
        (Columns(), question(words=True), ["tokens", "text"], {"words": "tokens"}),
        (Columns({"text": "text"}), question(words=True), ["tokens", "text"], {"text": "text"}),
        (Columns({"words": "text"}), question(words=True), ["tokens", "text"], {"words": "text"}),
    ],
)
def test_a_named_column_comes_first_then_the_runs_own_then_a_usual_name(
    columns: Columns, asked: Any, row: list[str], found: dict[str, str]
) -> None:
    assert columns.find(dict.fromkeys(row, "x"), "a.csv:2", asked) == found


@pytest.mark.parametrize(
    ("columns", "asked", "row", "message"),
    [
        (Columns(), question(), ["id", "n"], "a.csv:2: which column holds the text? --text-column says it. "
                                             "Columns: id, n"),
        (Columns(), question("always"), ["text"], "a.csv:2: which column holds the second text? --pair-column says it"),
        (Columns({"text": "txet"}), question(), ["text"], "a.csv:2: no column 'txet'. Did you mean 'text'?"),
        (Columns(), question(), ["text;label"], "Columns: text;label (if ';' is between them: --separator)"),
    ],
)  # fmt: skip
def test_what_cannot_be_found_is_asked_for_with_the_option_that_says_it(
    columns: Columns, asked: Any, row: list[str], message: str
) -> None:
    with pytest.raises(DataError) as error:
        columns.find(dict.fromkeys(row, "x"), "a.csv:2", asked)
    assert str(error.value).startswith("a.csv:2: ")
    assert message in str(error.value)


def test_a_row_becomes_an_item_with_its_line() -> None:
    item = item_of({"a": "met", "b": "saw"}, {"text": "a", "pair": "b"}, "a.csv:7", 7)
    assert not isinstance(item, DataError)
    assert (item.segments, item.line) == (("met", "saw"), 7)
    item = item_of({"w": '["New", "York"]'}, {"words": "w"}, "a.csv:7", 7)
    assert not isinstance(item, DataError)
    assert (item.segments, item.words) == (("New York",), ("New", "York"))


@pytest.mark.parametrize(
    ("row", "columns", "message"),
    [
        ({"b": "met"}, {"text": "a"}, "a.csv:7: no column 'a'. Columns: b"),
        ({"a": None}, {"text": "a"}, "a.csv:7: the text must be text, is None"),
        ({"w": 3}, {"words": "w"}, "a.csv:7: w must be a list, is 3"),
        ({"w": "[1, 2]"}, {"words": "w"}, "a.csv:7: a word must be text, is 1"),
    ],
)
def test_a_row_without_a_text_is_an_error_in_its_place(
    row: dict[str, Any], columns: dict[str, str], message: str
) -> None:
    found = item_of(row, columns, "a.csv:7", 7)
    assert isinstance(found, DataError)
    assert str(found).startswith(message)
