"""Files whose format is known by their ending and their first lines, so that a corpus may need no configuration."""

import logging
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, final, get_args

from clozelab.data.conll import Conll
from clozelab.data.lines import read_lines, shown
from clozelab.data.records import Records
from clozelab.data.rows import Kind
from clozelab.errors import ConfigError, DataError, require
from clozelab.types import Format, Sentence

log = logging.getLogger(__name__)

KnownKind = Literal["conll", "jsonl", "csv", "tsv", "parquet"]
AnyKind = Literal["auto", KnownKind]
ENDINGS: dict[str, KnownKind] = {
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl", ".csv": "csv", ".parquet": "parquet"
}  # fmt: skip
"""Kinds by file ending; everything else holds CoNLL columns (tsv too, unless columns are named)."""

OF_COLUMNS = ("columns", "comment")
OF_TABLES = ("words", "text", "spans", "sentence", "document", "names")
"""Arguments that only CoNLL columns, or only files with named columns have a use for."""


@final
class Auto:
    """Reads CoNLL columns, JSON Lines, csv, tsv or Parquet.

    Args:
        kind: of the file, or `auto`: by its ending.
        columns: of CoNLL files, in order, one of them `word`; None: the first is the word.
        labels: column of the tags; None: the last one of CoNLL columns, see `Records` for others.
        separator: see `Conll` and `Records`.
        comment: see `Conll`.
        words: see `Records`; this and the following are for files with named columns.
        text: see `Records`.
        spans: see `Records`.
        sentence: see `Records`.
        document: see `Records`.
        names: see `Records`.
    """

    def __init__(
        self,
        *,
        kind: AnyKind = "auto",
        columns: list[str] | None = None,
        labels: str | None = None,
        separator: str | None = None,
        comment: str | None = None,
        words: str | None = None,
        text: str | None = None,
        spans: str | None = None,
        sentence: str | None = None,
        document: str | None = None,
        names: list[str] | None = None,
    ) -> None:
        require("kind", kind, kind in get_args(AnyKind), f"one of {', '.join(get_args(AnyKind))}")
        self.kind: AnyKind = kind
        self.columns = columns
        self.labels = labels
        self.separator = separator
        self.comment = comment
        self.words = words
        self.text = text
        self.spans = spans
        self.sentence = sentence
        self.document = document
        self.names = names
        # What either format refuses is refused here, before any file is seen.
        self._records("jsonl")
        if columns is None:
            Conll(columns=["word", "tag"], labels="tag", separator=separator, comment=comment)
        else:
            self._conll(columns)

    def read(self, path: Path, counts: Counter[str]) -> Iterator[Sentence]:
        """Yields the sentences of a file; see `types.Format`.

        Raises:
            DataError: naming file, line and reason.
        """
        yield from self.format_of(path).read(path, counts)

    def format_of(self, path: Path) -> Format:
        """Returns the format of a file.

        Raises:
            DataError: if its columns cannot be guessed.
        """
        kind = self._kind_of(path)
        for name in OF_TABLES if kind == "conll" else OF_COLUMNS:
            if getattr(self, name) is not None:
                log.warning(
                    "%s: read as %s, where data.format.%s has no use; is data.format.kind right?", path, kind, name
                )
        if kind == "conll":
            return self._conll(self.columns or self._guess(path))
        return self._records(kind)

    def _kind_of(self, path: Path) -> KnownKind:
        if self.kind != "auto":
            return self.kind
        is_table = path.suffix.lower() == ".tsv" and any(getattr(self, name) for name in OF_TABLES)
        return "tsv" if is_table else ENDINGS.get(path.suffix.lower(), "conll")

    def _guess(self, path: Path) -> list[str]:
        """Returns names for the columns of a CoNLL file: the first is the word, the last the tag.

        Raises:
            ConfigError: if another column is asked for: they have no names.
            DataError: if there is one column only.
        """
        if self.labels is not None:
            raise ConfigError(
                f"data.format.labels={self.labels!r}: {path} holds CoNLL columns, which have no names of their own; "
                "data.format.columns names them all in order, as [word,pos,ner]"
            )
        splitter = Conll(columns=["word", "tag"], labels="tag", separator=self.separator)
        for number, line in enumerate(read_lines(path), 1):
            is_comment = self.comment is not None and line.startswith(self.comment)
            if is_comment or not line.strip(" \t") or "-DOCSTART-" in line:
                continue
            if (num := len(fields := splitter.split(line))) < 2:
                raise DataError(
                    f"{path}:{number}: one column only, expected a word and its tag (data.format.separator says what "
                    f"stands between them, data.format.kind what kind of file it is): {shown(line)}"
                )
            word, *_, tag = fields
            log.info("%s: CoNLL, %d columns: the first is the word (%r), the last the tag (%r)", path, num, word, tag)
            return ["word", *(f"column_{i}" for i in range(2, num)), "tag"]
        return ["word", "tag"]  # nothing to read: said by whoever wants sentences

    def _conll(self, columns: list[str]) -> Conll:
        labels = self.labels or next((name for name in reversed(columns) if name != "word"), "")
        return Conll(columns=columns, labels=labels, separator=self.separator, comment=self.comment)

    def _records(self, kind: Kind) -> Records:
        return Records(
            kind=kind, words=self.words, labels=self.labels, text=self.text, spans=self.spans, sentence=self.sentence,
            document=self.document, names=self.names, separator=self.separator if kind in ("csv", "tsv") else None,
        )  # fmt: skip
