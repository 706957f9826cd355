"""Sentences from files with named columns: lists of words and tags, a text with character spans, or a word a row."""

import itertools
import json
import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, final

from clozelab.data.cells import brief, list_in, spans_in, tag_in, text_in
from clozelab.data.rows import KINDS, Kind, Row, label_names, read_rows
from clozelab.data.spans import tags_of, words_of
from clozelab.errors import DataError, did_you_mean, require
from clozelab.types import Sentence

log = logging.getLogger(__name__)

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
            as the row before. Another document begins another sentence, too.
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
        require("spans", spans, spans is None or (words is None and sentence is None), "null where words are named")
        parts = separator is None or (len(separator) == 1 and separator not in '"\r\n')
        require("separator", separator, parts, "null or one character, neither a quotation mark nor a line end")
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
        checked = self._checked(path, itertools.chain([first], rows), columns)
        if self.sentence is not None:
            checked = _grouped(path, checked, (self.document, self.sentence), columns, names)
        documents: dict[str, int] = {}
        longest = num = num_borders = 0
        for number, row in checked:
            words, tags = self._words_and_tags(row, columns, names, f"{path}:{number}", counts)
            if not words:
                counts["sentences_empty"] += 1
                continue
            if words[0].startswith("-DOCSTART-"):
                num_borders += 1
                continue
            key = json.dumps([num_borders, row[self.document] if self.document else None], default=str)
            document = documents.setdefault(key, len(documents))
            yield Sentence(tuple(words), tuple(tags), document, number, self.sentence is not None)
            num, longest = num + 1, max(longest, len(words))
        if num > 1 and longest == 1 and "words" in columns and self.sentence is None:
            log.warning("%s: every row holds one word; should data.format.sentence put them together?", path)

    def _checked(self, path: Path, rows: Iterator[Row], columns: Mapping[str, str]) -> Iterator[Row]:
        """Yields the rows, none of which lacks a column."""
        needed = sorted({*columns.values(), *filter(None, [self.document, self.sentence])})
        for number, row in rows:
            for name in needed:
                if name not in row:
                    hint = did_you_mean(name, map(str, row))
                    raise DataError(f"{path}:{number}: no column {name!r}.{hint} {_listed(row)}")
            yield number, row

    def _columns(self, row: Mapping[str, Any], where: str) -> dict[str, str]:
        """Returns the names of the columns to read: `words` and `labels`, or `text` and `spans`."""
        given = {"words": self.words, "labels": self.labels, "text": self.text, "spans": self.spans}
        found = {role: given[role] or next((n for n in GUESSES[role] if n in row), None) for role in GUESSES}
        wants_text = self.text is not None or self.spans is not None or found["words"] is None
        is_text = wants_text and self.sentence is None and (found["text"] or self.spans)
        pair = ("text", "spans") if is_text else ("words", "labels")
        for role in pair:
            if found[role] is None:
                what = {"words": "words (or a text, data.format.text)", "labels": "tags"}.get(role, role)
                raise DataError(f"{where}: which column holds {what}? data.format.{role} says it. {_listed(row)}")
        return {role: str(found[role]) for role in pair}

    def _words_and_tags(
        self, row: Mapping[str, Any], columns: Mapping[str, str], names: Sequence[str] | None, where: str,
        counts: Counter[str],
    ) -> tuple[list[str], list[str]]:  # fmt: skip
        try:
            if "text" in columns:
                text = text_in(row[columns["text"]], columns["text"])
                places = words_of(text)
                tags = tags_of(text, places, spans_in(row[columns["spans"]], columns["spans"]), counts)
                return [text[start:end] for start, end in places], tags
            word, label = columns["words"], columns["labels"]
            words = [text_in(cell, word) for cell in list_in(row[word], word)]
            tags = [tag_in(cell, label, names) for cell in list_in(row[label], label)]
        except (DataError, ValueError) as error:
            raise DataError(f"{where}: {error}") from error
        if len(words) != len(tags):
            raise DataError(f"{where}: {len(words)} words but {len(tags)} tags")
        return words, tags


def _grouped(
    path: Path, rows: Iterator[Row], keys: Sequence[str | None], columns: Mapping[str, str],
    names: Sequence[str] | None,
) -> Iterator[Row]:  # fmt: skip
    """Yields the words of each sentence put together in one row, at the line of the first.

    Args:
        path: for messages.
        rows: a word each.
        keys: columns of which one changes where a sentence begins; where one is empty, it is as in the row before.
        columns: of words and tags.
        names: of tags that are integers.
    """
    word, label = columns["words"], columns["labels"]
    begin, current = 0, [None] * len(keys)
    group: dict[str, Any] = {}
    for number, row in rows:
        try:
            pair = {word: text_in(row[word], word), label: tag_in(row[label], label, names)}
        except ValueError as error:
            raise DataError(f"{path}:{number}: {error}") from error
        values = [row[key] if key else None for key in keys]
        # NaN, which is unlike itself, is how some write an empty number.
        here = [old if new in (None, "") or new != new else new for new, old in zip(values, current, strict=True)]
        if not group or here != current:
            if group:
                yield begin, group
            begin, current = number, here
            group = {**row, **{str(key): value for key, value in zip(keys, here, strict=True)}, word: [], label: []}
        for name, value in pair.items():
            group[name].append(value)
    if group:
        yield begin, group


def _listed(row: Mapping[str, Any]) -> str:
    """Returns the columns of a row for a message."""
    is_torn = len(row) == 1 and any(character in str(*row) for character in ",;|\t ")
    hint = "; data.format.separator says what stands between them" if is_torn else ""
    return f"Columns: {brief(list(map(str, row)))}{hint}"
