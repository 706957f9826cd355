"""Files, or the standard input, as items: line by line, a bad one as an error in its place."""

from __future__ import annotations

import gzip
import sys
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal, final, get_args

import pyarrow as pa
import pyarrow.parquet as pq

from clozelab.data.lines import decoded, unreadable
from clozelab.data.rows import Row, read_rows, try_rows
from clozelab.errors import ConfigError, DataError
from clozelab.predict.columns import Columns, item_of
from clozelab.predict.item import Item, make_item

if TYPE_CHECKING:  # whoever only asks for help imports this module
    from clozelab.predict.question import Question

Kind = Literal["txt", "csv", "tsv", "jsonl", "parquet", "conll"]
KINDS: tuple[Kind, ...] = get_args(Kind)
ENDINGS: dict[str, Kind] = {
    **{f".{kind}": kind for kind in KINDS}, ".json": "jsonl", ".ndjson": "jsonl", ".iob": "conll", ".iob2": "conll",
    ".bio": "conll",
}  # fmt: skip
STDIN = "-"


@final
class Input:
    """What is asked about.

    Args:
        path: of a file or pipe, unpacked if it ends in `.gz`; `-` is the standard input.
        kind: of the file; None goes by its ending, and takes the standard input for plain text.
        columns: of csv, tsv, jsonl and Parquet.
        separator: of csv and tsv, if it is neither a comma nor a tab.

    Attributes:
        size: of the file, in bytes (of Parquet: rows); 0 if nobody knows.
        done: how much of it has been read.

    Raises:
        ConfigError: if there is no such file, nothing says what kind it is of, or the separator is none.
    """

    def __init__(self, *, path: str, kind: Kind | None, columns: Columns, separator: str | None = None) -> None:
        self.path = path
        self.name = "standard input" if path == STDIN else path
        if path == STDIN and sys.stdin is None:
            raise ConfigError("--input -: the standard input is closed")
        if path != STDIN and (Path(path).is_dir() or not Path(path).exists()):
            raise ConfigError(f"--input {path}: {'a folder, not a file' if Path(path).is_dir() else 'no such file'}")
        piped = path == STDIN or not Path(path).is_file()  # a shell's <(command) is a pipe, too
        packed = path.lower().endswith(".gz")
        found = kind or ("txt" if path == STDIN else ENDINGS.get(Path(path[:-3] if packed else path).suffix.lower()))
        if found is None:
            raise ConfigError(f"--input {path}: of what kind is it? --format says it: {', '.join(KINDS)}")
        if separator is not None and (len(separator) != 1 or separator in '"\r\n'):
            raise ConfigError(f"--separator {separator!r}: must be one character, no quote; --format tsv is for tabs")
        if found == "parquet" and piped:
            raise ConfigError("--format parquet: cannot be read from the standard input or a pipe; give the file")
        if found == "parquet" and packed:
            raise ConfigError(f"--input {path}: Parquet packs its own columns; unpack the file")
        self.kind: Kind = found
        self.columns = columns
        self.separator = separator
        self.size = 0 if piped else Path(path).stat().st_size
        self.done = 0

    def items(self, question: Question) -> Iterator[Item | DataError]:
        """Yields what the file asks about.

        A plain text has a text a line, a tab between the two of a pair; empty lines are passed over. CoNLL columns have
        a word a line, in the first column.

        Args:
            question: says whether words or pairs are wanted.

        Raises:
            DataError: if the file cannot be read at all, or holds nothing.
        """
        empty = True
        for item in self._items(question):
            empty = False
            yield item
        if empty:
            raise DataError(f"{self.name}: holds nothing to predict")

    def _items(self, question: Question) -> Iterator[Item | DataError]:
        if self.kind == "parquet":
            yield from self._rows(self._parquet(), question)
            return
        try:
            with self._opened() as file:
                lines = decoded(self._counted(file), self.name)
                if self.kind == "txt":
                    yield from self._texts(lines, question)
                elif self.kind == "conll":
                    yield from self._sentences(lines)
                else:
                    yield from self._rows(try_rows(lines, self.name, self.kind, self.separator), question)
        except (OSError, EOFError, zlib.error) as error:
            raise unreadable(self.name, error) from error

    def _opened(self) -> AbstractContextManager[IO[bytes]]:
        return nullcontext(sys.stdin.buffer) if self.path == STDIN else open(self.path, "rb")

    def _counted(self, file: IO[bytes]) -> Iterator[bytes]:
        """Yields the lines of a file, and counts the bytes of it that were needed for them."""
        unpacked = gzip.GzipFile(fileobj=file) if self.path.lower().endswith(".gz") else file
        for raw in unpacked:
            self.done = file.tell() if self.size else 0
            yield raw

    def _parquet(self) -> Iterator[Row]:
        with suppress(pa.ArrowException, OSError):  # what is wrong with it, the first row says
            self.size = pq.read_metadata(self.path).num_rows
        for row in read_rows(Path(self.path), "parquet"):
            self.done = row[0]
            yield row

    def _texts(self, lines: Iterator[str | DataError], question: Question) -> Iterator[Item | DataError]:
        for number, line in enumerate(lines, 1):
            if isinstance(line, DataError):
                yield line
            elif line.strip():
                parts = line.split("\t") if question.pairs != "never" else [line]
                place = f"{self.name}:{number}"
                if len(parts) > 2:
                    hint = "--format tsv reads columns"
                    yield DataError(f"{place}: {len(parts) - 1} tabs; a pair of texts has one between them ({hint})")
                else:
                    yield make_item(tuple(parts), None, place, line=number)

    def _rows(self, rows: Iterator[Row] | Iterator[Row | DataError], question: Question) -> Iterator[Item | DataError]:
        columns: dict[str, str] = {}
        for row in rows:
            if isinstance(row, DataError):
                yield row
                continue
            number, values = row
            place = f"{self.name}:{number}"
            columns = columns or self.columns.find(values, place, question)
            yield item_of(values, columns, place, number)

    def _sentences(self, lines: Iterator[str | DataError]) -> Iterator[Item | DataError]:
        """Yields the sentences of CoNLL columns; one with a line that cannot be read is left out whole."""
        words: list[str] = []
        bad = False
        first = document = 0
        for number, line in enumerate(chain(lines, [""]), 1):
            if isinstance(line, DataError):
                bad = True
                yield line
                continue
            fields = line.replace("\t", " ").split(" ") if line.strip() else []
            begins = bool(fields) and fields[0].startswith("-DOCSTART-")
            if fields and not begins:
                first = first if words else number
                words.append(next(field for field in fields if field))
                continue
            if words and not bad:
                yield make_item((), words, f"{self.name}:{first}", line=first, document=document)
            words, bad = [], False
            document += begins
