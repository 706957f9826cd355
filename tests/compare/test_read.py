"""Run directories are found wherever they are given, each once, a thousand within seconds and without torch."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from clozelab.compare.read import read_runs
from clozelab.errors import ConfigError

MakeRun = Callable[..., Path]


def test_a_directory_of_studies_a_study_a_cell_and_a_run_are_read_alike(study: Path) -> None:
    assert len(read_runs([study.parent])) == len(read_runs([study])) == 11
    cell = study / "texts-lr=3e-05-00000003"
    assert [run.seed for run in read_runs([cell])] == [1, 2, 3]
    (run,) = read_runs([cell / "seed-2"])
    assert (run.seed, run.status, run.is_done) == (2, "completed", True)
    assert run.metrics == json.loads((cell / "seed-2" / "metrics.json").read_text())


def test_a_run_that_is_given_twice_is_read_once(study: Path) -> None:
    cell = study / "texts-lr=3e-05-00000003"
    assert len(read_runs([cell / "seed-2", cell, study / "." / cell.name])) == 3


def test_what_is_not_a_run_is_passed_over(study: Path) -> None:
    (study.parent / ".sweeps" / "0123" / "a").mkdir(parents=True)
    (study.parent / "wandb" / "offline-run-1" / "files").mkdir(parents=True)
    (study / "texts-lr=3e-05-00000003" / "seed-9").mkdir()
    assert len(read_runs([study.parent])) == 11


def test_a_run_without_metrics_is_not_done(tmp_path: Path, make_run: MakeRun) -> None:
    make_run(tmp_path, "a-00000001", 1, status="running")
    (make_run(tmp_path, "a-00000001", 2) / "metrics.json").unlink()
    assert [(run.status, run.is_done) for run in read_runs([tmp_path])] == [
        ("interrupted", False), ("completed", False)
    ]  # fmt: skip


def test_seeds_come_in_the_order_of_their_numbers(tmp_path: Path, make_run: MakeRun) -> None:
    for seed in (10, 9, 100, 1):
        make_run(tmp_path, "a-00000001", seed)
    assert [run.seed for run in read_runs([tmp_path])] == [1, 9, 10, 100]


def test_a_path_that_is_no_run_is_told_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no such folder; give a study, a cell or a run: outputs/<study>"):
        read_runs([tmp_path / "nothing"])
    with pytest.raises(ConfigError, match="no run in it or below it; give"):
        read_runs([tmp_path])
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="not a folder; give"):
        read_runs([tmp_path / "file"])


@pytest.mark.parametrize("name", ["run.json", "metrics.json"])
def test_a_damaged_file_is_named(study: Path, name: str) -> None:
    path = study / "texts-lr=3e-05-00000003" / "seed-2" / name
    path.write_text("{")
    with pytest.raises(ConfigError, match=re.escape(f"{str(path)!r}: damaged")):
        read_runs([study])


@pytest.mark.parametrize("content", ["[1]", '{"val/loss": "low"}', "null"])
def test_metrics_that_are_no_numbers_are_damage(study: Path, content: str) -> None:
    path = study / "texts-lr=3e-05-00000003" / "seed-2" / "metrics.json"
    path.write_text(content)
    with pytest.raises(ConfigError, match=re.escape(f"{str(path)!r}: damaged, not one JSON object of numbers")):
        read_runs([study])


def test_a_thousand_runs_are_compared_within_seconds_and_without_torch(tmp_path: Path, make_run: MakeRun) -> None:
    for i in range(1000):
        lr, seed = 1e-6 * (1 + i // 4), 1 + i % 4
        metrics = {f"{split}/{name}": 0.5 + i / 3000 for split in ("val", "test") for name in ("accuracy", "f1/a")}
        make_run(tmp_path / "big", f"c-{i // 4:08x}", seed, identity={"optimizer.lr": lr}, metrics=metrics)
    code = """import sys
from clozelab.cli import main
code = main(sys.argv[1:])
assert not {'torch', 'transformers', 'pytorch_lightning', 'scipy', 'pandas'} & set(sys.modules)
sys.exit(code)"""
    started = time.monotonic()
    command = [sys.executable, "-c", code, "compare", str(tmp_path / "big"), "--format", "csv"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 251
    assert time.monotonic() - started < 10, "about 1.5 s on an idle machine"
