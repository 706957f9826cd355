"""A sweep finishes whatever its cells do, and typing it again runs only what is missing."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., tuple[int, str, str]]


def states(output: Path) -> dict[str, str]:
    """Returns the status of every run by its seed directory."""
    return {p.parent.name: json.loads(p.read_text())["status"] for p in sorted(output.glob("*/*/*/run.json"))}


def sweep(overrides: list[str], output: Path, *more: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "clozelab", "train", *overrides, f"output_dir={output}", *more, "-m"]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=300, env={**os.environ, **environment}, check=False
    )


@pytest.fixture
def saboteur(tmp_path: Path) -> Path:
    """A package whose optimizer, allowed by an entry point, misbehaves at chosen seeds."""
    folder = tmp_path / "site"
    (folder / "saboteur").mkdir(parents=True)
    (folder / "saboteur" / "__init__.py").write_text("")
    (folder / "saboteur" / "scheduler.py").write_text(
        "import os, signal\n"
        "from clozelab.scheduler.linear import Constant\n"
        "class Saboteur:\n"
        "    def __init__(self, *, action: str) -> None:\n"
        "        self.action = action\n"
        "    def build(self, *, optimizer, num_steps):\n"
        "        if num_steps > 10:  # not the check\n"
        "            if self.action == 'raise': raise ZeroDivisionError('sabotage')\n"
        "            if self.action == 'exit': raise SystemExit(3)\n"
        "            if self.action == 'hard_exit': os._exit(7)\n"
        "            if self.action == 'kill': os.kill(os.getpid(), signal.SIGKILL)\n"
        "        return Constant().build(optimizer=optimizer, num_steps=num_steps)\n"
    )
    info = folder / "saboteur-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: saboteur\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[clozelab.targets]\nsaboteur = saboteur\n")
    conf = tmp_path / "conf" / "scheduler"
    conf.mkdir(parents=True)
    (conf / "saboteur.yaml").write_text(
        "# A scheduler that misbehaves.\n_target_: saboteur.scheduler.Saboteur\naction: none\n"
    )
    return tmp_path


@pytest.mark.slow
def test_a_sweep_survives_cells_that_raise_exit_and_are_killed(
    overrides: list[str], saboteur: Path, tmp_path: Path
) -> None:
    output = tmp_path / "outputs"
    options = ["--config-dir", str(saboteur / "conf"), "scheduler=saboteur", "study=s"]
    actions = "scheduler.action=raise,exit,hard_exit,kill,fine"
    done = sweep([*overrides, *options], output, actions, PYTHONPATH=str(saboteur / "site"))
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout.count("FAILED") == 4
    assert "ZeroDivisionError: sabotage" in done.stdout
    assert "killed by SIGKILL" in done.stdout
    assert "exited with 7" in done.stdout
    by_action = {}
    for path in output.glob("s/*/*/run.json"):
        state = json.loads(path.read_text())
        by_action[state["identity"]["scheduler.action"]] = state["status"]
    assert by_action["fine"] == "completed"
    assert by_action["raise"] == by_action["kill"] == by_action["hard_exit"] == "failed"


@pytest.mark.slow
def test_typing_a_sweep_again_runs_only_what_is_missing_and_without_torch_if_nothing_is(
    overrides: list[str], tmp_path: Path
) -> None:
    output = tmp_path / "outputs"
    first = sweep(overrides, output, "seed=1")
    assert first.returncode == 0, first.stderr
    assert states(output) == {"seed-1": "completed"}
    before = {p: p.stat().st_mtime_ns for p in output.rglob("metrics.json")}
    second = sweep(overrides, output, "seed=1,2")
    assert second.returncode == 0, second.stderr
    assert second.stdout.count("stored") == 1
    assert states(output) == {"seed-1": "completed", "seed-2": "completed"}
    assert all(path.stat().st_mtime_ns == then for path, then in before.items())
    code = (
        "import sys; from clozelab.cli import main; code = main(sys.argv[1:]);"
        "assert 'torch' not in sys.modules; sys.exit(code)"
    )
    command = [sys.executable, "-c", code, "train", *overrides, f"output_dir={output}", "seed=1,2", "-m"]
    third = subprocess.run(command, capture_output=True, text=True, check=False)
    assert third.returncode == 0, third.stderr
    assert third.stdout.count("stored") == 2


@pytest.mark.slow
def test_every_cell_is_checked_before_the_first_starts(overrides: list[str], tmp_path: Path) -> None:
    output = tmp_path / "outputs"
    done = sweep(overrides, output, "optimizer.lr=1e-3,-1", "data.batch_size=8,0")
    assert done.returncode == 2
    assert "optimizer.lr=-1: Invalid learning rate" in done.stderr
    assert "data.batch_size=0" in done.stderr
    assert "Traceback" not in done.stderr
    assert not output.exists()


@pytest.mark.slow
def test_a_yaml_file_edited_during_a_sweep_changes_no_cell(overrides: list[str], tmp_path: Path) -> None:
    output = tmp_path / "outputs"
    conf = tmp_path / "conf" / "experiment"
    conf.mkdir(parents=True)
    file = conf / "mine.yaml"
    file.write_text("# @package _global_\n# clozelab train experiment=mine\noptimizer: {lr: 0.001}\n")
    options = [o for o in overrides if not o.startswith("optimizer.lr")]
    command = [sys.executable, "-m", "clozelab", "train", "-m", "--config-dir", str(tmp_path / "conf"), *options]
    command += ["experiment=mine", f"output_dir={output}", "seed=1,2"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not list(output.glob("*/*/seed-1/run.json")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    file.write_text("# @package _global_\noptimizer: {lr: 0.9}\n")
    process.communicate(timeout=200)
    rates = {json.loads(p.read_text())["identity"]["optimizer.lr"] for p in output.glob("*/*/*/run.json")}
    assert len(states(output)) == 2
    assert rates == {0.001}


@pytest.mark.slow
def test_ctrl_c_ends_the_worker_and_the_same_command_goes_on(overrides: list[str], tmp_path: Path) -> None:
    output = tmp_path / "outputs"
    options = [*overrides, "trainer.max_epochs=30", "callbacks.checkpoint.every_n_steps=5", "data.limit=24"]
    command = [sys.executable, "-m", "clozelab", "train", *options, f"output_dir={output}", "seed=1,2", "-m"]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell that runs in the background ignores Ctrl-C, and so would its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    while not list(output.glob("*/*/seed-1/checkpoints/last.ckpt")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the same command continues" in err
    assert "Traceback" not in err
    state = json.loads(next(output.glob("*/*/seed-1/run.json")).read_text())
    assert state["status"] == "interrupted"
    again = sweep(options, output, "seed=1,2")
    assert again.returncode == 0, again.stderr
    first = json.loads(next(output.glob("*/*/seed-1/run.json")).read_text())
    assert first["resumed_from_step"] >= 5


@pytest.mark.parametrize("twice", ["data.micro_batches=1,2", "study=a,a", "logger=csv,none"])
def test_cells_that_are_one_and_the_same_run_are_refused(
    clozelab: Run, overrides: list[str], tmp_path: Path, twice: str
) -> None:
    options = [o for o in overrides if not o.startswith(twice.partition("=")[0] + "=")]
    code, _, err = clozelab("train", *options, twice, "-m")
    assert code == 2
    assert "the same run" in err
    assert not (tmp_path / "outputs").exists()
