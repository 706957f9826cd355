"""What was said while a corpus was read, kept with it: a later run that finds it in the cache says the same."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import final

log = logging.getLogger(__name__)

Notice = list[str | int]
"""Level and text."""


@final
class _Collector(logging.Handler):
    def __init__(self) -> None:
        super().__init__(level=logging.INFO)
        self.notices: list[Notice] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.notices.append([record.levelno, record.getMessage()])


@contextmanager
def collected() -> Iterator[list[Notice]]:
    """Yields a list that grows with everything that modules of `clozelab.data` log meanwhile."""
    collector = _Collector()
    logger = logging.getLogger("clozelab.data")
    logger.addHandler(collector)
    try:
        yield collector.notices
    finally:
        logger.removeHandler(collector)


def repeat(notices: Sequence[Notice]) -> None:
    """Logs once more what was collected."""
    for level, text in notices:
        log.log(int(level), "%s", text)
