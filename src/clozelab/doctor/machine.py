"""Processor, accelerator, memory and disks."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from clozelab.doctor.finding import Finding, Level

CGROUP = Path("/sys/fs/cgroup")
GPU_DRIVER = Path("/proc/driver/nvidia/version")
GB = 1e9

MEMORY = (1.0, 3.0)
"""Free GB below which there is a problem, or a warning: MiniLM trains in about two."""

DISK = (0.5, 5.0)
"""The same of a disk: a run of MiniLM leaves 0.1, its checkpoint 0.3 while it works."""


def check_torch() -> list[Finding]:
    """Imports torch in a process of its own and says what it sees of this machine."""
    command = [sys.executable, "-m", "clozelab.doctor.probe"]
    again = "install torch anew: python -m pip install --force-reinstall torch"
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, errors="replace")
    except subprocess.TimeoutExpired:
        return [Finding("problem", "torch", "its import takes more than a minute", "is this disk or machine busy?")]
    if done.returncode < 0:
        name = signal.Signals(-done.returncode).name
        return [Finding("problem", "torch", f"its import died with {name}", f"another build may work; {again}")]
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no message"]
        return [Finding("problem", "torch", f"cannot be imported: {lines[-1]}", again)]
    seen = json.loads(done.stdout.strip().splitlines()[-1])
    return [*_build(seen), _processor(seen), _accelerator(seen), _precision(seen)]


def _build(seen: dict[str, Any]) -> list[Finding]:
    build = f"for CUDA {seen['cuda']}" if seen["cuda"] else "for processors only, or another accelerator"
    if seen["sum"] != 512:
        return [Finding("problem", "torch", "a product of matrices comes out wrong", "another build may work")]
    return [Finding("ok", "torch", f"{seen['version']}, built {build}")]


def _processor(seen: dict[str, Any]) -> Finding:
    from clozelab.environment import hardware

    bfloat16 = f"bfloat16 in hardware ({', '.join(seen['bfloat16'])})" if seen["bfloat16"] else "no bfloat16"
    return Finding("ok", "processor", f"{hardware()['processor']}, {seen['kernels']} kernels, {bfloat16}")


def _accelerator(seen: dict[str, Any]) -> Finding:
    if seen["devices"]:
        names = [f"{d['name']} ({d['memory'] / GB:.0f} GB)" for d in seen["devices"]]
        return Finding("ok", "accelerator", f"CUDA: {', '.join(names)}")
    if seen["mps"]:
        return Finding("ok", "accelerator", "MPS")
    if GPU_DRIVER.exists() and not seen["cuda"]:
        text, advice = (
            "an NVIDIA driver is here, but this torch was built without CUDA",
            "install a CUDA build of torch",
        )
        return Finding("warning", "accelerator", text, advice)
    if seen["cuda"] and (GPU_DRIVER.exists() or seen["warnings"]):
        said = seen["warnings"][0].split(". ")[0] if seen["warnings"] else "the driver may be too old for this build"
        advice = "update the driver, or install a torch built for an earlier CUDA; runs use the processor"
        return Finding("warning", "accelerator", f"torch finds no GPU: {said}", advice)
    return Finding("ok", "accelerator", "none: runs use the processor")


def _precision(seen: dict[str, Any]) -> Finding:
    return Finding("ok", "precision", f"trainer.precision=auto gives {seen['precision']} here")


def check_threads(cgroup: Path = CGROUP) -> list[Finding]:
    """Says how many cores a run takes, and whether a container grants fewer."""
    from clozelab.environment import num_cores

    cores, granted = num_cores(), _granted_cores(cgroup)
    if granted is not None and granted < cores:
        text = f"{cores} cores are visible, but this container grants the time of {granted:g}"
        return [Finding("warning", "threads", text, f"num_threads={max(1, round(granted))} is faster")]
    return [Finding("ok", "threads", f"{cores}, one a core; num_threads=... takes fewer")]


def _granted_cores(cgroup: Path) -> float | None:
    words = _read(cgroup / "cpu.max").split()
    return int(words[0]) / int(words[1]) if len(words) == 2 and words[0] != "max" else None


def check_memory(cgroup: Path = CGROUP) -> list[Finding]:
    """Says how much memory is free, of the machine or of the container."""
    import psutil

    memory = psutil.virtual_memory()
    total, free = memory.total, memory.available
    limit, used = (_read(cgroup / name).strip() for name in ("memory.max", "memory.current"))
    if limit.isdigit() and int(limit) < total:
        total = int(limit)
        free = min(free, total - int(used or 0))
    level = _level(free, MEMORY)
    advice = "" if level == "ok" else "close other programs; smaller data.batch_size or data.micro_batches=2 needs less"
    return [Finding(level, "memory", f"{free / GB:.1f} of {total / GB:.1f} GB free", advice)]


def check_disk(name: str, folder: Path, key: str) -> list[Finding]:
    """Says whether a folder can be written, and how much room there is.

    Args:
        name: of what is kept there.
        folder: need not exist yet.
        key: that moves it.
    """
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    if not place.is_dir():
        return [Finding("problem", name, f"{folder}: {place} is not a folder", f"{key} names another")]
    try:
        tempfile.TemporaryFile(dir=place).close()
    except OSError as error:
        return [Finding("problem", name, f"{folder}: cannot be written: {error.strerror}", f"{key} names another")]
    free = shutil.disk_usage(place).free
    level = _level(free, DISK)
    advice = "" if level == "ok" else f"clozelab runs clean frees some; {key} moves it"
    return [Finding(level, name, f"{folder}: {free / GB:.1f} GB free", advice)]


def _level(free: float, limits: tuple[float, float]) -> Level:
    problem, warning = limits
    return "problem" if free < problem * GB else "warning" if free < warning * GB else "ok"


def _read(path: Path) -> str:
    return path.read_text() if os.access(path, os.R_OK) else ""
