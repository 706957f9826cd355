"""What the nodes of a configuration's groups must be."""

from typing import Any, Protocol

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import Logger


class Model(Protocol):
    """What `model` must be."""

    def tokenizer(self, corpus: Any) -> Any:
        """Returns the encoder's tokenizer."""

    def build(self, *, head: str, labels: Any) -> Any:
        """Returns the encoder under a new head."""


class Scheduler(Protocol):
    """What `scheduler` must be."""

    def build(self, *, optimizer: Any, num_steps: int) -> Any:
        """Returns the schedule."""


ROLES: dict[str, Any] = {
    "data": pl.LightningDataModule,
    "model": Model,
    "task": pl.LightningModule,
    "callbacks": pl.Callback,
    "logger": Logger,
    "optimizer": torch.optim.Optimizer,
    "scheduler": Scheduler,
    "trainer": pl.Trainer,
}
"""What the nodes of a group must be."""
