"""The lines of a text file, or the line at which it stops being one."""

from collections.abc import Iterator
from pathlib import Path

from clozelab.errors import DataError


def read_lines(path: Path) -> Iterator[str]:
    """Yields the lines of a UTF-8 file without their ends (LF or CRLF); a byte order mark is dropped.

    Raises:
        DataError: if the file cannot be read; naming file and line, if it is not UTF-8, holds a NUL character, or ends
            all its lines with CR alone.
    """
    number = 0
    try:
        with open(path, "rb") as file:
            for number, raw in enumerate(file, 1):
                # Not str.splitlines, which would also break lines at U+2028 and the like.
                line = raw.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
                if number == 1 and "\r" in line and not raw.endswith(b"\n"):  # else: one endless line, read as one word
                    raise DataError(f"{path}:1: lines end with CR alone, as on old Macintoshs; LF or CRLF is needed")
                if "\0" in line:
                    raise DataError(f"{path}:{number}: NUL character; the file is binary, or damaged")
                yield line
    except UnicodeDecodeError as error:
        raise DataError(f"{path}:{number}: not UTF-8 ({error.reason} at byte {error.start})") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error


def shown(line: str) -> str:
    """Returns a line as a message shows it: quoted, and short."""
    return repr(line if len(line) <= 80 else line[:77] + "...")
