"""Runs to reproduce: those of `run_of`, and one that goes on from another."""

import io
import json
import shutil
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

Edit = Callable[..., None]


@pytest.fixture(scope="session")
def adapted_run(run_of: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A completed run of domain_adaptation that began with the model of the pretrained run."""
    from clozelab.cli import main

    parent = run_of("masks")
    folder = tmp_path_factory.mktemp("adapted")
    command = [
        "task=domain_adaptation", "data=plain_files", "data.general=null", f"data.train={parent.parents[3]}/documents",
        "model=run", f"model.path={parent}", "data.batch_size=8", "data.max_length=40", "logger=none",
        "trainer.max_steps=3", "trainer.max_epochs=1", "optimizer.lr=1e-3", "callbacks.progress.enabled=false",
        "num_threads=1", f"output_dir={folder}",
    ]  # fmt: skip
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        assert main(["train", *command]) == 0
    (run,) = folder.glob("*/*/seed-*")
    return run


@pytest.fixture
def copied(finished_run: Path, tmp_path: Path) -> Path:
    """A copy of the finished run that may be tampered with."""
    folder = tmp_path / "original" / "study" / "cell-0c753de4" / "seed-42"
    shutil.copytree(finished_run, folder)
    return folder


@pytest.fixture
def edit() -> Edit:
    """Sets values of a JSON file, under dotted keys."""

    def change(file: Path, **values: Any) -> None:
        content = json.loads(file.read_text())
        for key, value in values.items():
            node = content
            *path, last = key.split("__")
            for part in path:
                node = node[part]
            node[last] = value
        file.write_text(json.dumps(content))

    return change
