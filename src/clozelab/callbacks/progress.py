"""What a person sees while a run works: a bar on a terminal, and `progress.json` for whoever watches from elsewhere."""

import json
import time
from pathlib import Path
from typing import Any, final

import pytorch_lightning as pl
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from clozelab.errors import require
from clozelab.store.cache import atomic_write
from clozelab.task.base import Task
from clozelab.types import Batch


@final
class ProgressBar(pl.Callback):
    """A bar with loss, tokens a second and time left; quiet when not on a terminal.

    Args:
        every_seconds: time between two updates.
        enabled: False draws nothing; `progress.json` is written all the same.
    """

    def __init__(self, *, every_seconds: float = 1.0, enabled: bool = True) -> None:
        require("every_seconds", every_seconds, every_seconds > 0, "a number > 0")
        self.every_seconds = every_seconds
        console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"), BarColumn(bar_width=None), MofNCompleteColumn(),
            TextColumn("{task.fields[detail]}"), TimeRemainingColumn(),
            console=console, disable=not (enabled and console.is_terminal), transient=True,
        )  # fmt: skip
        self._task: TaskID | None = None
        self._scoring: TaskID | None = None
        self._shown_at = 0.0
        self._tokens = 0
        self._since = 0.0

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Opens the bar."""
        self._bar.start()

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Starts counting, at the step a resumed run has reached."""
        total = trainer.estimated_stepping_batches
        self._task = self._bar.add_task("training", total=total, completed=trainer.global_step, detail="")
        self._since = time.monotonic()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        """Updates the bar when due."""
        self._tokens += batch.num_tokens
        now = time.monotonic()
        if now - self._shown_at < self.every_seconds:
            return
        self._shown_at = now
        assert isinstance(pl_module, Task)
        assert self._task is not None
        speed = self._tokens / max(now - self._since, 1e-9)
        detail = f"epoch {trainer.current_epoch + 1}  loss {pl_module.step_loss:.3f}  {speed:,.0f} tokens/s"
        self._bar.update(self._task, completed=trainer.global_step, detail=detail)
        state = {"step": trainer.global_step, "num_steps": int(trainer.estimated_stepping_batches)}
        text = json.dumps({**state, "loss": pl_module.step_loss})
        atomic_write(Path(trainer.default_root_dir) / "progress.json", text, durable=False)

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Opens a bar for scoring the validation split, beside that of training if it is there."""
        self._start_scoring("scoring validation", sum(trainer.num_val_batches))

    def on_validation_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *args: Any) -> None:
        """Updates the bar."""
        self._advance_scoring()

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Closes the bar."""
        self._end_scoring(trainer)

    def on_test_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Opens a bar for scoring the test split."""
        self._start_scoring("scoring test", sum(trainer.num_test_batches))

    def on_test_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *args: Any) -> None:
        """Updates the bar."""
        self._advance_scoring()

    def on_test_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Closes the bar."""
        self._end_scoring(trainer)

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Closes the bar of training."""
        self._close()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Closes every bar, so that the message after it is readable."""
        self._close()

    def _start_scoring(self, what: str, num_batches: float) -> None:
        self._bar.start()
        self._scoring = self._bar.add_task(what, total=num_batches, detail="")

    def _advance_scoring(self) -> None:
        assert self._scoring is not None
        self._bar.advance(self._scoring)

    def _end_scoring(self, trainer: pl.Trainer) -> None:
        assert self._scoring is not None
        self._bar.remove_task(self._scoring)
        self._scoring = None
        if trainer.state.fn != "fit":
            self._close()

    def _close(self) -> None:
        self._bar.stop()
        for task in self._bar.task_ids:
            self._bar.remove_task(task)
