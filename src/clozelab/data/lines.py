"""The lines of a text file, or the line at which it stops being one."""

import gzip
import io
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from clozelab.errors import ConfigError, DataError

T = TypeVar("T")


def read_lines(path: Path, *, unpack: bool = False) -> Iterator[str]:
    """Yields the lines of a UTF-8 file without their ends (LF or CRLF); a byte order mark is dropped.

    Args:
        path: of the file.
        unpack: a file that ends in `.gz` on the way. Not for formats that go by the ending.

    Raises:
        DataError: if the file cannot be read; naming file and line, if it is not UTF-8, holds a NUL character, or ends
            all its lines with CR alone.
    """
    return raised(try_lines(path, unpack=unpack))


def raised(items: Iterable[T | DataError]) -> Iterator[T]:
    """Yields items up to the first error among them, which it raises."""
    for item in items:
        if isinstance(item, DataError):
            raise item
        yield item


def try_lines(path: Path, *, unpack: bool = False) -> Iterator[str | DataError]:
    """Yields the lines of a file as `read_lines` does, with an error in the place of each line that is no text.

    Raises:
        DataError: if the file cannot be read.
    """
    try:
        with _open(path, unpack) as file:
            yield from decoded(file, path)
    except (OSError, EOFError, zlib.error) as error:
        raise unreadable(path, error) from error


def decoded(lines: Iterable[bytes], name: Path | str) -> Iterator[str | DataError]:
    """Yields lines as text, with an error in the place of each that is none; `name` stands in its message."""
    for number, raw in enumerate(lines, 1):
        found: str | DataError
        try:
            # Not str.splitlines, which would also break lines at U+2028 and the like.
            line = raw.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
            if number == 1 and "\r" in line and not raw.endswith(b"\n"):  # else: one endless line, read as one word
                raise DataError(f"{name}:1: lines end with CR alone, as on old Macintoshs; LF or CRLF is needed")
            found = _text(line, name, number)
        except UnicodeDecodeError as error:
            found = DataError(f"{name}:{number}: not UTF-8 ({error.reason} at byte {error.start})")
            found.__cause__ = error
        except DataError as error:
            found = error
        yield found


def read_lines_or(path: Path, fallback: str | None, counts: Counter[str]) -> Iterator[str]:
    """Yields the lines of a file in UTF-8 or, if it is not, in another encoding, and counts it then.

    A file is of one encoding, so with a fallback it is read twice: the first time to see whether it is UTF-8.

    Args:
        path: of the file; one that ends in `.gz` is unpacked on the way.
        fallback: the other encoding; None reads UTF-8 only.
        counts: raised at `texts_in_another_encoding`.

    Raises:
        DataError: see `read_lines`; or if the file is of neither encoding.
    """
    if fallback is None or _is_utf8(path):
        yield from read_lines(path, unpack=True)
        return
    counts["texts_in_another_encoding"] += 1
    number = 0
    try:
        with _open(path, unpack=True) as file, io.TextIOWrapper(file, encoding=fallback) as text:
            for number, line in enumerate(text, 1):
                yield _text(line.rstrip("\n"), path, number)
    except UnicodeError as error:  # in UTF-16 without its mark, the plain one
        # Text is decoded some lines ahead.
        raise DataError(f"{path}: neither UTF-8 nor {fallback}, soon after line {number} ({error})") from error
    except (OSError, EOFError, zlib.error) as error:
        raise unreadable(path, error) from error


def check_fallback(fallback: str | None) -> None:
    """Refuses a constructor argument that names no encoding of text.

    Raises:
        ConfigError: naming it.
    """
    try:
        "a".encode("utf-8" if fallback is None else fallback)
    except (LookupError, ValueError) as error:
        raise ConfigError(f"fallback={fallback!r}: no such encoding", key="fallback") from error


def unreadable(path: Path | str, error: Exception) -> DataError:
    """Returns what to say of a file whose bytes cannot be had; a gzip file may be damaged."""
    if isinstance(error, OSError) and error.strerror:
        return DataError(f"{path}: cannot be read: {error.strerror}")
    return DataError(f"{path}: not a whole gzip file: {error}")


def shown(line: str) -> str:
    """Returns a line as a message shows it: quoted, and short."""
    return repr(line if len(line) <= 80 else line[:77] + "...")


def _open(path: Path, unpack: bool) -> gzip.GzipFile | io.BufferedReader:
    return gzip.open(path, "rb") if unpack and path.suffix.lower() == ".gz" else open(path, "rb")


def _text(line: str, path: Path | str, number: int) -> str:
    if "\0" in line:
        raise DataError(f"{path}:{number}: NUL character; the file is binary, or damaged")
    return line


def _is_utf8(path: Path) -> bool:
    try:
        for _ in read_lines(path, unpack=True):
            pass
    except DataError as error:
        if not isinstance(error.__cause__, UnicodeDecodeError):
            raise
        return False
    return True
