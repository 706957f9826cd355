"""CoNLL columns: one word a line, blank lines between sentences, -DOCSTART- between documents."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import final

from clozelab.data.lines import read_lines, shown
from clozelab.errors import DataError, require
from clozelab.types import Sentence


@final
class Conll:
    """Reads words and one of the tag columns.

    Args:
        columns: names of the columns in order; one is `word`.
        labels: name of the column to learn.
        separator: between columns; None is any run of blanks and tabs (other white space may stand inside a word).
        comment: lines that begin with this are skipped, such as `"# "`; None skips none.
    """

    def __init__(
        self, *, columns: list[str], labels: str, separator: str | None = None, comment: str | None = None
    ) -> None:
        require(
            "columns", columns, "word" in columns and len(set(columns)) == len(columns), "distinct, one of them 'word'"
        )
        allowed = [name for name in columns if name != "word"]
        require("labels", labels, labels in allowed, f"one of {allowed}")
        require("separator", separator, separator is None or len(separator) > 0, "null or a non-empty string")
        require("comment", comment, comment is None or len(comment) > 0, "null or a non-empty string")
        self.columns = columns
        self.labels = labels
        self.separator = separator
        self.comment = comment

    def read(self, path: Path, counts: Counter[str]) -> Iterator[Sentence]:
        """Yields the sentences of a UTF-8 file; see `types.Format`.

        Raises:
            DataError: if the file cannot be read; naming file and line, if a line has another number of columns, an
                empty word or tag, a NUL character, or is not UTF-8.
        """
        words: list[str] = []
        tags: list[str] = []
        first, document, begun = 0, 0, False  # begun: the document has a sentence already
        for number, line in enumerate(read_lines(path), 1):
            if self.comment and line.startswith(self.comment):
                continue
            fields = self.split(line)
            starts_document = any(field.startswith("-DOCSTART-") for field in fields)
            if starts_document or not line.strip(" \t"):
                if words:
                    yield Sentence(tuple(words), tuple(tags), document, first)
                    words, tags, begun = [], [], True
                if starts_document and begun:
                    document, begun = document + 1, False
                continue
            word, tag = self._word_and_tag(fields, line, f"{path}:{number}")
            first = first if words else number
            words.append(word)
            tags.append(tag)
        if words:
            yield Sentence(tuple(words), tuple(tags), document, first)

    def split(self, line: str) -> list[str]:
        """Returns the columns of a line."""
        if self.separator is not None:
            return line.split(self.separator)
        # Not str.split(), which also splits at U+00A0 (as in "10\u00a0000"), U+2028 and the like.
        return [field for field in line.replace("\t", " ").split(" ") if field]

    def _word_and_tag(self, fields: list[str], line: str, where: str) -> tuple[str, str]:
        if len(fields) != len(self.columns):
            hint = "; data.format.separator says what stands between them" if len(fields) == 1 else ""
            raise DataError(
                f"{where}: {len(fields)} columns, expected {len(self.columns)} ({', '.join(self.columns)}): "
                f"{shown(line)}{hint}"
            )
        word, tag = fields[self.columns.index("word")], fields[self.columns.index(self.labels)]
        if not (word and tag):
            raise DataError(f"{where}: empty {'tag' if word else 'word'}: {shown(line)}")
        return word, tag
