"""clozelab: configuration-driven experiments with BERT-style encoders; `clozelab.runs(...)` for notebooks."""

from typing import Any


def __getattr__(name: str) -> Any:
    """Imports what notebooks use when it is asked for: `import clozelab` itself, as every command does, stays light."""
    if name == "runs":
        from clozelab.compare.frame import runs

        return runs
    raise AttributeError(f"module 'clozelab' has no attribute {name!r}")
