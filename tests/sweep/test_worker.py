"""The worker process of a sweep: what a cell leaves behind in it."""

import gc
import weakref
from pathlib import Path
from typing import Any

import pytest
import yaml

from clozelab.config.compose import compose
from clozelab.sweep import worker


class Model:
    """Refers to itself, as a model, its trainer and their hooks do to one another."""

    def __init__(self) -> None:
        self.trainer = self


@pytest.mark.parametrize("fails", [False, True])
def test_no_model_outlives_its_cell(
    fails: bool, tmp_path: Path, conll_files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    models: list[weakref.ref[Model]] = []

    def execute(*_: Any) -> None:
        model = Model()
        models.append(weakref.ref(model))
        if fails:
            raise ValueError("no")

    monkeypatch.setattr(worker, "execute", execute)
    places = [f"data.{split}={path}" for split, path in conll_files.items()]
    config = compose(["model=bert_tiny", "data=files", *places, f"output_dir={tmp_path}"])
    (tmp_path / "cell.yaml").write_text(yaml.safe_dump(config))
    gc.disable()  # as if its next turn were far away
    try:
        outcome = worker.answer({"action": "run", "config_file": str(tmp_path / "cell.yaml")})
    finally:
        gc.enable()
    assert outcome["status"] == ("failed" if fails else "completed")
    assert [model() for model in models] == [None]
