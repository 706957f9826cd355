"""How much room files take, and removing them so that nothing half-removed is taken for whole."""

import os
import shutil
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

UNITS = ("B", "kB", "MB", "GB", "TB")

DAY = 24 * 3600


def files(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Yields everything below a folder but folders; links are yielded, never followed. What vanishes is passed over."""
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    yield from files(Path(entry.path))
                else:
                    yield entry
    except OSError:  # removed since it was listed, or not ours to read
        return


def size_of(path: Path) -> int:
    """Returns the bytes of a file, or of all files below a folder; 0 for a link and for what is not there."""
    if path.is_symlink():
        return 0
    if path.is_dir():
        return sum(map(_size, files(path)))
    return path.stat().st_size if path.is_file() else 0


def _size(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat(follow_symlinks=False).st_size
    except OSError:
        return 0


def readable(num_bytes: float) -> str:
    """Returns bytes as a person reads them, at most six characters: `1.2 GB` is 1.2 x 10^9."""
    for unit in UNITS:
        if num_bytes < 999.5 or unit == UNITS[-1]:
            break
        num_bytes /= 1000
    return f"{num_bytes:.0f} {unit}" if num_bytes >= 9.95 or unit == "B" else f"{num_bytes:.1f} {unit}"


def is_idle(path: Path, *, without: str = "") -> bool:
    """Says whether nothing of a file or folder, files of one name apart, has changed for a day: no process is at it."""
    try:
        inside = (entry for entry in files(path) if entry.name != without)
        times = [path.lstat().st_mtime, *(entry.stat(follow_symlinks=False).st_mtime for entry in inside)]
    except OSError:  # something was removed since it was listed
        return False
    return time.time() - max(times) > DAY


def take_away(path: Path) -> None:
    """Removes a file or folder, a folder at once under its name; links in it go, what they point to stays.

    Raises:
        OSError: if it cannot be removed.
    """
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}.tmp")
    os.replace(path, aside)
    shutil.rmtree(aside)
