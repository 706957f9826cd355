"""One run of a sweep, and how it stands."""

from dataclasses import dataclass, field
from typing import Any, Literal

from clozelab.record import Run

State = Literal["left", "running", "done", "stored", "failed"]


@dataclass(slots=True)
class Cell:
    """One run of a sweep.

    Attributes:
        config: plain and resolved.
        overrides: what this cell sets differently from its siblings, and what all set.
        state: `stored` is one that was complete before the sweep began.
        message: why it failed.
        seconds: it took.
    """

    config: dict[str, Any]
    overrides: tuple[str, ...]
    state: State = "left"
    message: str = ""
    seconds: float = 0.0
    run: Run = field(init=False)

    @property
    def epochs(self) -> float:
        """Its share of the sweep's work, for the time left."""
        return float(self.config["trainer"].get("max_epochs") or 1) * self.config["data"].get("fraction", 1.0)
