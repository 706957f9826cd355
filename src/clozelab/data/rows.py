"""The rows of a file that has named columns: JSON Lines, csv, tsv, Parquet. Nothing of what they mean."""

import csv
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import pyarrow as pa
import pyarrow.parquet as pq

from clozelab.data.lines import raised, shown, try_lines
from clozelab.errors import DataError

Kind = Literal["jsonl", "csv", "tsv", "parquet"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Row = tuple[int, Mapping[str, Any]]
"""Line of the file (row number for Parquet), from 1, and the values by column."""


def read_rows(path: Path, kind: Kind, separator: str | None = None) -> Iterator[Row]:
    """Yields the rows of a file.

    Args:
        path: of the file.
        kind: of the file. In tsv a quotation mark is a plain character; in csv it quotes.
        separator: one character between columns of csv and tsv; None is a comma or a tab.

    Raises:
        DataError: naming file, line and reason.
    """
    if kind == "parquet":
        return _parquet(path)
    return raised(try_rows(try_lines(path), path, kind, separator))


def try_rows(
    lines: Iterable[str | DataError], name: Path | str, kind: Kind, separator: str | None = None
) -> Iterator[Row | DataError]:
    """Yields the rows that lines of text hold, with an error in the place of each that is bad.

    Args:
        lines: of the file; one that is an error is passed on.
        name: of the file, for messages.
        kind: `jsonl`, `csv` or `tsv`.
        separator: see `read_rows`.

    Raises:
        DataError: if the header of csv or tsv cannot be read, or names a column twice.
    """
    if kind == "jsonl":
        return _jsonl(lines, name)
    return _table(lines, name, separator or ("\t" if kind == "tsv" else ","), quoted=kind == "csv")


def label_names(path: Path, column: str) -> list[str] | None:
    """Returns the label names that a Parquet file written by Hugging Face datasets keeps for an integer column.

    Args:
        path: of the file.
        column: its own or that of its lists' items.
    """
    metadata = pq.read_schema(path).metadata or {}
    try:
        feature = json.loads(metadata[b"huggingface"])["info"]["features"][column]
        while "names" not in feature:  # of the items of a list, which older versions write as a list of one feature
            feature = feature[0] if isinstance(feature, list) else feature["feature"]
        return [str(name) for name in feature["names"]]
    except (KeyError, IndexError, TypeError, ValueError):  # no such key on the way there
        return None


def _jsonl(lines: Iterable[str | DataError], name: Path | str) -> Iterator[Row | DataError]:
    for number, line in enumerate(lines, 1):
        if isinstance(line, DataError):
            yield line
        elif line.strip():
            yield _object(line, name, number)


def _object(line: str, name: Path | str, number: int) -> Row | DataError:
    try:
        row = json.loads(line, object_pairs_hook=_distinct)
    except (ValueError, RecursionError) as error:  # also an integer of too many digits, too many brackets
        reason = str(error)
        if isinstance(error, json.JSONDecodeError):
            hint = "; a line must hold one object" if number == 1 else ""  # not an object over many lines
            reason = f"{error.msg} at column {error.colno}{hint}"
        return DataError(f"{name}:{number}: not JSON ({reason}): {shown(line)}")
    if not isinstance(row, dict):
        return DataError(f"{name}:{number}: must be one JSON object a line, is {shown(line)}")
    return number, row


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise ValueError("an object names a key twice")
    return result


def _table(
    lines: Iterable[str | DataError], name: Path | str, separator: str, *, quoted: bool
) -> Iterator[Row | DataError]:
    csv.field_size_limit(sys.maxsize)  # a cell may hold a whole document
    bad: list[DataError] = []
    reader = csv.reader(
        _sound(lines, bad), delimiter=separator, quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE, strict=True
    )
    header: list[str] | None = None
    start = 1
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            cells = []
            bad.append(DataError(f"{name}:{start}: not {'csv' if quoted else 'tsv'}: {error}"))
        line, start = start, reader.line_num + 1
        if bad:  # what else its lines hold is no row
            if header is None:
                raise bad[0]
            yield from bad
            bad.clear()
        elif cells is None:
            return
        elif header is None and any(cells):
            header = cells
            if len(set(header)) < len(header):
                raise DataError(f"{name}:{line}: the header names a column twice: {shown(', '.join(header))}")
        elif header is not None and any(cells):
            if len(cells) != len(header):
                yield DataError(f"{name}:{line}: {len(cells)} columns, the header has {len(header)}")
            else:
                yield line, dict(zip(header, cells, strict=True))


def _sound(lines: Iterable[str | DataError], bad: list[DataError]) -> Iterator[str]:
    """Yields lines for the csv reader: an empty one in the place of an error, which goes to `bad`."""
    for line in lines:
        if isinstance(line, DataError):
            bad.append(line)
        yield "\n" if isinstance(line, DataError) else line + "\n"


def _parquet(path: Path) -> Iterator[Row]:
    number = 0
    try:
        with pq.ParquetFile(path) as file:
            columns = file.schema_arrow.names
            if len(set(columns)) < len(columns):
                raise DataError(f"{path}: the schema names a column twice: {shown(', '.join(columns))}")
            for batch in file.iter_batches(batch_size=1000):
                for row in batch.to_pylist():
                    number += 1
                    yield number, row
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:  # the last two: text not UTF-8, odd dates
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(f"{path}: not a readable Parquet file: {reason}") from error
