"""What all objectives share: one optimizer step, scoring, and the reseeding that makes dropout a pure function.

A concrete task is final and says three things: what its head makes of the hidden states, the loss of that, and the
metrics of a scored split.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from transformers import PreTrainedModel

from clozelab.errors import ConfigError, RunFailedError, require
from clozelab.model.encoder import Encoder
from clozelab.randomness import Purpose, torch_seed
from clozelab.task.selection import check_metric
from clozelab.types import Batch, DataSpec, Kind, Scored, starts_of


class Task(pl.LightningModule, ABC):
    """An objective.

    Args:
        selection: validation metric that picks the weights to keep; `auto` is the task's own.
    """

    auto_class: ClassVar[str]
    """Auto class of transformers whose model this task trains and exports."""

    pipeline: ClassVar[str]
    """What transformers and its hub call this task."""

    kind: ClassVar[Kind]
    """What carries a target in the data this task learns from."""

    compared: ClassVar[Sequence[str]] = ()
    """Metrics that are measured before training, too."""

    def __init__(self, *, selection: str = "auto") -> None:
        known = selection == "auto" or selection.startswith("val/")
        require("selection", selection, known, "'auto' or a validation metric such as 'val/loss'")
        super().__init__()
        self.selection = selection
        self.step_loss = 0.0
        self.step_parts: dict[str, float] = {}
        self.results: dict[str, float] = {}
        self._scored: list[tuple[Tensor, ...]] = []
        self._frozen: tuple[nn.Module, ...] = ()

    def accept(self, *, spec: DataSpec, model: PreTrainedModel) -> None:
        """Takes the whole Hugging Face model, and what may be known of the data.

        Raises:
            ConfigError: if they do not have what the task needs.
        """
        if spec.kind != self.kind:
            name = type(self).__name__
            raise ConfigError(f"task: {name} needs data whose {self.kind} carry labels; these have them on {spec.kind}")
        self.spec = spec
        self.model = model
        self.check_model(model)

    def attach(self, *, encoder: Encoder, layers: nn.Module) -> None:
        """Takes two views (no children: a parameter has one name) of the accepted model: its encoder and its head."""
        self._views = (encoder, layers)

    def build(
        self,
        *,
        frozen: Sequence[nn.Module],
        seed: int,
        make_optimizer: Callable[[nn.Module], Optimizer],
        make_scheduler: Callable[[Optimizer, int], LRScheduler],
    ) -> None:
        """Takes what only training knows, after `attach`.

        Args:
            frozen: parts that stay in eval mode.
            seed: of the run.
            make_optimizer: from the module whose parameters to train.
            make_scheduler: from the optimizer and the number of optimizer steps.

        Raises:
            ConfigError: if the data do not have what the task selects by.
        """
        self.seed = seed
        self._frozen = tuple(frozen)
        self._make_optimizer = make_optimizer
        self._make_scheduler = make_scheduler
        names = self.metric_names()
        if self.selection == "auto":
            self.selection = self.default_selection()
        check_metric("task.selection", self.selection, names)

    def check_fit(self) -> None:
        """Refuses an encoder that nothing can be learnt with, before anything is opened.

        Raises:
            ConfigError: naming the key.
        """

    def on_train_start(self) -> None:
        """Puts the frozen parts in eval mode. They stay in it: Lightning brings back the modes it finds."""
        for part in self._frozen:
            part.eval()

    def metric_names(self) -> list[str]:
        """Returns the names of the validation metrics, known before anything is scored."""
        empty = np.empty(0, dtype=np.int64)
        nothing = Scored(empty, empty, empty, empty, empty.astype(np.float32), empty.astype(np.float32))
        return ["val/loss", *(f"val/{name}" for name in self.metrics(nothing))]

    @property
    def encoder(self) -> Encoder:
        """The encoder."""
        return self._views[0]

    @property
    def layers(self) -> nn.Module:
        """The head's modules."""
        return self._views[1]

    def model_class(self, spec: DataSpec) -> str:
        """Returns the Auto class whose model this task needs for these data."""
        return self.auto_class

    def check_model(self, model: PreTrainedModel) -> None:
        """Refuses a model that lacks what this task needs; usually it has all.

        Raises:
            ConfigError: naming what it lacks.
        """

    @abstractmethod
    def default_selection(self) -> str:
        """Returns the validation metric to select by."""

    def places(self, batch: Batch) -> Tensor:
        """Returns the places in the flattened rows whose hidden states the task reads; all, unless it says less."""
        return (batch.sequence_ids.flatten() >= 0).nonzero().squeeze(1)

    @abstractmethod
    def head(self, hidden: Tensor, batch: Batch) -> Tensor:
        """Returns the log-probability of every target and label, (targets, labels) float32, or numbers, (targets, 1).

        Args:
            hidden: (rows, row_length, hidden).
            batch: they are of.
        """

    @abstractmethod
    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Returns the loss of each target, (targets,) float32."""

    @abstractmethod
    def metrics(self, scored: Scored) -> dict[str, float]:
        """Returns the metrics of a whole split, without the split's prefix."""

    def losses(self, hidden: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Returns the micro-batch's share of each mean over the optimizer step whose sum is trained on.

        Args:
            hidden: (rows, row_length, hidden).
            batch: they are of; a small step over documents may have no target.
        """
        return {"loss": self.loss(self.head(hidden, batch), batch).sum() / max(1, batch.num_step_targets)}

    def observe(self, hidden: Tensor, batch: Batch) -> None:
        """Notes of a scored batch what the metrics need beside its targets; usually nothing."""

    def keep(self, outputs: Tensor) -> Tensor:
        """Returns what of the outputs must be kept until the whole split is scored, (targets, any)."""
        return outputs

    def scores(self, outputs: NDArray[np.float32], predicted: NDArray[Any]) -> NDArray[np.float32]:
        """Returns the probability of each predicted label, (targets,); of numbers not a number."""
        if self.spec.numbers:
            return np.full(len(predicted), np.nan, dtype=np.float32)
        return np.exp(np.take_along_axis(outputs, predicted[:, None], 1)[:, 0])

    def decode(self, outputs: NDArray[np.float32], unit_starts: NDArray[np.bool_]) -> NDArray[Any]:
        """Returns the predicted label ids (or numbers) of a whole split, (targets,).

        Args:
            outputs: as `keep` kept them, in the order of the file.
            unit_starts: (targets,) True at each sentence's or text's first target.
        """
        return outputs.argmax(1)

    @abstractmethod
    def use(self) -> str:
        """Returns the call of transformers that answers with an exported model, for the model card."""

    def note(self) -> str:
        """Returns what a user of the exported model must know that its files cannot say; usually nothing."""
        return ""

    def cross_check(self, scored: Scored, metrics: dict[str, float]) -> None:
        """Compares the metrics of a split with an independent reference, once at the end of a run, where one exists.

        Raises:
            AssertionError: if they differ.
        """

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Returns the micro-batch's share of the step's mean loss.

        Lightning divides by the number of micro-batches and averages gradients over devices; multiplying by both makes
        the update independent of how a step is cut up.
        """
        assert self.trainer is not None
        parts = self.trainer.accumulate_grad_batches
        part = batch_idx % parts
        torch.manual_seed(torch_seed(Purpose.DROPOUT, self.seed, self.global_step, part, self.global_rank))
        if part == 0:
            self.step_loss, self.step_parts = 0.0, {}
        if len(batch.example_ids) == 0:
            learning = next(p for p in self.model.parameters() if p.requires_grad)
            return learning.flatten()[0] * 0  # Lightning wants something to differentiate
        losses = self.losses(self.encoder(batch), batch)
        share = torch.stack([*losses.values()]).sum() if len(losses) > 1 else next(iter(losses.values()))
        self.step_loss += float(share.detach())
        for name, part_loss in losses.items() if len(losses) > 1 else ():
            self.step_parts[name] = self.step_parts.get(name, 0.0) + float(part_loss.detach())
        if not math.isfinite(self.step_loss):
            raise RunFailedError(
                f"the loss is {self.step_loss} at optimizer step {self.global_step + 1}: training has diverged; "
                "a lower optimizer.lr or a longer scheduler.warmup may help"
            )
        return share * (parts * self.trainer.world_size)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Scores a batch."""
        self._score(batch)

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Scores a batch."""
        self._score(batch)

    def on_validation_epoch_end(self) -> None:
        """Logs the metrics of the validation split."""
        self._log_metrics("val")

    def on_test_epoch_end(self) -> None:
        """Logs the metrics of the test split."""
        self._log_metrics("test")

    def _score(self, batch: Batch) -> None:
        hidden = self.encoder(batch)
        outputs = self.head(hidden, batch)
        self.observe(hidden, batch)
        parts = (batch.target_ids, batch.targets, self.keep(outputs), self.loss(outputs, batch))
        self._scored.append(tuple(part.detach().cpu() for part in parts))

    def _log_metrics(self, prefix: str) -> None:
        columns = [torch.cat(parts).numpy() for parts in zip(*self._scored, strict=True)]
        self._scored = []
        order = np.lexsort((columns[0][:, 1], columns[0][:, 0]))
        ids, gold, outputs, loss = (column[order] for column in columns)
        predicted = self.decode(outputs, starts_of(ids[:, 0]))
        self.scored = Scored(ids[:, 0], ids[:, 1], gold, predicted, self.scores(outputs, predicted), loss)
        values = {"loss": float(self.scored.loss.astype(np.float64).mean()), **self.metrics(self.scored)}
        self.results = {f"{prefix}/{name}": value for name, value in values.items()}
        # For callbacks of Lightning only, and rounded to float32 by it. Loggers get theirs from `callbacks.curves`.
        self.log_dict(self.results, logger=False)

    def configure_gradient_clipping(
        self, optimizer: Any, gradient_clip_val: float | None = None, gradient_clip_algorithm: str | None = None
    ) -> None:
        """Clips the gradient of the whole step.

        Lightning refuses to clip for fused optimizers under autocast, because they could unscale float16 gradients
        themselves; no precision that clozelab offers scales gradients.
        """
        if not gradient_clip_val:
            return
        if gradient_clip_algorithm == "value":
            nn.utils.clip_grad_value_(self.model.parameters(), gradient_clip_val)
        else:
            nn.utils.clip_grad_norm_(self.model.parameters(), gradient_clip_val)

    def configure_optimizers(self) -> Any:
        """Returns the optimizer and its schedule over optimizer steps, as Lightning wants them."""
        assert self.trainer is not None
        optimizer = self._make_optimizer(self.model)
        scheduler = self._make_scheduler(optimizer, int(self.trainer.estimated_stepping_batches))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}
