"""What tests of dashboards share: a run to be told of."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clozelab.logger.dashboard import About


@pytest.fixture
def about(tmp_path: Path) -> Callable[..., About]:
    """Makes what a dashboard is told of a run below tmp_path."""

    def make(**given: Any) -> About:
        values = {
            "output_dir": tmp_path, "folder": tmp_path / "study" / "cell" / "seed-1", "id": "abc-seed-1",
            "group": "cell", "seed": 1, "config": {"seed": 1}, "hyperparameters": {"seed": 1}, "ancestry": [],
            "history": {}, **given,
        }  # fmt: skip
        values["folder"].mkdir(parents=True, exist_ok=True)
        return About(**values)

    return make
