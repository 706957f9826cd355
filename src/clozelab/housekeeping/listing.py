"""All runs of a place as a table: how each stands, what came out, when, how long, how large."""

import csv
import json
import math
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from clozelab.compare.read import read_record
from clozelab.errors import ConfigError
from clozelab.housekeeping.disk import readable, size_of
from clozelab.housekeeping.places import all_run_folders, study_of
from clozelab.sweep.view import duration

ERRORS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Row:
    """One run.

    Attributes:
        folder: of the run, as given.
        study: name of its study.
        cell: name of its cell.
        seed: of the run.
        status: `completed`, `running`, `interrupted`, `failed`, `new`, or `damaged` if its files cannot be read.
        metric: that it was selected by, without its split.
        validation: value of the metric on the validation split.
        test: the same on the test split.
        started: last attempt, ISO 8601 in UTC.
        finished: the same.
        seconds: from one to the other, or until now.
        bytes: of all its files.
        error: that it ended with.
    """

    folder: str
    study: str
    cell: str
    seed: int | None
    status: str
    metric: str | None
    validation: float | None
    test: float | None
    started: str | None
    finished: str | None
    seconds: float | None
    bytes: int
    error: str | None


def list_runs(path: Path) -> list[Row]:
    """Returns a row for each run at or below a path, by name.

    Raises:
        ConfigError: if there is none.
    """
    now = datetime.now(UTC)
    return [_row(folder, study_of(folder, path), now) for folder in all_run_folders(path)]


def _row(folder: Path, study: str, now: datetime) -> Row:
    where = {"folder": str(folder), "study": study, "cell": folder.absolute().parent.name}
    try:
        run = read_record(folder)
    except ConfigError as damage:
        return Row(
            **where, seed=None, status="damaged", metric=None, validation=None, test=None, started=None,
            finished=None, seconds=None, bytes=size_of(folder), error=str(damage),
        )  # fmt: skip
    metric = str(run.state.get("selection") or "val/loss").partition("/")[2] if run.is_done else None
    started, ended = (_time(run.state.get(key)) for key in ("started", "finished"))
    ended = ended if started and ended and ended >= started else None  # that of an earlier attempt
    until = now if run.status == "running" else ended
    error = run.state.get("error")
    return Row(
        **where, seed=run.seed, status=run.status, metric=metric, validation=_number(run.metrics.get(f"val/{metric}")),
        test=_number(run.metrics.get(f"test/{metric}")), started=_iso(started), finished=_iso(ended),
        seconds=(until - started).total_seconds() if until and started else None, bytes=size_of(folder),
        error=str(error) if error and run.status in ("failed", "interrupted") else None,
    )  # fmt: skip


def _time(text: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _iso(time: datetime | None) -> str | None:
    return time.isoformat() if time else None


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def write(rows: Sequence[Row], shape: str) -> None:
    """Writes the rows to the standard output: `table`, `json` or `csv`."""
    plain = [asdict(row) for row in rows]
    if shape == "json":
        sys.stdout.write(json.dumps(plain, indent=2, ensure_ascii=False) + "\n")
    elif shape == "csv":
        writer = csv.DictWriter(sys.stdout, fieldnames=list(plain[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(plain)
    else:
        _print(rows)


def _print(rows: Sequence[Row]) -> None:
    console = Console(highlight=False, markup=False, emoji=False)
    studies = list(dict.fromkeys(row.study for row in rows))
    for study in studies:
        own = [row for row in rows if row.study == study]
        console.print(f"study {study}: {_summary(own)}", soft_wrap=True)
        console.print(_table(own, console.width))
        if metrics := list(dict.fromkeys(row.metric for row in own if row.metric)):
            console.print(f"val and test: {' or '.join(metrics)}, what each run was selected by", soft_wrap=True)
        console.print()
    if len(studies) > 1:
        console.print(f"{len(studies)} studies: {_summary(rows)}", soft_wrap=True)
    for row in [row for row in rows if row.error and row.status != "interrupted"][:ERRORS_SHOWN]:
        lines = str(row.error).strip().splitlines() or [""]
        console.print(f"{row.folder}: {lines[0][:200]}", soft_wrap=True)
    if any(row.status in ("failed", "interrupted") for row in rows):
        console.print("failed and interrupted runs go on when their command is typed again", soft_wrap=True)


def _summary(rows: Sequence[Row]) -> str:
    counts = Counter(row.status for row in rows)
    parts = ", ".join(f"{count} {status}" for status, count in counts.most_common())
    return f"{len(rows)} {'run' if len(rows) == 1 else 'runs'} ({parts}), {readable(sum(row.bytes for row in rows))}"


def _table(rows: Sequence[Row], width: int) -> Table:
    now = datetime.now(UTC)
    body = [
        (
            row.status, "-" if row.seed is None else str(row.seed), *map(_score, (row.validation, row.test)),
            _when(row, now), "-" if row.seconds is None else duration(row.seconds), readable(row.bytes),
        )
        for row in rows
    ]  # fmt: skip
    header = ("status", "seed", "val", "test", "when", "time", "size")
    taken = sum(max(map(cell_len, column)) + 2 for column in zip(header, *body, strict=True))
    table = Table(box=None, pad_edge=False)
    for name in ("cell", *header):
        table.add_column(name, justify="left" if name in ("cell", "status") else "right", no_wrap=True)
    for row, cells in zip(rows, body, strict=True):
        table.add_row(_shortened(row.cell, max(12, width - taken)), *cells)
    return table


def _shortened(name: str, width: int) -> str:
    """Returns a name that fits: its end, what was changed and the hash, tells the cells of a study apart."""
    if cell_len(name) <= width:
        return name
    end = name
    while cell_len(end) >= width:  # a Han character takes two columns
        end = end[1:]
    return f"…{end}"


def _score(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}" if abs(value) < 1000 else f"{value:.3g}"


def _when(row: Row, now: datetime) -> str:
    """Returns when a run ended, or else began, in local time, the way `ls -l` does."""
    time = _time(row.finished or row.started)
    if time is None:
        return "-"
    recent = abs(now - time) < timedelta(days=180)
    return time.astimezone().strftime("%d %b %H:%M" if recent else "%d %b %Y")
