"""Documents of one file each, in folders that are their labels."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import final

from clozelab.data.lines import check_fallback, read_lines_or
from clozelab.errors import DataError
from clozelab.types import Text


@final
class Folders:
    """Reads `<label>/<anything>.txt` below a folder.

    Args:
        ending: of the files.
        fallback: encoding of files that are not UTF-8, such as `cp1252`; they are counted. None refuses them.
    """

    def __init__(self, *, ending: str = ".txt", fallback: str | None = None) -> None:
        check_fallback(fallback)
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
            text = "\n".join(read_lines_or(file, self.fallback, counts)).strip()
            if text:
                yield Text((text,), file.parent.name, 1)
            else:
                counts["texts_empty"] += 1
