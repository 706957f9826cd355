"""Answers into a file or to the standard output, as they come."""

import codecs
import csv
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from clozelab.errors import ConfigError

Write = Callable[[Sequence[dict[str, Any]]], None]
KINDS = ("jsonl", "csv", "tsv", "parquet", "conll")
STDOUT = "-"


def check_output(path: str, source: str | None) -> str:
    """Returns the kind of an output.

    Args:
        path: of the file, by whose ending it goes; `-` is the standard output, which gets JSON Lines.
        source: file that is read meanwhile.

    Raises:
        ConfigError: if it cannot be written.
    """
    if path == STDOUT:
        if sys.stdout is None:
            raise ConfigError("--output -: the standard output is closed")
        return "jsonl"
    place = Path(path)
    kind = place.suffix.lower().removeprefix(".")
    if kind not in KINDS:
        raise ConfigError(f"--output {path}: must end in {', '.join(f'.{kind}' for kind in KINDS)}")
    if not place.parent.is_dir():
        raise ConfigError(f"--output {path}: no folder {str(place.parent)!r}")
    if place.is_dir():
        raise ConfigError(f"--output {path}: a folder, not a file")
    if source is not None and place.exists() and Path(source).exists() and place.samefile(source):
        raise ConfigError(f"--output {path}: is the input")
    return kind


@contextmanager
def output(path: str, kind: str, schema: pa.Schema) -> Iterator[Write]:
    """Yields what takes answers; the file has its name only when all are in it, until then `<name>.partial`.

    Args:
        path: of the file, or `-`.
        kind: from `check_output`.
        schema: of the answers.

    Raises:
        ConfigError: if answers of this kind cannot be written so, or a disk is full, or a folder not the user's.
    """
    if kind == "conll" and "words" not in schema.names:
        raise ConfigError(f"--output {path}: only words with tags are written in CoNLL columns")
    try:
        if path == STDOUT:
            yield lambda answers: _print(answers, sys.stdout)
        else:
            with _file(path, kind, schema) as write:
                yield write
    except BrokenPipeError:  # nobody reads on
        raise
    except OSError as error:  # what is read meanwhile raises DataError
        raise ConfigError(f"--output {path}: {error.strerror or error}") from error


@contextmanager
def _file(path: str, kind: str, schema: pa.Schema) -> Iterator[Write]:
    partial = Path(f"{path}.partial")
    if kind == "parquet":
        with pq.ParquetWriter(partial, schema) as writer:
            yield lambda answers: writer.write_table(pa.Table.from_pylist(list(answers), schema=schema))
    else:
        with open(partial, "w", encoding="utf-8", newline="") as file:
            yield _writer(file, kind, schema)
    partial.replace(path)


def _writer(file: IO[str], kind: str, schema: pa.Schema) -> Write:
    if kind == "jsonl":
        return lambda answers: _print(answers, file)
    if kind == "conll":
        return lambda answers: _columns(answers, file)
    table = csv.writer(file, delimiter="\t" if kind == "tsv" else ",", lineterminator="\n")
    table.writerow(schema.names)
    return lambda answers: table.writerows([_cell(answer.get(name)) for name in schema.names] for answer in answers)


def _print(answers: Sequence[dict[str, Any]], file: IO[str]) -> None:
    # Escaped where the terminal's encoding lacks characters; a file is UTF-8, and what has no encoding takes any.
    escaped = codecs.lookup(getattr(file, "encoding", None) or "utf-8").name != "utf-8"
    for answer in answers:
        file.write(json.dumps(answer, ensure_ascii=escaped) + "\n")
    file.flush()


def _cell(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value


def _columns(answers: Sequence[dict[str, Any]], file: IO[str]) -> None:
    for answer in answers:
        file.writelines(f"{word['word']} {word['tag']}\n" for word in answer["words"])
        file.write("\n")
