"""SHA-256 of files and plain values, with a memory: 90 MB of weights are not read twice to know an identity."""

import hashlib
import json
from pathlib import Path

from clozelab.store.cache import atomic_write, cache_dir


def digest(value: object) -> str:
    """Returns the SHA-256 of a plain value (None, bool, number, string, list, dict), 64 hex digits."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def file_digest(path: Path) -> str:
    """Returns the SHA-256 of a file's bytes, remembered by (path, size, modification time in ns, inode)."""
    stat = path.stat()
    memo = cache_dir() / "hashes" / digest([str(path.resolve()), stat.st_size, stat.st_mtime_ns, stat.st_ino])
    if memo.exists():
        return memo.read_text()
    with open(path, "rb") as file:
        value = hashlib.file_digest(file, "sha256").hexdigest()
    atomic_write(memo, value)
    return value


def folder_digest(path: Path, *, without: str = "") -> str:
    """Returns one digest of every visible file of a folder, names included, sub-folders too.

    Args:
        path: of the folder.
        without: name of a file in it that does not count.
    """
    names = sorted(file.relative_to(path) for file in path.rglob("*") if file.is_file())
    # Nothing below a hidden folder either: .git, or the hub client's .cache, which holds the time of the download.
    visible = [name for name in names if not any(part.startswith(".") for part in name.parts) and str(name) != without]
    return digest([[str(name), file_digest(path / name)] for name in visible])
