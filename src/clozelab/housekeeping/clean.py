"""Removing what a plan names, after asking, and only if the run it belongs to still stands as it did."""

import sys
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock, Timeout

from clozelab.errors import ConfigError, RunFailedError
from clozelab.housekeeping.cache import contents
from clozelab.housekeeping.disk import readable, size_of, take_away
from clozelab.housekeeping.plan import KINDS, Item, Plan, make_plan
from clozelab.store.cache import cache_dir
from clozelab.store.runs import LOCK, read_run


def clean(root: Path | None, kinds: Sequence[str], *, yes: bool) -> None:
    """Shows what can be freed, asks, and frees it.

    Args:
        root: run, cell, study or directory of studies; None looks at the cache only.
        kinds: of `plan.KINDS`.
        yes: do not ask.

    Raises:
        ConfigError: if there is no run at or below the path.
        RunFailedError: if something could not be removed.
    """
    plan = make_plan(root, kinds)
    show(plan)
    _say_what_else(kinds)
    if not plan.items:
        print("nothing to free")
        return
    total = readable(sum(item.size for item in plan.items))
    if not yes and not (sys.stdin.isatty() and sys.stdout.isatty()):
        print(f"{total} could be freed; nothing was removed, for this is no terminal to ask at: --yes removes it")
        return
    if not yes and not _agreed(f"free {total}? [y/N] "):
        print("nothing was removed")
        return
    _remove(plan.items)


def show(plan: Plan) -> None:
    """Prints what would go, with sizes, and what is left alone."""
    for kind, what in KINDS.items():
        own = [item for item in plan.items if item.kind == kind]
        if own:
            print(f"{what}: {readable(sum(item.size for item in own))}")
        if kind in ("cache", "downloads"):  # thousands of entries, whose names say nothing
            for folder in dict.fromkeys(item.path.parent for item in own):
                inside = [item.size for item in own if item.path.parent == folder]
                entries = "entry" if len(inside) == 1 else "entries"
                print(f"  {readable(sum(inside)):>6}  {folder}: {len(inside)} {entries}")
            continue
        for item in own:
            print(f"  {readable(item.size):>6}  {item.path}")
    if plan.left:
        print("left alone:")
    for reason in plan.left:
        print(f"  {reason}")


def _say_what_else(kinds: Sequence[str]) -> None:
    sizes = {"cache": 0, "downloads": 0}
    for drawer, size in contents().items():
        sizes["downloads" if drawer.fetched else "cache"] += size
    offers = [f"--{kind} frees {readable(size)}" for kind, size in sizes.items() if size and kind not in kinds]
    if offers:
        print(f"the cache, {cache_dir()}: {', '.join(offers)}")


def _agreed(question: str) -> bool:
    try:
        return input(question).strip().lower() in ("y", "yes")
    except EOFError:
        print()
        return False


def _remove(items: Sequence[Item]) -> None:
    """Removes the items one by one; one that cannot be is no obstacle to the others.

    Raises:
        RunFailedError: naming what could not be removed.
    """
    freed = 0
    problems = []
    for item in items:
        try:
            freed += _remove_one(item)
        except OSError as error:
            problems.append(f"{item.path}: {error.strerror or error}")
    print(f"freed {readable(freed)}")
    if problems:
        raise RunFailedError("\n  ".join(["could not be removed:", *problems]))


def _remove_one(item: Item) -> int:
    """Removes an item unless its run was started meanwhile; returns the bytes that were freed."""
    if item.run is None:
        take_away(item.path)
        return item.size
    if not (item.run / "run.json").exists():  # removed meanwhile
        return 0
    lock = FileLock(item.run / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print(f"left alone: {item.run} is running now")
        return 0
    try:
        if _state(item.run) != item.state:
            print(f"left alone: {item.run} has changed meanwhile")
            return 0
        take_away(item.path)
    finally:
        lock.release()
    if item.path == item.run:
        _remove_empty(item.run.absolute().parent)
    return item.size - size_of(item.path)


def _state(run: Path) -> object:
    try:
        return read_run(run)
    except (ConfigError, OSError):
        return None


def _remove_empty(cell: Path) -> None:
    """Removes the directory of a cell, and that of its study, if they hold nothing any more."""
    for folder in (cell, cell.parent):
        if any(folder.iterdir()):
            return
        folder.rmdir()
