"""Every way in which torch, memory or a disk can be wrong is said, with what to do; none is a traceback."""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from clozelab.doctor import machine
from clozelab.doctor.finding import Finding
from clozelab.doctor.machine import check_disk, check_memory, check_threads, check_torch

SEEN: dict[str, Any] = {
    "version": "2.13.0", "cuda": None, "kernels": "AVX2", "bfloat16": [], "devices": [], "mps": False,
    "precision": "32-true", "sum": 512.0, "warnings": [],
}  # fmt: skip
Probe = Callable[..., dict[str, Finding]]


@pytest.fixture
def probed(monkeypatch: pytest.MonkeyPatch) -> Probe:
    """What the doctor says if the probe ends in some way."""

    def answer(seen: dict[str, Any] | None = None, **process: Any) -> dict[str, Finding]:
        stdout = f"a library says hello\n{json.dumps({**SEEN, **(seen or {})})}\n"
        done = subprocess.CompletedProcess([], **{"returncode": 0, "stdout": stdout, "stderr": "", **process})
        monkeypatch.setattr(subprocess, "run", lambda *args, **kwargs: done)
        return {finding.name: finding for finding in check_torch()}

    return answer


def test_a_torch_that_is_not_there_or_broken_is_a_problem_not_a_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "torch.py").write_text("raise ImportError('libtorch_cpu.so: cannot open shared object file')")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{Path(machine.__file__).parents[2]}")
    (finding,) = check_torch()
    assert (finding.level, finding.name) == ("problem", "torch")
    assert finding.text == "cannot be imported: ImportError: libtorch_cpu.so: cannot open shared object file"
    assert "python -m pip install --force-reinstall torch" in finding.advice
    (tmp_path / "torch.py").write_text("import os, signal; os.kill(os.getpid(), signal.SIGILL)")
    (finding,) = check_torch()
    assert (finding.level, finding.text) == ("problem", "its import died with SIGILL")


def test_a_torch_that_hangs_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(*args: Any, **kwargs: Any) -> None:
        raise subprocess.TimeoutExpired("python", kwargs["timeout"])

    monkeypatch.setattr(subprocess, "run", hang)
    assert [finding.level for finding in check_torch()] == ["problem"]


def test_a_torch_that_computes_wrongly_is_a_problem(probed: Probe) -> None:
    assert probed({"sum": 511.0})["torch"].level == "problem"


def test_a_plain_processor_is_fine(probed: Probe) -> None:
    found = probed()
    assert {finding.level for finding in found.values()} == {"ok"}
    assert "no bfloat16" in found["processor"].text
    assert found["accelerator"].text == "none: runs use the processor"
    assert found["precision"].text == "trainer.precision=auto gives 32-true here"
    amx = probed({"bfloat16": ["avx512_bf16", "amx_bf16"], "precision": "bf16-mixed"})
    assert "bfloat16 in hardware (avx512_bf16, amx_bf16)" in amx["processor"].text
    assert "bf16-mixed" in amx["precision"].text


def test_accelerators_are_named(probed: Probe) -> None:
    device = {"name": "NVIDIA H100", "memory": 80e9, "capability": [9, 0]}
    assert probed({"cuda": "12.8", "devices": [device]})["accelerator"].text == "CUDA: NVIDIA H100 (80 GB)"
    assert probed({"mps": True})["accelerator"].text == "MPS"


def test_a_gpu_that_torch_cannot_use_is_a_warning(
    probed: Probe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "GPU_DRIVER", tmp_path)
    found = probed()["accelerator"]
    assert (found.level, found.advice) == ("warning", "install a CUDA build of torch")
    found = probed({"cuda": "13.0"})["accelerator"]
    assert (found.level, "the driver may be too old" in found.text) == ("warning", True)
    monkeypatch.setattr(machine, "GPU_DRIVER", tmp_path / "nothing")
    found = probed({"cuda": "13.0", "warnings": ["CUDA initialization: driver too old. Please update"]})["accelerator"]
    assert found.text == "torch finds no GPU: CUDA initialization: driver too old"
    assert probed({"cuda": "13.0"})["accelerator"].level == "ok", "a CUDA build runs on a machine without a GPU"


def test_a_container_that_grants_less_time_than_it_shows_cores_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clozelab.environment.num_cores", lambda: 16)
    assert [finding.level for finding in check_threads(tmp_path)] == ["ok"]
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert [finding.level for finding in check_threads(tmp_path)] == ["ok"]
    (tmp_path / "cpu.max").write_text("200000 100000\n")
    (finding,) = check_threads(tmp_path)
    assert (finding.level, finding.advice) == ("warning", "num_threads=2 is faster")
    assert "grants the time of 2" in finding.text


@pytest.mark.parametrize(("free", "level"), [(0.5, "problem"), (2, "warning"), (16, "ok")])
def test_little_memory_is_said(free: float, level: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = type("Memory", (), {"total": 32e9, "available": free * 1e9})
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    (finding,) = check_memory(tmp_path)
    assert finding.level == level
    assert bool(finding.advice) == (level != "ok")
    assert "of 32.0 GB free" in finding.text


def test_the_limit_of_a_container_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: type("Memory", (), {"total": 64e9, "available": 60e9}))
    (tmp_path / "memory.max").write_text("2000000000\n")
    (tmp_path / "memory.current").write_text("1500000000\n")
    (finding,) = check_memory(tmp_path)
    assert (finding.level, finding.text) == ("problem", "0.5 of 2.0 GB free")


@pytest.mark.parametrize(("free", "level"), [(1e8, "problem"), (3e9, "warning"), (1e12, "ok")])
def test_a_full_disk_is_said(free: float, level: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda place: type("Usage", (), {"free": free}))
    (finding,) = check_disk("outputs", tmp_path / "not" / "yet", "output_dir=...")
    assert finding.level == level
    assert ("clozelab runs clean" in finding.advice) == (level != "ok")
    assert list(tmp_path.iterdir()) == [], "looking makes nothing"


def test_a_place_that_cannot_be_written_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    (finding,) = check_disk("outputs", tmp_path / "file" / "outputs", "output_dir=...")
    assert (finding.level, "is not a folder" in finding.text) == ("problem", True)

    def refuse(**kwargs: Any) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    (finding,) = check_disk("cache", tmp_path, "CLOZELAB_CACHE")
    assert (finding.level, finding.advice) == ("problem", "CLOZELAB_CACHE names another")
    assert "Read-only file system" in finding.text


def test_the_probe_is_run_by_this_python(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []

    def note(command: list[str], **kwargs: Any) -> Any:
        seen.append(command)
        return subprocess.CompletedProcess(command, 1, "", "")

    monkeypatch.setattr(subprocess, "run", note)
    (finding,) = check_torch()
    assert seen == [[sys.executable, "-m", "clozelab.doctor.probe"]]
    assert finding.text == "cannot be imported: no message"
