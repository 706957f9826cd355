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
        separator: between columns; None is any run of blanks and tabs (other white space may stand inside a word).
    """

    def __init__(self, *, columns: list[str], labels: str, separator: str | None = None) -> None:
        require(
            "columns", columns, "word" in columns and len(set(columns)) == len(columns), "distinct, one of them 'word'"
        )
        allowed = [name for name in columns if name != "word"]
        require("labels", labels, labels in allowed, f"one of {allowed}")
        require("separator", separator, separator is None or len(separator) > 0, "null or a non-empty string")
        self.columns = columns
        self.labels = labels
        self.separator = separator

    def read(self, path: Path) -> Iterator[Sentence]:
        """Yields the sentences of a UTF-8 file.

        Raises:
            DataError: if the file cannot be read; naming file and line, if a line has another number of columns, an
                empty word or tag, or is not UTF-8.
        """
        word, tag = self.columns.index("word"), self.columns.index(self.labels)
        words: list[str] = []
        tags: list[str] = []
        number, document, begun = 0, 0, False  # begun: the document has a sentence already
        for number, line in enumerate(_lines(path), 1):
            fields = self._split(line)
            starts_document = any(field.startswith("-DOCSTART-") for field in fields)
            if starts_document or not line.strip(" \t"):
                if words:
                    yield Sentence(tuple(words), tuple(tags), document, number - len(words))
                    words, tags, begun = [], [], True
                if starts_document and begun:
                    document, begun = document + 1, False
                continue
            if len(fields) != len(self.columns):
                raise DataError(
                    f"{path}:{number}: {len(fields)} columns, expected {len(self.columns)} "
                    f"({', '.join(self.columns)}): {line[:80]!r}"
                )
            if not (fields[word] and fields[tag]):
                raise DataError(f"{path}:{number}: empty {'tag' if fields[word] else 'word'}: {line[:80]!r}")
            words.append(fields[word])
            tags.append(fields[tag])
        if words:
            yield Sentence(tuple(words), tuple(tags), document, number + 1 - len(words))

    def _split(self, line: str) -> list[str]:
        if self.separator is not None:
            return line.split(self.separator)
        # Not str.split(), which also splits at U+00A0 (as in "10\u00a0000"), U+2028 and the like.
        return [field for field in line.replace("\t", " ").split(" ") if field]


def _lines(path: Path) -> Iterator[str]:
    number = 0
    try:
        with open(path, "rb") as file:
            for number, raw in enumerate(file, 1):
                # Not str.splitlines, which would also break lines at U+2028 and the like.
                yield raw.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}:{number}: not UTF-8 ({error.reason} at byte {error.start})") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
