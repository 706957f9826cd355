"""Sentences from files with named columns: lists of words and tags, a text with character spans, or a word a row."""

import ast
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, final

from clozelab.data.rows import KINDS, Kind, label_names, read_rows
from clozelab.data.spans import Span, tags_of, words_of
from clozelab.errors import DataError, did_you_mean, require
from clozelab.types import Sentence

GUESSES = {
    "words": ("tokens", "words"),
    "labels": ("ner_tags", "tags", "labels"),
    "text": ("text", "sentence"),
    "spans": ("spans", "entities", "label", "labels"),
}
"""Usual names of columns, tried in this order where the configuration names none."""


@final
class Records:
    """Reads JSON Lines, csv, tsv or Parquet. What is not named is guessed from the first row: see `GUESSES`.

    Args:
        kind: of the file: `jsonl`, `csv`, `tsv` or `parquet`.
        words: column of the words: a list (in csv and tsv a JSON or Python list, or words with blanks between them),
            or with `sentence` a single word.
        labels: column of the tags, likewise; integers need names.
        text: column of a text, instead of words.
        spans: column of its entities: `[start, end, label]` or objects with these keys, in characters, end excluded.
        sentence: column that says which sentence a word belongs to, in files with one word a row; where it is empty,
            as the row before.
        document: column that says which document a sentence belongs to; None takes the file as one.
        names: of the labels, if tags are integers; None takes those that a Parquet file from the hub holds.
        separator: of csv and tsv; None is a comma or a tab.
    """

    def __init__(
        self,
        *,
        kind: Kind,
        words: str | None = None,
        labels: str | None = None,
        text: str | None = None,
        spans: str | None = None,
        sentence: str | None = None,
        document: str | None = None,
        names: list[str] | None = None,
        separator: str | None = None,
    ) -> None:
        require("kind", kind, kind in KINDS, f"one of {', '.join(KINDS)}")
        require("text", text, text is None or (words is None and sentence is None), "null where words are named")
        require("spans", spans, spans is None or words is None, "null where words are named")
        require("separator", separator, separator is None or len(separator) == 1, "null or one character")
        require("names", names, names is None or len(set(names)) == len(names) > 0, "null or distinct names")
        self.kind: Kind = kind
        self.words = words
        self.labels = labels
        self.text = text
        self.spans = spans
        self.sentence = sentence
        self.document = document
        self.names = names
        self.separator = separator

    def read(self, path: Path, counts: Counter[str]) -> Iterator[Sentence]:
        """Yields the sentences of a file; see `types.Format`. Rows without a word are counted and skipped.

        Raises:
            DataError: naming file, line and reason.
        """
        rows = read_rows(path, self.kind, self.separator)
        first = next(rows, None)
        if first is None:
            return
        columns = self._columns(first[1], f"{path}:{first[0]}")
        names = self.names
        if names is None and self.kind == "parquet" and "labels" in columns:
            names = label_names(path, columns["labels"])
        documents: dict[Any, int] = {}
        for number, row in _grouped(_chain(first, rows), self.sentence, columns):
            where = f"{path}:{number}"
            _check_columns(row, {*columns.values(), *filter(None, [self.document])}, where)
            words, tags = self._words_and_tags(row, columns, names, where, counts)
            if not words:
                counts["sentences_empty"] += 1
                continue
            document = row[self.document] if self.document else None
            key = json.dumps(document, default=str)
            yield Sentence(
                tuple(words), tuple(tags), documents.setdefault(key, len(documents)), number, self.sentence is not None
            )

    def _columns(self, row: Mapping[str, Any], where: str) -> dict[str, str]:
        """Returns the names of the columns to read: `words` and `labels`, or `text` and `spans`."""
        given = {"words": self.words, "labels": self.labels, "text": self.text, "spans": self.spans}
        found = {role: given[role] or next((n for n in GUESSES[role] if n in row), None) for role in GUESSES}
        wants_text = self.text is not None or self.spans is not None or found["words"] is None
        pair = ("text", "spans") if wants_text and (found["text"] or self.spans) else ("words", "labels")
        for role in pair:
            if found[role] is None:
                what = {"words": "words (or a text, data.format.text)", "labels": "tags"}.get(role, role)
                there = ", ".join(map(str, row)) or "none"
                raise DataError(f"{where}: which column holds {what}? data.format.{role} says it. Columns: {there}")
        return {role: str(found[role]) for role in pair}

    def _words_and_tags(
        self, row: Mapping[str, Any], columns: Mapping[str, str], names: Sequence[str] | None, where: str,
        counts: Counter[str],
    ) -> tuple[list[str], list[str]]:  # fmt: skip
        try:
            if "text" in columns:
                text = _text(row[columns["text"]], columns["text"])
                places = words_of(text)
                tags = tags_of(text, places, _spans(row[columns["spans"]]), counts)
                return [text[start:end] for start, end in places], tags
            words = [_text(word, columns["words"]) for word in _list(row[columns["words"]])]
            tags = [_tag(tag, names) for tag in _list(row[columns["labels"]])]
        except (DataError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{where}: {_reason(error)}") from error
        if len(words) != len(tags):
            raise DataError(f"{where}: {len(words)} words but {len(tags)} tags")
        return words, tags


def _chain(first: tuple[int, Mapping[str, Any]], rest: Iterator[tuple[int, Mapping[str, Any]]]) -> Any:
    yield first
    yield from rest


def _grouped(
    rows: Iterator[tuple[int, Mapping[str, Any]]], sentence: str | None, columns: Mapping[str, str]
) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yields the rows as they are, or the words of each sentence put together in one."""
    if sentence is None:
        yield from rows
        return
    number, current = 0, None
    group: dict[str, Any] = {}
    for line, row in rows:
        key = row.get(sentence)
        if not group or (key not in (None, "") and key != current):
            if group:
                yield number, group
            number, current = line, key
            group = {**row, **{name: [] for name in columns.values()}}
        for name in columns.values():
            group[name].append(row.get(name))
    if group:
        yield number, group


def _check_columns(row: Mapping[str, Any], needed: set[str], where: str) -> None:
    """Refuses a row that lacks a column.

    Raises:
        DataError: naming it.
    """
    for name in sorted(needed):
        if name not in row:
            hint = did_you_mean(name, map(str, row))
            raise DataError(f"{where}: no column {name!r}.{hint} Columns: {', '.join(map(str, row))}")


def _list(cell: Any) -> list[Any]:
    """Returns the list in a cell: one, one that was written as text, or words with blanks between them."""
    if isinstance(cell, list):
        return cell
    if not isinstance(cell, str):
        raise ValueError(f"must be a list, is {cell!r}")
    if not cell.startswith("["):
        return cell.split()
    try:
        value = json.loads(cell)
    except json.JSONDecodeError:
        try:
            value = ast.literal_eval(cell)  # as pandas writes a list into csv
        except (SyntaxError, ValueError) as error:
            raise ValueError(f"not a list: {cell[:80]!r}") from error
    if not isinstance(value, list):
        raise ValueError(f"not a list: {cell[:80]!r}")
    return value


def _text(value: Any, column: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{column} must be text, is {value!r}")
    if "\0" in value:
        raise ValueError(f"NUL character in {column}")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise ValueError(f"half of a surrogate pair in {column}")
    return value


def _tag(tag: Any, names: Sequence[str] | None) -> str:
    if isinstance(tag, str) and tag:
        return tag
    if isinstance(tag, bool) or not isinstance(tag, int):
        raise ValueError(f"a tag must be text or an integer, is {tag!r}")
    if names is None:
        raise ValueError(f"tag {tag} is an integer; data.format.names says what the integers mean")
    if not 0 <= tag < len(names):
        raise ValueError(f"tag {tag} is not among the {len(names)} label names")
    return names[tag]


def _spans(cell: Any) -> list[Span]:
    found = []
    for item in _list(cell):
        if isinstance(item, Mapping):
            label = next((item[key] for key in ("label", "type", "tag") if key in item), None)
            values = (item["start"], item["end"], label)
        else:
            values = tuple(item) if isinstance(item, list | tuple) and len(item) == 3 else (None, None, None)
        start, end, label = values
        if type(start) is not int or type(end) is not int or not isinstance(label, str) or label in ("", "O"):
            raise ValueError(f"a span must be start, end, label, is {item!r}")
        found.append(Span(start, end, label))
    return found


def _reason(error: Exception) -> str:
    return f"missing {error}" if isinstance(error, KeyError) else str(error)
