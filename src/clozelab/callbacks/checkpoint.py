"""Saves where a run stands, so that it can be killed at any moment, and the weights that validation selects."""

import math
import time
from pathlib import Path
from typing import Any, final

import pytorch_lightning as pl
import torch

from clozelab.errors import require
from clozelab.metrics.direction import higher_is_better
from clozelab.store.cache import atomic_path
from clozelab.task.base import Task
from clozelab.types import Batch


@final
class Checkpoint(pl.Callback):
    """Writes `checkpoints/last.ckpt` from time to time and `checkpoints/best.pt` when validation improves.

    Both appear at once or not at all. `last.ckpt` is only written between two optimizer steps.

    Args:
        every_n_minutes: time between two saves; 0 saves by `every_n_steps` only.
        every_n_steps: optimizer steps between two saves; None saves by the clock only.
        keep: keep both files when the run has finished; its weights are in `model/` anyway.
    """

    def __init__(self, *, every_n_minutes: float = 5.0, every_n_steps: int | None = None, keep: bool = False) -> None:
        require("every_n_minutes", every_n_minutes, every_n_minutes >= 0, "a number >= 0")
        require("every_n_steps", every_n_steps, every_n_steps is None or every_n_steps >= 1, "null or an integer >= 1")
        self.every_n_minutes = every_n_minutes
        self.every_n_steps = every_n_steps
        self.keep = keep
        self.best: float | None = None
        self.validated_step = 0
        self._saved_at = time.monotonic()
        self._last_step = -1
        self._due = False

    @staticmethod
    def last_path(folder: Path) -> Path:
        """Returns the file of the resumable state of a run directory."""
        return folder / "checkpoints" / "last.ckpt"

    @staticmethod
    def best_path(folder: Path) -> Path:
        """Returns the file of the selected weights of a run directory."""
        return folder / "checkpoints" / "best.pt"

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Starts the clock."""
        self._saved_at = time.monotonic()
        self._last_step = trainer.global_step

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        """Saves when due."""
        if trainer.global_step == self._last_step:  # a micro-batch inside a step
            return
        self._last_step = trainer.global_step
        by_steps = self.every_n_steps is not None and trainer.global_step % self.every_n_steps == 0
        minutes = (time.monotonic() - self._saved_at) / 60
        self._due |= by_steps or (self.every_n_minutes > 0 and minutes >= self.every_n_minutes)
        # Lightning, resumed from a batch that validation or the end of the epoch follows, would skip them: such a save
        # waits for the next step, or for the end of the epoch.
        validates = trainer.val_check_batch is not None and (batch_idx + 1) % trainer.val_check_batch == 0
        if not validates and batch_idx + 1 < trainer.num_training_batches:
            self._save_if_due(trainer)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Saves what came due at the last step of the epoch."""
        self._save_if_due(trainer)

    def _save_if_due(self, trainer: pl.Trainer) -> None:
        # A state saved after early stopping has fired would not know that it has, and train on.
        if not self._due or trainer.should_stop:
            return
        for logger in trainer.loggers:
            logger.save()  # curves up to this step must not be lost with the process
        self._due = False
        with atomic_path(self.last_path(Path(trainer.default_root_dir))) as path:
            trainer.save_checkpoint(path)
        self._saved_at = time.monotonic()

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Keeps the weights if they are the best so far."""
        if trainer.state.fn == "fit":
            assert isinstance(pl_module, Task)
            self.consider(pl_module, trainer)

    def consider(self, task: Task, trainer: pl.Trainer) -> None:
        """Keeps the weights of a validated task if its selection metric improved; the first of equals wins."""
        metric = task.selection
        self.validated_step = trainer.global_step
        value = task.results[metric]
        better = self.best is None or (value > self.best if higher_is_better(metric) else value < self.best)
        if better and not math.isnan(value):
            self.best = value
            with atomic_path(self.best_path(Path(trainer.default_root_dir))) as path:
                torch.save(task.model.state_dict(), path)

    def state_dict(self) -> dict[str, Any]:
        """Returns the best value so far, for a resumed run."""
        return {"best": self.best, "validated_step": self.validated_step}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restores the best value so far."""
        self.best, self.validated_step = state_dict["best"], state_dict["validated_step"]
