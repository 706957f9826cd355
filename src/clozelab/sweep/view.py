"""What a person sees of a sweep: one line while it works, one line a finished cell, a table at the end."""

import json
import shlex
import time
from collections.abc import Sequence
from pathlib import Path
from typing import final

from rich.console import Console
from rich.live import Live
from rich.table import Table

from clozelab.summary import dashboards
from clozelab.sweep.cell import Cell


@final
class View:
    """Draws on a terminal; elsewhere it prints a line a finished cell.

    Args:
        cells: of the whole sweep, stored ones included.
    """

    def __init__(self, cells: Sequence[Cell]) -> None:
        self._cells = cells
        self._console = Console(highlight=False)
        self._live = Live(console=self._console, refresh_per_second=2, transient=True)
        self._started = time.monotonic()
        self._varied = _varied_keys(cells)

    def __enter__(self) -> None:
        if self._console.is_terminal:
            self._live.start()

    def __exit__(self, *error: object) -> None:
        if self._live.is_started:
            self._live.stop()

    def say(self, text: str) -> None:
        """Shows what is being done before the first cell starts, on a terminal."""
        if self._console.is_terminal:
            self._console.print(text, end="\r", highlight=False)

    def update(self) -> None:
        """Redraws the line of the whole sweep."""
        if self._live.is_started:
            self._live.update(self._line())

    def finished(self, cell: Cell) -> None:
        """Prints the line of a finished cell."""
        mark = {"done": "done  ", "failed": "FAILED"}[cell.state]
        detail = f"  {cell.message.splitlines()[-1][:200]}" if cell.state == "failed" and cell.message else ""
        self._console.print(
            f"{mark} {self._what(cell)}  {duration(cell.seconds)}{detail}", soft_wrap=True, markup=False
        )
        self.update()

    def _line(self) -> str:
        count = {
            state: sum(c.state == state for c in self._cells)
            for state in ("done", "stored", "running", "failed", "left")
        }
        running = next((c for c in self._cells if c.state == "running"), None)
        share = _share(running) if running else 0.0
        worked = sum(c.epochs for c in self._cells if c.state in ("done", "failed"))
        worked += share * running.epochs if running else 0.0
        rest = sum(c.epochs for c in self._cells if c.state in ("left", "running"))
        rest -= share * running.epochs if running else 0.0
        elapsed = time.monotonic() - self._started
        left = f"about {duration(elapsed * rest / worked)} left" if worked > 0 else "time left unknown yet"
        now = f"  now {self._what(running)} {share:.0%}" if running else ""
        done = f"{count['done'] + count['stored']} done, {count['running']} running, {count['failed']} failed"
        return f"{done}, {count['left']} left; {left}{now}"

    def print_table(self) -> None:
        """Prints every cell with the score it was selected by; which that is, in a column where cells differ in it."""
        chosen = {cell.run.id: _selection(cell) for cell in self._cells if cell.state in ("done", "stored")}
        several = len(set(chosen.values())) > 1
        table = Table(box=None, pad_edge=False)
        for column in (*self._varied, "state", *(["metric"] if several else []), "val", "test", "time"):
            table.add_column(column.rpartition(".")[2], justify="left", overflow="fold")
        for cell in self._cells:
            values = [_override(cell, key) for key in self._varied]
            metric = chosen.get(cell.run.id, "")
            metrics = cell.run.metrics() if metric else {}
            scores = [f"{metrics[name]:.4f}" if (name := f"{p}/{metric}") in metrics else "-" for p in ("val", "test")]
            named = [metric or "-"] if several else []
            table.add_row(*values, cell.state, *named, *scores, duration(cell.seconds) if cell.seconds else "-")
        self._console.print(table)
        if chosen and not several:
            self._console.print(f"val and test: {next(iter(chosen.values()))}")
        for study in dict.fromkeys(cell.run.folder.parents[1] for cell in self._cells):
            self._console.print(f"study directory  {study}", soft_wrap=True)
            if chosen:
                self._console.print(f"comparison       clozelab compare {shlex.quote(str(study))}", soft_wrap=True)
        for command in dashboards(Path(self._cells[0].config["output_dir"])):
            self._console.print(f"dashboard        {command}", soft_wrap=True)

    def _what(self, cell: Cell) -> str:
        return " ".join(f"{key.rpartition('.')[2]}={_override(cell, key)}" for key in self._varied) or cell.run.id


def _varied_keys(cells: Sequence[Cell]) -> list[str]:
    keys = dict.fromkeys(o.partition("=")[0] for cell in cells for o in cell.overrides)
    return [key for key in keys if len({_override(cell, key) for cell in cells}) > 1]


def _override(cell: Cell, key: str) -> str:
    return next((o.partition("=")[2] for o in cell.overrides if o.partition("=")[0] == key), "-")


def _selection(cell: Cell) -> str:
    """Returns the metric a finished cell was selected by, without its split."""
    return str(cell.run.state().get("selection", "val/loss")).partition("/")[2]


def _share(cell: Cell) -> float:
    """Returns how much of its training a running cell has done, by the file its process writes."""
    try:
        state = json.loads((cell.run.folder / "progress.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return 0.0
    return float(state["step"] / max(1, state["num_steps"]))


def duration(seconds: float) -> str:
    """Returns seconds as a person reads them, at most six characters below 100 hours."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02d}" if hours else f"{minutes}m{rest:02d}s" if minutes else f"{rest}s"
