"""One way to put something into the cache: under a lock, under a temporary name, then renamed.

A reader therefore sees a finished entry or none, whoever builds at the same time and whatever interrupts them.
"""

import glob
import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from clozelab.errors import DataError


def cache_dir() -> Path:
    """Returns the cache directory: `$CLOZELAB_CACHE`, else `~/.cache/clozelab`."""
    return Path(os.environ.get("CLOZELAB_CACHE") or "~/.cache/clozelab").expanduser()


def build_once(entry: Path, build: Callable[[Path], None]) -> Path:
    """Returns `entry` (a file or a folder), made by `build(temporary path)` unless it is there already.

    Whatever `build` raises is passed on, and nothing half-made is left.

    Raises:
        DataError: if the cache cannot be written.
    """
    if entry.exists():
        return entry
    try:
        entry.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            f"{entry.parent}: the cache cannot be written ({error.strerror}); CLOZELAB_CACHE moves it"
        ) from error
    with FileLock(entry.parent / f".{entry.name}.lock"):
        if entry.exists():
            return entry
        # Ours alone while the lock is held: its maker is dead. mkdtemp's random part has eight characters; a `*` would
        # also match what another process is building for an entry whose name begins with ours.
        for stale in entry.parent.glob(f".{glob.escape(entry.name)}.????????.tmp"):
            remove(stale)
        temporary = Path(tempfile.mkdtemp(prefix=f".{entry.name}.", suffix=".tmp", dir=entry.parent))
        try:
            build(temporary / entry.name)
            os.replace(temporary / entry.name, entry)
        finally:
            remove(temporary)
    return entry


def remove(path: Path) -> None:
    """Removes a file or a whole folder, if there."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def atomic_path(path: Path, *, durable: bool = True) -> Iterator[Path]:
    """Yields a temporary path beside `path` that takes its place when the block ends without an error.

    Args:
        path: of the file.
        durable: wait until it is on the disk; False for what need not survive a crash of the machine.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not the process id: two containers that share a cache have the same ones.
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}.tmp")
    try:
        yield temporary
        if durable:
            with open(temporary, "rb") as file:
                os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def atomic_write(path: Path, text: str, *, durable: bool = True) -> None:
    """Writes `text` as UTF-8 so that a reader sees the old file or the new one, never a part.

    Args:
        path: of the file.
        text: its whole content.
        durable: wait until it is on the disk; False for what need not survive a crash of the machine.
    """
    with atomic_path(path, durable=durable) as temporary:
        temporary.write_text(text, encoding="utf-8")
