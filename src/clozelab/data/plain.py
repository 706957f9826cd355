"""Documents without labels, from plain text: one file or all files of a folder, of any size."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, final, get_args

from clozelab.data.lines import check_fallback, read_lines_or
from clozelab.errors import ConfigError, DataError, require
from clozelab.types import Text

Begins = Literal["file", "blank_line", "line", "pattern"]


@final
class Plain:
    """Reads documents one after the other; no more than one is in memory.

    Args:
        begins: where a document begins: every `file` is one, a `blank_line` stands between two, every `line` is one, or
            a line that fits the `pattern` begins one.
        pattern: regular expression of such a whole line, which belongs to the document. A lookbehind in it sees the
            line before: `(?<=\\n\\n)` wants an empty one there. What stands before the first such line of a file is a
            document too, but there must be one in every file.
        ending: of the files that are read in a folder, at any depth, in the order of their paths; hidden ones are not.
            Files that end in `.gz` are unpacked on the way.
        fallback: encoding of files that are not UTF-8, such as `cp1252`; they are counted. None refuses them.
    """

    def __init__(
        self, *, begins: Begins, pattern: str | None = None, ending: str = ".txt", fallback: str | None = None
    ) -> None:
        require("begins", begins, begins in get_args(Begins), f"one of {', '.join(get_args(Begins))}")
        if begins == "pattern":
            require("pattern", pattern, bool(pattern), "the regular expression of a line that begins a document")
        else:
            require("pattern", pattern, pattern is None, f"null where begins is {begins!r}")
        try:
            re.compile(pattern or "")
        except re.error as error:
            raise ConfigError(f"pattern={pattern!r}: no regular expression: {error}", key="pattern") from error
        check_fallback(fallback)
        self.begins: Begins = begins
        self.pattern = pattern
        self.ending = ending
        self.fallback = fallback

    def read(self, path: Path, counts: Counter[str]) -> Iterator[Text]:
        """Yields the documents of a file or folder; an empty one is counted and skipped.

        Args:
            path: of the file, whatever its ending, or of the folder.
            counts: of what was mended on the way.

        Raises:
            DataError: naming file and line, if a file is no text; or the folder, if it holds no files or no document.
        """
        num_documents = 0
        for file in self._files(path):
            num_before, num_empty = num_documents, 0
            for line, document in self._documents(file, counts):
                if document:
                    num_documents += 1
                    yield Text((document,), "", line)
                else:
                    num_empty += 1
            # Blank lines between documents are no documents themselves, but a file of nothing else is an empty one.
            if self.begins in ("blank_line", "pattern"):
                num_empty = int(num_documents == num_before)
            if num_empty:
                counts["texts_empty"] += num_empty
        if not num_documents:
            raise DataError(f"{path}: holds no document, only blank lines or nothing")

    def _files(self, path: Path) -> list[Path]:
        if not path.is_dir():
            return [path]
        names = (file.relative_to(path) for file in path.rglob("*") if file.name.endswith(self.ending))
        visible = [name for name in names if not any(part.startswith(".") for part in name.parts)]
        files = [path / name for name in sorted(visible, key=Path.as_posix) if (path / name).is_file()]
        if not files:
            raise DataError(f"{path}: holds no file that ends in {self.ending!r}; data.format.ending says it")
        return files

    def _documents(self, file: Path, counts: Counter[str]) -> Iterator[tuple[int, str]]:
        """Yields the documents of a file, empty ones too, and the lines they begin at."""
        pattern = re.compile(self.pattern or "", re.MULTILINE)
        document: list[str] = []
        fits = False
        number, before = 0, ""
        for number, line in enumerate(read_lines_or(file, self.fallback, counts), 1):
            begins = (
                self.begins == "line"
                or (self.begins == "blank_line" and not line.strip())
                or (self.begins == "pattern" and pattern.fullmatch(f"\n{before}\n{line}", len(before) + 2) is not None)
            )
            before = line
            fits |= begins
            if begins and number > 1:
                yield _trimmed(document, number)
                document = []
            document.append(line)
        yield _trimmed(document, number + 1)
        if self.begins == "pattern" and not fits and any(map(str.strip, document)):
            raise DataError(f"{file}: no line fits data.format.pattern {self.pattern!r}")


def _trimmed(lines: list[str], end: int) -> tuple[int, str]:
    """Returns the line a document begins at and its text, without the blank lines around it."""
    places = [place for place, line in enumerate(lines) if line.strip()]
    if not places:
        return end - len(lines), ""
    return end - len(lines) + places[0], "\n".join(lines[places[0] : places[-1] + 1])
