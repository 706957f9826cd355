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


def test_a_state_saved_at_a_mid_epoch_validation_would_skip_it_so_it_waits(
    clozelab: Run, overrides: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pytorch_lightning as pl

    saved = []
    monkeypatch.setattr(
        pl.Trainer, "save_checkpoint", lambda self, path: (saved.append(self.global_step), path.touch())
    )
    options = ["trainer.val_check_interval=2", "callbacks.checkpoint.every_n_steps=2", "data.micro_batches=2"]
    assert clozelab("train", *overrides, *options)[0] == 0
    assert saved == [3, 5, 7, 8, 11, 13, 15, 16]


@pytest.mark.slow
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
