"""What a run was computed with: code, packages, hardware. Free of torch at import."""

import hashlib
import os
import platform
import subprocess
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, entry_points, version
from pathlib import Path
from typing import Any

PACKAGES = ("clozelab", "torch", "pytorch-lightning", "transformers", "tokenizers", "numpy", "hydra-core", "wandb")
NUMERIC_PACKAGES = ("torch", "pytorch-lightning", "transformers", "tokenizers", "numpy")
"""Packages whose versions may change the last bits of a result."""


def packages() -> dict[str, str]:
    """Returns the versions of Python and of the packages a run depends on, those that declare targets included."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    declared = {point.dist.name: point.dist.version for point in entry_points(group="clozelab.targets") if point.dist}
    return {**found, **declared}


def code() -> dict[str, str | None]:
    """Returns the git commit of clozelab's code and a hash of what differs from it; None where it is no checkout.

    Beside these `source`, a hash of the modules alone: a commit may change what computes nothing, and an installed
    package has none.
    """
    folder = Path(__file__).parent
    source = _source(folder)
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None or _git(folder, "ls-files", "--error-unmatch", __file__) is None:
        return {"commit": None, "diff": None, "source": source}
    diff = _git(folder, "diff", "--no-ext-diff", "--no-textconv", "--no-color", "--binary", "HEAD", "--", ":/") or ""
    diff += "".join(_new_files(folder))
    changes = hashlib.sha256(diff.encode()).hexdigest()[:16] if diff else None
    return {"commit": commit, "diff": changes, "source": source}


def is_same_code(then: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Says whether two answers of `code` are of one source; of an old run without it, of one commit and diff."""
    if then.get("source") and now.get("source"):
        return bool(then["source"] == now["source"])
    return all(then.get(key, "not recorded") == now.get(key) for key in ("commit", "diff"))


def _source(folder: Path) -> str:
    whole = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        whole.update(
            f"{path.relative_to(folder).as_posix()} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode()
        )
    return whole.hexdigest()[:16]


def _new_files(folder: Path) -> Iterator[str]:
    """Yields name and content hash of code that git does not know yet: a diff leaves it out."""
    top = Path(_git(folder, "rev-parse", "--show-toplevel") or folder)
    names = _git(folder, "ls-files", "-z", "--others", "--exclude-standard", "--full-name", "--", ":/src", ":/conf")
    for name in sorted(filter(None, (names or "").split("\0"))):
        yield f"{name} {hashlib.sha256((top / name).read_bytes()).hexdigest()}\n"


def hardware() -> dict[str, Any]:
    """Returns processor, cores and operating system."""
    return {"processor": _processor(), "cores": num_cores(), "system": platform.platform()}


def num_cores() -> int:
    """Returns the processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _git(folder: Path, *arguments: str) -> str | None:
    # A git hook exports where *its* repository is.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True, text=True, timeout=10, check=False, env=environment, errors="replace",
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
