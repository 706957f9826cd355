"""What a dashboard is: a logger that is told of the run before its first curve, and of its end whatever that is."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from clozelab.store.runs import Rows


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a dashboard is told of a run.

    Attributes:
        output_dir: below it, all runs share one directory a dashboard.
        folder: the run directory, below `output_dir`.
        id: of the run.
        group: what shares a name is a cell: the seeds of one configuration.
        seed: of the run.
        config: the resolved config.
        hyperparameters: its keys that are identity, flat.
        ancestry: the runs its weights descend from, nearest first.
        history: curves up to the step this run resumes from, clock values too; empty if it begins.
    """

    output_dir: Path
    folder: Path
    id: str
    group: str
    seed: int
    config: dict[str, Any]
    hyperparameters: dict[str, Any]
    ancestry: list[dict[str, Any]]
    history: Rows


@dataclass(slots=True)
class Outcome:
    """How a run ended.

    Attributes:
        metrics: final metrics, as far as the run came.
        finished: whether it came to its end.
    """

    metrics: dict[str, float] = field(default_factory=dict)
    finished: bool = False


@runtime_checkable
class Dashboard(Protocol):
    """A logger with a beginning and an end. Neither may fail a run or hold it up: the run has its own history.csv."""

    def open(self, about: About) -> None:
        """Begins, with the curves that a resumed run goes on from."""

    def close(self, outcome: Outcome) -> None:
        """Ends, with the final metrics."""


@contextmanager
def opened(loggers: Sequence[object], about: About) -> Iterator[Outcome]:
    """Opens those loggers that are dashboards, and closes every one of them, however the block ends.

    Args:
        loggers: of the run.
        about: the run.

    Yields:
        What they are closed with; the block fills it in.
    """
    outcome = Outcome()
    with ExitStack() as stack:
        for dashboard in loggers:
            if isinstance(dashboard, Dashboard):
                stack.callback(dashboard.close, outcome)
                dashboard.open(about)
        yield outcome
