"""The run's own curves: `history.csv` with deterministic values, `timings.csv` with values read off a clock."""

import csv
import io
from pathlib import Path
from typing import Any, final

from pytorch_lightning.loggers import Logger

from clozelab.store.cache import atomic_write
from clozelab.store.runs import Rows, read_rows


@final
class History(Logger):
    """Writes curves into a run directory; always on.

    A row is an optimizer step. Files are rewritten whole, so they are never half a line; a resumed run drops the rows
    after the step it resumes from and ends with the same file as an uninterrupted one.

    Args:
        folder: the run directory.
    """

    FLUSH_EVERY = 20

    def __init__(self, *, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.rows = read_history(folder)
        self._timings = read_rows(folder / "timings.csv")
        self._unsaved = 0

    @property
    def name(self) -> str:
        """Name of the logger."""
        return "history"

    @property
    def version(self) -> str:
        """There is one version only."""
        return "0"

    def resume_from(self, step: int) -> None:
        """Drops what was logged after optimizer step `step`."""
        for rows in (self.rows, self._timings):
            for late in [s for s in rows if s > step]:
                del rows[late]

    def all_rows(self) -> Rows:
        """Returns the curves with the clock values, for a dashboard that goes on with them."""
        steps = sorted({*self.rows, *self._timings})
        return {step: {**self.rows.get(step, {}), **self._timings.get(step, {})} for step in steps}

    def log_metrics(self, metrics: dict[str, Any], step: int | None = None) -> None:
        """Adds values to the row of an optimizer step."""
        assert step is not None, "every curve has an x-axis"
        clock = {name: float(value) for name, value in metrics.items() if name.startswith("perf/")}
        rest = {name: float(value) for name, value in metrics.items() if not name.startswith("perf/")}
        self.rows.setdefault(step, {}).update(rest)
        if clock:
            self._timings.setdefault(step, {}).update(clock)
        self._unsaved += 1
        if self._unsaved >= self.FLUSH_EVERY or any(name.startswith("val/") for name in metrics):
            self.save()

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        """Nothing to do: the run directory holds the whole config."""

    def save(self) -> None:
        """Writes both files."""
        _write(self.folder / "history.csv", self.rows)
        _write(self.folder / "timings.csv", self._timings)
        self._unsaved = 0

    def finalize(self, status: str) -> None:
        """Writes what is left."""
        self.save()


def read_history(folder: Path) -> Rows:
    """Returns the curves of a run directory, empty if it has none."""
    return read_rows(folder / "history.csv")


def _write(path: Path, rows: Rows) -> None:
    columns = list(dict.fromkeys(name for row in rows.values() for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, ["step", *columns], lineterminator="\n")
    writer.writeheader()
    for step in sorted(rows):
        writer.writerow({"step": step, **{name: repr(value) for name, value in rows[step].items()}})
    atomic_write(path, text.getvalue())
