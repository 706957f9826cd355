"""clozelab: configuration-driven experiments with BERT-style encoders; `load` and `runs` are for notebooks."""

from importlib import import_module
from typing import Any

LAZY = {"load": "clozelab.predict.load", "runs": "clozelab.compare.frame"}
"""What a notebook uses, and where it lives: imported when asked for, so that the command line stays torch-free."""


def __getattr__(name: str) -> Any:
    if name not in LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(LAZY[name]), name)
