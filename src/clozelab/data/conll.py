"""CoNLL columns: one word a line, blank lines between sentences, -DOCSTART- between documents."""

from collections.abc import Iterator
from pathlib import Path
from typing import final

from clozelab.errors import DataError, require
from clozelab.types import Sentence


@final
class Conll:
    """Reads words and one of the tag columns.

    Args:
        columns: names of the columns in order; one is `word`.
        labels: name of the column to learn.
        separator: between columns; None is any run of blanks and tabs.
    """

    def __init__(self, *, columns: list[str], labels: str, separator: str | None = None) -> None:
        require("columns", columns, "word" in columns and len(set(columns)) == len(columns), "distinct, one of them 'word'")
        allowed = [name for name in columns if name != "word"]
        require("labels", labels, labels in allowed, f"one of {allowed}")
        require("separator", separator, separator is None or len(separator) > 0, "null or a non-empty string")
        self.columns = columns
        self.labels = labels
        self.separator = separator

    def read(self, path: Path) -> Iterator[Sentence]:
        """Yields the sentences of a UTF-8 file.

        Raises:
            DataError: naming file and line, if a line has another number of columns or the text is not UTF-8.
        """
        word, tag = self.columns.index("word"), self.columns.index(self.labels)
        words: list[str] = []
        tags: list[str] = []
        document = -1
        for number, line in enumerate(_lines(path), 1):
            fields = line.split(self.separator)
            starts_document = bool(fields) and fields[word % len(fields)].startswith("-DOCSTART-")
            if not line.strip() or starts_document:
                if words:
                    yield Sentence(tuple(words), tuple(tags), max(document, 0))
                    words, tags = [], []
                document += starts_document
                continue
            if len(fields) != len(self.columns):
                raise DataError(
                    f"{path}:{number}: {len(fields)} columns, expected {len(self.columns)} "
                    f"({', '.join(self.columns)}): {line[:80]!r}"
                )
            words.append(fields[word])
            tags.append(fields[tag])
        if words:
            yield Sentence(tuple(words), tuple(tags), max(document, 0))


def _lines(path: Path) -> Iterator[str]:
    with open(path, "rb") as file:
        for number, raw in enumerate(file, 1):
            try:
                # Not str.splitlines, which would also break lines at U+2028 and the like.
                line = raw.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise DataError(f"{path}:{number}: not UTF-8 ({error.reason} at byte {error.start})") from error
            yield line.rstrip("\r\n")
