"""Texts, or pairs of texts, with a label, from files with named columns: csv, tsv, jsonl, Parquet."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, final, get_args

from clozelab.data.cells import text_in
from clozelab.data.labels import check_labels, label_of
from clozelab.data.rows import Kind, label_names, read_rows
from clozelab.errors import DataError, did_you_mean, require
from clozelab.types import Text

FileKind = Literal["auto", "jsonl", "csv", "tsv", "parquet"]
ENDINGS: dict[str, Kind] = {
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl", ".csv": "csv", ".parquet": "parquet"
}  # fmt: skip
"""Kinds by file ending; everything else is tab separated."""
GUESSES = {
    "text": ("text", "sentence", "sentence1", "premise", "question", "question1", "content"),
    "pair": ("text_pair", "sentence2", "hypothesis", "question2"),
    "label": ("label", "labels", "class", "category"),
}
"""Usual names of columns, tried in this order where the configuration names none."""


@final
class Labelled:
    """Reads one text, or one pair of texts, a row. What is not named is guessed from the first row: see `GUESSES`.

    Args:
        kind: of the file: `jsonl`, `csv`, `tsv` (where quotation marks are plain characters), `parquet`, or `auto`: by
            its ending.
        text: column of the text, or of the first of a pair.
        pair: column of the second text of a pair; an empty name reads no pair.
        label: column of the label; an empty name reads none, which is all that documents need.
        names: of the classes, where labels are integers or ratings.
        thresholds: between the classes, where labels are ratings: a rating up to the first is of the first class.
        numbers: true predicts the number itself (regression).
        separator: of csv and tsv; None is a comma or a tab.
    """

    def __init__(
        self,
        *,
        kind: FileKind = "auto",
        text: str | None = None,
        pair: str | None = None,
        label: str | None = None,
        names: list[str] | None = None,
        thresholds: list[float] | None = None,
        numbers: bool = False,
        separator: str | None = None,
    ) -> None:
        require("kind", kind, kind in get_args(FileKind), f"one of {', '.join(get_args(FileKind))}")
        require("separator", separator, separator is None or len(separator) == 1, "null or one character")
        check_labels(names, thresholds, numbers)
        self.kind: FileKind = kind
        self.text = text
        self.pair = pair
        self.label = label
        self.names = names
        self.thresholds = thresholds
        self.numbers = numbers
        self.separator = separator

    def read(self, path: Path, counts: Counter[str]) -> Iterator[Text]:
        """Yields the texts of a file; a row without any text is counted and skipped.

        Raises:
            DataError: naming file, line and reason.
        """
        kind: Kind = ENDINGS.get(path.suffix.lower(), "tsv") if self.kind == "auto" else self.kind
        separator = self.separator if kind in ("csv", "tsv") else None
        columns: dict[str, str] = {}
        names = self.names
        for number, row in read_rows(path, kind, separator):
            where = f"{path}:{number}"
            if not columns:
                columns = self._columns(row, where)
                if kind == "parquet" and "label" in columns:
                    names = names or label_names(path, columns["label"])
            try:
                segments = tuple(
                    text_in(row[columns[role]], columns[role]) for role in ("text", "pair") if role in columns
                )
                if not any(segment.strip() for segment in segments):
                    counts["texts_empty"] += 1
                    continue
                label: str | float = ""
                if "label" in columns:
                    cell = row[columns["label"]]
                    label = label_of(cell, names=names, thresholds=self.thresholds, numbers=self.numbers)
            except KeyError as error:
                raise DataError(f"{where}: no column {error}") from error
            except ValueError as error:
                raise DataError(f"{where}: {error}") from error
            yield Text(segments, label, number)

    def _columns(self, row: Mapping[str, Any], where: str) -> dict[str, str]:
        given = {"text": self.text, "pair": self.pair, "label": self.label}
        found: dict[str, str] = {}
        for role, name in given.items():
            if name and name not in row:
                raise DataError(f"{where}: no column {name!r}.{did_you_mean(name, row)} Columns: {', '.join(row)}")
            guess = next((n for n in GUESSES[role] if n in row), None) if name is None else name
            if guess:
                found[role] = guess
        for role in ("text", "label"):
            if role not in found and (role, self.label) != ("label", ""):
                there = ", ".join(row)
                none = " ('' reads no label)" if role == "label" else ""
                message = f"which column holds the {role}? data.format.{role} says it{none}. Columns: {there}"
                raise DataError(f"{where}: {message}")
        return found
