"""What could be freed, and why: only what clozelab itself has written, and never anything of a run that is running."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clozelab.compare.read import read_record
from clozelab.errors import ConfigError
from clozelab.housekeeping.cache import DRAWERS, entries
from clozelab.housekeeping.disk import files, is_idle, size_of
from clozelab.housekeeping.places import all_run_folders, is_linked, study_of
from clozelab.record import run_id
from clozelab.store.cache import cache_dir
from clozelab.store.runs import LOCK, is_held, read_run

TEMPORARY = r"\..+\.[0-9a-f]{12}\.tmp"
"""Names that `store.cache.atomic_path` and `disk.take_away` give to what is not finished."""

OWN = "|".join(
    [
        r"config\.yaml|(run|metrics|errors|progress)\.json|(history|timings)\.csv|run\.log|\.lock",
        r"checkpoints/(last\.ckpt|best\.pt)|predictions/\w+\.parquet",
        r"evaluations/[0-9a-f]{8}/((evaluation|metrics|errors)\.json|predictions/\w+\.parquet)",
        r"model/(README\.md|model\.safetensors|((generation_|tokenizer_)?config|tokenizer|vocab)\.json|vocab\.txt)",
        r"model/((special_tokens_map|added_tokens)\.json|merges\.txt|(spiece|sentencepiece\.bpe)\.model)",
    ]
)
"""Files that a run leaves, below its directory; with anything else in it, the directory stays."""

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
    folders: list[Path] = []
    if root is not None:
        folders = all_run_folders(root)
        for folder in folders:
            reason, status, state = _look(folder, root)
            if reason:
                left.append(f"{folder}: {reason}")
            else:
                items += [item for item in _of_run(folder, status, state, left) if item.kind in kinds]
        items += _half_removed(folders)
        if "dashboards" in kinds:
            items += _dashboards(root, folders)
    wanted = [kind for kind in ("cache", "downloads") if kind in kinds]
    if wanted and _anything_runs(folders):
        left.append(f"{cache_dir()}: runs are running, which may read it")
    elif wanted:
        items += _cached(wanted)
    order = list(KINDS)
    return Plan(sorted(items, key=lambda item: (order.index(item.kind), str(item.path))), left)


def _anything_runs(folders: Sequence[Path]) -> bool:
    """Says whether any run is running, of other studies beside these too: they share the cache."""
    tops = dict.fromkeys(folder.absolute().parents[2] for folder in folders)
    beside = [place.parent for top in tops for place in top.glob(f"*/*/seed-*/{LOCK}")]
    return any(is_held(folder) for folder in dict.fromkeys([*folders, *beside]))


def _look(folder: Path, root: Path) -> tuple[str, str, dict[str, Any]]:
    """Returns why a run must be left alone (empty if it need not), how it stands, and its run.json."""
    if is_linked(folder, root):
        return "a link", "", {}
    try:
        record = read_record(folder)
    except ConfigError as error:
        return str(error).rpartition(": ")[0] or str(error), "damaged", {}
    place = folder.resolve()
    named = re.fullmatch(r"seed-\d+", place.name) and re.search(r"-[0-9a-f]{8}$", place.parent.name)
    if not named or not {"status", "pid", "started"} <= set(record.state):
        return "not made by clozelab", record.status, record.state
    reason = "running" if record.status == "running" else ""
    if record.state["status"] == "running" != record.status and not is_idle(folder, without=LOCK):
        # Not every file system shows a lock to other machines. To have looked whether it is held may have touched it.
        reason = "killed less than a day ago, or running on another machine"
    return reason, record.status, record.state


def _of_run(folder: Path, status: str, state: dict[str, Any], left: list[str]) -> Iterator[Item]:
    """Yields what can go of a run that is not running; what cannot, for files of others in it, is noted."""
    checkpoints = folder / "checkpoints"
    if status in ("failed", "interrupted"):
        kind = "unfinished" if (checkpoints / "last.ckpt").exists() else "empty"
        if not (others := strange(folder)):
            yield Item(folder, kind, size_of(folder), folder, state)
            return
        left.append(f"{folder}: {status}, but holds what is not clozelab's: {', '.join(others[:3])}")
    is_kept = status == "completed" and checkpoints.is_dir() and not checkpoints.is_symlink()
    if is_kept and not any(name.startswith("checkpoints/") for name in strange(folder)):
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


def strange(folder: Path) -> list[str]:
    """Returns what is in a run directory, however deep, and not from a run: files of a user's, and every link."""
    found = []
    for entry in files(folder):
        place = Path(entry.path).relative_to(folder)
        own = re.fullmatch(OWN, place.as_posix()) or any(map(_is_temporary, place.parts))
        if entry.is_symlink() or not own:
            found.append(place.as_posix())
    return sorted(found)


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
    if all(folder.absolute().parents[2] != root.absolute() for folder in folders):
        return  # all studies share one wandb directory: below one of them, those of the others seem to be gone
    ids = {found for folder in folders for found in ids_of(folder, root)}
    for path in sorted((root / "wandb").glob("offline-run-*")):
        found = re.fullmatch(r"offline-run-\d+_\d+-(.+-[0-9a-f]{8}-seed-\d+)", path.name)
        if found and found[1] not in ids and path.is_dir() and not path.is_symlink() and is_idle(path):
            yield Item(path, "dashboards", size_of(path))


def ids_of(folder: Path, root: Path) -> set[str]:
    """Returns the id of a run by its place in a directory of studies, and the one it was given, were it moved since."""
    place = folder.absolute()
    found = {run_id(study_of(folder, root), place.parent.name[-8:], place.name.removeprefix("seed-"))}
    try:
        return found | {str(read_run(folder).get("id"))}
    except ConfigError:  # damaged
        return found


def _cached(kinds: Sequence[str]) -> Iterator[Item]:
    for drawer in DRAWERS:
        kind = "downloads" if drawer.fetched else "cache"
        if kind in kinds:
            yield from (Item(path, kind, size_of(path)) for path in entries(drawer))
