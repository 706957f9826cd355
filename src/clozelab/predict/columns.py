"""Which columns of a file hold the texts: those that are named, else those of the run's own files, else usual names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from clozelab.data import labelled, records
from clozelab.data.cells import list_in
from clozelab.errors import DataError, did_you_mean
from clozelab.predict.item import Item, make_item

if TYPE_CHECKING:  # whoever only asks for help imports this module
    from clozelab.predict.question import Question

GUESSES = {"words": records.GUESSES["words"], "text": labelled.GUESSES["text"], "pair": labelled.GUESSES["pair"]}
"""Usual names of columns, tried in this order."""

SEPARATORS = (";", "\t", "|")
"""What stands between columns in csv of other countries and programs, and in no column's name."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Where a row has its text.

    Attributes:
        named: what was named on the command line, by role: `text`, `pair`, `words`.
        own: what the run's configuration named for its own files, likewise: taken where a file has it.
    """

    named: Mapping[str, str] = field(default_factory=dict)
    own: Mapping[str, str] = field(default_factory=dict)

    def find(self, row: Mapping[str, Any], place: str, question: Question) -> dict[str, str]:
        """Returns the column of each role that is to be read.

        Args:
            row: the first one.
            place: of it, for messages.
            question: says whether words or pairs are wanted.

        Raises:
            DataError: if a column is not there, or none that could hold a text.
        """
        found: dict[str, str] = {}
        for role, name in self.named.items():
            if name not in row:
                raise DataError(f"{place}: no column {name!r}.{did_you_mean(name, map(str, row))} {_listed(row)}")
            found[role] = name
        if "words" in found or (question.takes_words and "text" not in found and self._guess("words", row, found)):
            return found
        if "text" not in found and not self._guess("text", row, found):
            raise DataError(f"{place}: which column holds the text? --text-column says it. {_listed(row)}")
        if question.pairs != "never" and "pair" not in found:
            self._guess("pair", row, found)
        if question.pairs == "always" and "pair" not in found:
            raise DataError(f"{place}: which column holds the second text? --pair-column says it. {_listed(row)}")
        return found

    def _guess(self, role: str, row: Mapping[str, Any], found: dict[str, str]) -> bool:
        names = (self.own.get(role), *GUESSES[role])
        guess = next((name for name in names if name in row and name not in found.values()), None)
        if guess is not None:
            found[role] = guess
        return guess is not None


def item_of(row: Mapping[str, Any], columns: Mapping[str, str], place: str, line: int) -> Item | DataError:
    """Returns the item in a row, or what is wrong with it.

    Args:
        row: of the file.
        columns: from `Columns.find`.
        place: for messages.
        line: of the file.
    """
    if missing := [name for name in columns.values() if name not in row]:
        return DataError(f"{place}: no column {missing[0]!r}. {_listed(row)}")
    try:
        words = list_in(row[columns["words"]], columns["words"]) if "words" in columns else None
    except ValueError as error:
        return DataError(f"{place}: {error}")
    segments = tuple(row[columns[role]] for role in ("text", "pair") if role in columns)
    return make_item(segments, words, place, line=line)


def _listed(row: Mapping[str, Any]) -> str:
    parts = next((sign for sign in SEPARATORS if any(sign in str(name) for name in row)), None)
    hint = f" (if {parts!r} is between them: --separator)" if parts else ""
    return f"Columns: {', '.join(map(str, row))}{hint}"
