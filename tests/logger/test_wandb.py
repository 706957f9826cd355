"""wandb for real, offline: one run a run, in one directory, with the right groups and the right numbers."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from clozelab.errors import ConfigError
from clozelab.logger.wandb import Wandb

Run = Callable[..., tuple[int, str, str]]


def wandb_overrides(overrides: list[str]) -> list[str]:
    return ["logger=wandb" if o == "logger=none" else o for o in overrides]


def inspect(folder: Path) -> dict[str, dict[str, object]]:
    """Returns what `wandb leet inspect` reads back of every run, by its id."""
    command = shutil.which("wandb", path=Path(sys.executable).parent.as_posix())
    assert command is not None
    found = {}
    for path in sorted((folder / "wandb").glob("offline-run-*")):
        done = subprocess.run(
            [command, "leet", "inspect", "--summary", "--json", str(path)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        found[path.name.partition("-run-")[2].partition("-")[2]] = json.loads(done.stdout)
    return found


def test_a_sweep_of_four_is_four_wandb_runs_with_their_groups_and_numbers(overrides: list[str], tmp_path: Path) -> None:
    output = tmp_path / "outputs"
    command = [sys.executable, "-m", "clozelab", "train", *wandb_overrides(overrides), f"output_dir={output}"]
    command += ["seed=1,2", "optimizer.lr=1e-3,2e-3", "-m"]
    environment = {k: v for k, v in os.environ.items() if k not in ("WANDB_MODE", "WANDB_API_KEY")}
    done = subprocess.run(
        command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
    assert "wandb leet" in done.stdout
    found = inspect(output)
    states = [(p.parent, json.loads(p.read_text())) for p in output.glob("*/*/*/run.json")]
    assert set(found) == {state["id"] for _, state in states}
    assert len(found) == 4
    text = {key: json.dumps(value) for key, value in found.items()}
    for folder, state in states:
        metrics = json.loads((folder / "metrics.json").read_text())
        assert folder.parent.name in text[state["id"]], "the group is the cell"
        assert repr(metrics["test/loss"])[:12] in text[state["id"]]
    assert len({folder.parent.name for folder, _ in states}) == 2


def test_a_failed_run_is_finished_too(
    clozelab: Run, overrides: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import wandb

    from clozelab.task.token_classification import TokenClassification

    def explode(self: object, *args: object) -> None:
        raise ZeroDivisionError("boom")

    monkeypatch.setattr(TokenClassification, "metrics", explode)
    with pytest.raises(ZeroDivisionError):
        clozelab("train", *wandb_overrides(overrides))
    assert wandb.run is None


def test_the_same_id_twice_offline_leaves_one_directory_with_the_whole_history(tmp_path: Path) -> None:
    def session(history: dict[int, dict[str, float]], steps: range) -> None:
        logger = Wandb(mode="offline")
        logger.open(folder=tmp_path, id="abc-seed-1", name="n", group="g", config={"lr": 1}, history=history)
        for step in steps:
            logger.log_metrics({"train/loss": float(step)}, step)
        logger.close(metrics={"test/f1": 0.5}, failed=False)

    session({}, range(3))
    session({step: {"train/loss": float(step)} for step in range(2)}, range(2, 5))
    found = inspect(tmp_path)
    assert list(found) == ["abc-seed-1"]
    assert len(list((tmp_path / "wandb").glob("offline-run-*"))) == 1
    assert "test/f1" in json.dumps(found)


def test_a_server_that_is_not_there_costs_seconds_and_the_run_goes_on_offline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    monkeypatch.delenv("WANDB_MODE", raising=False)
    logger = Wandb(timeout=3)
    started = time.monotonic()
    logger.open(folder=tmp_path, id="abc-seed-2", name="n", group="g", config={}, history={})
    logger.log_metrics({"train/loss": 1.0}, 1)
    logger.close(metrics={}, failed=False)
    assert time.monotonic() - started < 20
    assert list((tmp_path / "wandb").glob("offline-run-*"))


@pytest.mark.parametrize("options", [{"mode": "sometimes"}, {"project": "a/b"}, {"project": ""}, {"timeout": 0}])
def test_wrong_values_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=next(iter(options))):
        Wandb(**options)
