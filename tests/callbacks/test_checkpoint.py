"""Checkpoints: wrong values are refused, an unknown selection metric is named, and finished runs keep what is asked."""

from collections.abc import Callable
from pathlib import Path

import pytest

from clozelab.callbacks.checkpoint import Checkpoint
from clozelab.checkpoint import last_step
from clozelab.errors import ConfigError

Run = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize("options", [{"every_n_minutes": -1}, {"every_n_steps": 0}])
def test_wrong_values_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(options))):
        Checkpoint(**options)  # type: ignore[arg-type]


def test_a_selection_metric_that_validation_lacks_is_a_users_mistake(clozelab: Run, overrides: list[str]) -> None:
    code, _, err = clozelab("train", *overrides, "task.selection=val/f7")
    assert code == 2
    assert "val/f1_conlleval" in err


def test_a_finished_run_keeps_its_checkpoints_only_if_asked(
    clozelab: Run, overrides: list[str], tmp_path: Path
) -> None:
    options = [*overrides, "callbacks.checkpoint.every_n_steps=4"]
    assert clozelab("train", *options, f"output_dir={tmp_path / 'a'}")[0] == 0
    assert not list((tmp_path / "a").rglob("checkpoints"))
    keep = ["callbacks.checkpoint.keep=true", f"output_dir={tmp_path / 'b'}"]
    assert clozelab("train", *options, *keep)[0] == 0
    (last,) = (tmp_path / "b").rglob("last.ckpt")
    assert last_step(last) == 16
    assert (last.parent / "best.pt").exists()
