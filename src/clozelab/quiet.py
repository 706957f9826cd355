"""Libraries talk a lot. What they say goes to run.log; the terminal belongs to the user."""

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


def quiet_libraries() -> None:
    """Sends the libraries' messages through logging only, without progress bars of their own."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    for name in ("lightning.pytorch", "pytorch_lightning", "lightning.fabric", "lightning_fabric"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    from transformers.utils import logging as transformers_logging

    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    # Lightning 2.6 on torch 2.13: nothing a user can do about.
    warnings.filterwarnings("ignore", message=".*LeafSpec.*", category=FutureWarning)


@contextmanager
def only(level: int, name: str) -> Iterator[None]:
    """Leaves out what the loggers below a name say, but for what is of this level or above."""
    logger = logging.getLogger(name)
    saved = logger.level
    logger.setLevel(level)
    try:
        yield
    finally:
        logger.setLevel(saved)
