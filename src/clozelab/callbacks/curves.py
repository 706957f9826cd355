"""The one channel of all curves: the same names and the same x-axes go to every logger."""

import time
from typing import Any, final

import psutil
import pytorch_lightning as pl

from clozelab.errors import require
from clozelab.task.base import Task
from clozelab.types import Batch


@final
class Curves(pl.Callback):
    """Logs training loss, learning rate and speed every few optimizer steps, and every validation.

    The x-axes go along with each row: optimizer steps, `progress/examples`, `progress/tokens`. Values read off a clock
    are named `perf/...`: they differ from run to run, all others do not.

    Args:
        every_n_steps: optimizer steps from row to row.
    """

    def __init__(self, *, every_n_steps: int = 10) -> None:
        require("every_n_steps", every_n_steps, every_n_steps >= 1, "an integer >= 1")
        self.every_n_steps = every_n_steps
        self.num_examples = 0
        self.num_tokens = 0
        self._last_step = -1
        self._rate = 0.0
        self._clock = (0.0, 0)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Starts the clock."""
        self._last_step = trainer.global_step
        self._clock = (time.perf_counter(), self.num_tokens)

    def on_before_optimizer_step(self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: Any) -> None:
        """Notes the learning rate of this step: the schedule moves on before the step is logged."""
        group = optimizer.param_groups[0]
        start, own = group["initial_lr"], optimizer.defaults["lr"]
        # Parts of the model may learn at other rates (`optimizer.groups`), all of them under the same schedule.
        self._rate = float(group["lr"] if start == own else own * (group["lr"] / start))

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        """Counts, and logs when due."""
        self.num_tokens += batch.num_tokens
        if trainer.global_step == self._last_step:  # a micro-batch inside a step
            return
        self._last_step = trainer.global_step
        self.num_examples += batch.num_step_examples
        if trainer.global_step % self.every_n_steps and trainer.global_step != trainer.estimated_stepping_batches:
            return
        assert isinstance(pl_module, Task)
        parts = {f"train/{name}": loss for name, loss in pl_module.step_parts.items()}
        values = {"train/loss": pl_module.step_loss, **parts, "train/lr": self._rate}
        self._log(trainer, {**values, **self._speed()})

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Logs the validation metrics."""
        if trainer.state.fn != "fit":  # the final scoring is recorded as the run's result
            return
        assert isinstance(pl_module, Task)
        self._log(trainer, pl_module.results)

    def _speed(self) -> dict[str, float]:
        now, (then, tokens) = time.perf_counter(), self._clock
        self._clock = (now, self.num_tokens)
        memory = psutil.Process().memory_info().rss / 2**20
        speed = (self.num_tokens - tokens) / max(now - then, 1e-9)
        return {"perf/tokens_per_second": speed, "perf/memory_mib": memory}

    def _log(self, trainer: pl.Trainer, values: dict[str, float]) -> None:
        progress = {"progress/examples": self.num_examples, "progress/tokens": self.num_tokens}
        for logger in trainer.loggers:
            logger.log_metrics({**progress, "epoch": trainer.current_epoch, **values}, step=trainer.global_step)

    def state_dict(self) -> dict[str, Any]:
        """Returns the counters, for a resumed run."""
        return {"num_examples": self.num_examples, "num_tokens": self.num_tokens}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restores the counters."""
        self.num_examples, self.num_tokens = state_dict["num_examples"], state_dict["num_tokens"]
