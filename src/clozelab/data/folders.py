"""Documents of one file each, in folders that are their labels."""

import codecs
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import final

from clozelab.data.lines import read_lines
from clozelab.errors import ConfigError, DataError
from clozelab.types import Text


@final
class Folders:
    """Reads `<label>/<anything>.txt` below a folder.

    Args:
        ending: of the files.
        fallback: encoding of files that are not UTF-8, such as `cp1252`; they are counted. None refuses them.
    """

    def __init__(self, *, ending: str = ".txt", fallback: str | None = None) -> None:
        try:
            codecs.lookup(fallback or "utf-8")
        except LookupError as error:
            raise ConfigError(f"fallback={fallback!r}: no such encoding", key="fallback") from error
        self.ending = ending
        self.fallback = fallback

    def read(self, path: Path, counts: Counter[str]) -> Iterator[Text]:
        """Yields one text a file, in the order of their names; an empty one is counted and skipped.

        Raises:
            DataError: naming the file that cannot be read, or the folder without any.
        """
        files = sorted(file for file in path.glob(f"*/*{self.ending}") if file.is_file())
        if not files:
            raise DataError(f"{path}: no folder here holds a file that ends in {self.ending!r}")
        for file in files:
            text = self._text(file, counts)
            if text:
                yield Text((text,), file.parent.name, 1)
            else:
                counts["texts_empty"] += 1

    def _text(self, file: Path, counts: Counter[str]) -> str:
        try:
            return "\n".join(read_lines(file)).strip()
        except DataError as error:
            if self.fallback is None or not isinstance(error.__cause__, UnicodeDecodeError):
                raise
            counts["texts_in_another_encoding"] += 1
            return "\n".join(file.read_text(encoding=self.fallback).splitlines()).strip()
