"""What could be freed, and why: only what clozelab itself has written, and never anything of a run that is running."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clozelab.compare.read import read_record, run_folders
from clozelab.errors import ConfigError
from clozelab.housekeeping.cache import DRAWERS, entries
from clozelab.housekeeping.disk import files, is_idle, size_of
from clozelab.record import run_id
from clozelab.store.cache import cache_dir

TEMPORARY = r"\..+\.[0-9a-f]{12}\.tmp"
"""Names that `store.cache.atomic_path` and `disk.take_away` give to what is not finished."""

OWN = {
    "config.yaml", "run.json", "metrics.json", "errors.json", "history.csv", "timings.csv", "progress.json", "run.log",
    "predictions", "checkpoints", "model", "evaluations", ".lock",
}  # fmt: skip
"""What a run leaves in its directory; with anything else in it, the directory stays."""

KINDS = {
    "leftovers": "temporary files and evaluations that killed processes left",
    "empty": "runs that failed or were interrupted, with no checkpoint to continue from",
    "unfinished": "runs that failed or were interrupted; their commands would start over",
    "checkpoints": "checkpoints that completed runs have kept; their weights stay in model/",
    "dashboards": "offline wandb runs of run directories that are gone",
    "cache": "cache: computed anew when needed",
    "downloads": "cache: fetched anew when needed",
}
"""What is freed, in the order it is shown; the names but the first two are options."""

DEFAULT = ("leftovers", "empty")


@dataclass(frozen=True, slots=True)
class Item:
    """Something to remove.

    Attributes:
        path: file or folder.
        kind: of `KINDS`.
        size: in bytes.
        run: run directory it belongs to, whose lock must be had to remove it.
        state: run.json as it was when this was planned.
    """

    path: Path
    kind: str
    size: int
    run: Path | None = None
    state: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What to remove, what is left alone, and why."""

    items: list[Item]
    left: list[str]


def make_plan(root: Path | None, kinds: Sequence[str]) -> Plan:
    """Returns what can be removed.

    Args:
        root: run, cell, study or directory of studies; None looks at the cache only.
        kinds: of `KINDS`.

    Raises:
        ConfigError: if there is no run at or below the path.
    """
    items: list[Item] = []
    left: list[str] = []
    running = False
    if root is not None:
        folders = run_folders(root)
        for folder in folders:
            reason, status, state = _look(folder, root)
            running |= status == "running"
            if reason:
                left.append(f"{folder}: {reason}")
            else:
                items += [item for item in _of_run(folder, status, state, left) if item.kind in kinds]
        items += _half_removed(folders)
        if "dashboards" in kinds:
            items += _dashboards(root, folders)
    wanted = [kind for kind in ("cache", "downloads") if kind in kinds]
    if running and wanted:
        left.append(f"{cache_dir()}: runs are running, which may read it")
    elif wanted:
        items += _cached(wanted)
    order = list(KINDS)
    return Plan(sorted(items, key=lambda item: (order.index(item.kind), str(item.path))), left)


def _look(folder: Path, root: Path) -> tuple[str, str, dict[str, Any]]:
    """Returns why a run must be left alone (empty if it need not), how it stands, and its run.json."""
    if not folder.resolve().is_relative_to(root.resolve()) or folder.is_symlink():
        return "a link", "", {}
    try:
        record = read_record(folder)
    except ConfigError as error:
        return str(error).rpartition(": ")[0] or str(error), "damaged", {}
    place = folder.resolve()
    named = re.fullmatch(r"seed-\d+", place.name) and re.search(r"-[0-9a-f]{8}$", place.parent.name)
    if not named or not {"status", "pid", "started"} <= set(record.state):
        return "not made by clozelab", record.status, record.state
    return ("running" if record.status == "running" else ""), record.status, record.state


def _of_run(folder: Path, status: str, state: dict[str, Any], left: list[str]) -> Iterator[Item]:
    """Yields what can go of a run that is not running; what cannot, for files of others in it, is noted."""
    checkpoints = folder / "checkpoints"
    if status in ("failed", "interrupted"):
        kind = "unfinished" if (checkpoints / "last.ckpt").exists() else "empty"
        strange = [path.name for path in folder.iterdir() if path.name not in OWN and not _is_temporary(path.name)]
        links = [path.name for path in folder.iterdir() if path.is_symlink()]
        if not strange and not links:
            yield Item(folder, kind, size_of(folder), folder, state)
            return
        left.append(f"{folder}: {status}, but holds what is not clozelab's: {', '.join((strange + links)[:3])}")
    if status == "completed" and checkpoints.is_dir() and not checkpoints.is_symlink():
        names = {path.name for path in checkpoints.iterdir()}
        if {name for name in names if not _is_temporary(name)} <= {"last.ckpt", "best.pt"}:
            yield Item(checkpoints, "checkpoints", size_of(checkpoints), folder, state)
    for entry in files(folder):
        path = Path(entry.path)
        # `evaluate` writes without the lock; a checkpoint is written under it.
        if _is_temporary(path.name) and (path.parent == checkpoints or is_idle(path)) and not path.is_symlink():
            yield Item(path, "leftovers", size_of(path), folder, state)
    for path in folder.glob("evaluations/*"):
        own = re.fullmatch(r"[0-9a-f]{8}", path.name) and path.is_dir() and not path.is_symlink()
        if own and not (path / "metrics.json").exists() and is_idle(path):
            yield Item(path, "leftovers", size_of(path), folder, state)


def _is_temporary(name: str) -> bool:
    return re.fullmatch(TEMPORARY, name) is not None


def _half_removed(folders: Sequence[Path]) -> Iterator[Item]:
    """Yields run directories whose removal was killed."""
    for cell in dict.fromkeys(folder.absolute().parent for folder in folders):
        for path in cell.glob(".seed-*.tmp"):
            if _is_temporary(path.name) and path.is_dir() and not path.is_symlink() and is_idle(path):
                yield Item(path, "leftovers", size_of(path))


def _dashboards(root: Path, folders: Sequence[Path]) -> Iterator[Item]:
    """Yields offline wandb runs of a directory of studies whose run directory is not there any more."""
    if folders[0].absolute().parents[2] != root.absolute():
        return  # all studies share one wandb directory: below one of them, those of the others seem to be gone
    ids = {id_at(folder) for folder in folders}
    for path in sorted((root / "wandb").glob("offline-run-*")):
        found = re.fullmatch(r"offline-run-\d+_\d+-(.+-[0-9a-f]{8}-seed-\d+)", path.name)
        if found and found[1] not in ids and path.is_dir() and not path.is_symlink() and is_idle(path):
            yield Item(path, "dashboards", size_of(path))


def id_at(folder: Path) -> str:
    """Returns the id of a run by the place of its directory."""
    place = folder.absolute()
    return run_id(place.parents[1].name, place.parent.name[-8:], place.name.removeprefix("seed-"))


def _cached(kinds: Sequence[str]) -> Iterator[Item]:
    for drawer in DRAWERS:
        kind = "downloads" if drawer.fetched else "cache"
        if kind in kinds:
            yield from (Item(path, kind, size_of(path)) for path in entries(drawer))
