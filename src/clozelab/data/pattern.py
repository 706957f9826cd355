"""Texts with a label from files in which a line is a text, written in a way of its own."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import final

from clozelab.data.labels import check_labels, label_of
from clozelab.data.lines import read_lines, shown
from clozelab.errors import ConfigError, DataError, require
from clozelab.types import Text


@final
class Pattern:
    """Reads one text a line by regular expressions.

    Args:
        patterns: of a whole line, with the named groups `label` and `text`; the first that matches is taken.
        ignore: pattern of lines to leave out, such as a header; None leaves out none but blank ones.
        replace: strings in a text and what to put in their place, such as doubled quotation marks.
        names: see `Labelled`; this and the following.
        thresholds: see `Labelled`.
        numbers: see `Labelled`.
    """

    def __init__(
        self,
        *,
        patterns: list[str],
        ignore: str | None = None,
        replace: dict[str, str] | None = None,
        names: list[str] | None = None,
        thresholds: list[float] | None = None,
        numbers: bool = False,
    ) -> None:
        for pattern in [*patterns, *([ignore] if ignore else [])]:
            try:
                compiled = re.compile(pattern)
            except re.error as error:
                raise ConfigError(f"patterns={pattern!r}: no regular expression: {error}", key="patterns") from error
            fits = pattern == ignore or {"label", "text"} <= set(compiled.groupindex)
            require("patterns", pattern, fits, "a pattern with the groups (?P<label>...) and (?P<text>...)")
        require("patterns", patterns, len(patterns) > 0, "a list of at least one")
        check_labels(names, thresholds, numbers)
        self.patterns = patterns
        self.ignore = ignore
        self.replace = replace
        self.names = names
        self.thresholds = thresholds
        self.numbers = numbers

    def read(self, path: Path, counts: Counter[str]) -> Iterator[Text]:
        """Yields the texts of a file; a line without any text is counted and skipped.

        Raises:
            DataError: naming file and line, if no pattern matches.
        """
        compiled = [re.compile(pattern) for pattern in self.patterns]
        for number, line in enumerate(read_lines(path), 1):
            if not line.strip() or (self.ignore and re.fullmatch(self.ignore, line)):
                continue
            match = next((found for pattern in compiled if (found := pattern.fullmatch(line))), None)
            if match is None:
                raise DataError(f"{path}:{number}: fits no pattern of data.format.patterns: {shown(line)}")
            text = match["text"]
            for old, new in (self.replace or {}).items():
                text = text.replace(old, new)
            if not text.strip():
                counts["texts_empty"] += 1
                continue
            try:
                label = label_of(match["label"], names=self.names, thresholds=self.thresholds, numbers=self.numbers)
            except ValueError as error:
                raise DataError(f"{path}:{number}: {error}") from error
            yield Text((text,), label, number)
