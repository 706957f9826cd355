"""Pretraining: masked language modelling, jointly with next sentence prediction where the data are pairs.

Devlin et al. 2019, section 3.1: the loss is the mean over the masked tokens plus the mean over the pairs.
"""

from typing import final

import torch
from torch import Tensor
from torch.nn import functional
from transformers import PreTrainedModel

from clozelab.errors import ConfigError
from clozelab.task.masked import MaskedTask
from clozelab.types import Batch, DataSpec, Scored


@final
class Pretraining(MaskedTask):
    """Predicts masked tokens, and whether a segment follows another if `data.next_sentence`.

    Args:
        selection: validation metric that picks the weights; `auto` is `val/loss`, of the masked tokens.
    """

    def __init__(self, *, selection: str = "auto") -> None:
        super().__init__(selection=selection)
        self._pairs: list[Tensor] = []

    def model_class(self, spec: DataSpec) -> str:
        """Returns the class with a head for pairs, if the data have them."""
        return "AutoModelForPreTraining" if spec.next_sentence else self.auto_class

    def check_model(self, model: PreTrainedModel) -> None:
        """Refuses an architecture without a head for pairs, if the data have them.

        Raises:
            ConfigError: naming it.
        """
        heads = {name.rpartition(".")[2] for name, _ in model.named_modules()}
        if self.spec.next_sentence and not heads & {"seq_relationship", "sop_classifier"}:
            name = type(model).__name__
            raise ConfigError(f"data.next_sentence=true: {name} has no head for pairs; set it to false")

    def check_fit(self) -> None:
        """Refuses to learn of pairs from a state that sees none; see `Encoder.check_first`."""
        if self.spec.next_sentence:
            self.encoder.check_first("data.next_sentence=false leaves out the pairs")

    def losses(self, hidden: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Returns the two parts of the loss; see `Task.losses`."""
        masked = super().losses(hidden, batch)
        if not self.spec.next_sentence:
            return masked
        pairs = functional.nll_loss(self.next_sentence(hidden, batch), batch.next_sentence, reduction="sum")
        return {"mlm_loss": masked["loss"], "nsp_loss": pairs / batch.num_step_examples}

    def next_sentence(self, hidden: Tensor, batch: Batch) -> Tensor:
        """Returns the log-probabilities of `follows` and `does not`, (examples, 2) float32."""
        row, column = batch.first_token.unbind(1)
        logits: Tensor = self.layers.next_sentence(hidden[row, column].unsqueeze(1))  # type: ignore[operator]
        return logits.float().log_softmax(-1)

    def observe(self, hidden: Tensor, batch: Batch) -> None:
        """Notes the answers to a batch of pairs."""
        if self.spec.next_sentence:
            answers = self.next_sentence(hidden, batch)
            loss = functional.nll_loss(answers, batch.next_sentence, reduction="none")
            rows = [batch.example_ids.double(), answers.argmax(-1) == batch.next_sentence, loss]
            self._pairs.append(torch.stack([row.double() for row in rows], 1).cpu())

    def metrics(self, scored: Scored) -> dict[str, float]:
        """Returns perplexity and accuracy of masked tokens beside the unigram baseline's, and accuracy of pairs."""
        metrics = super().metrics(scored)
        if self.spec.next_sentence:
            pairs = torch.cat(self._pairs or [torch.full((1, 3), torch.nan, dtype=torch.float64)])
            self._pairs = []
            accuracy, loss = pairs[:, 1:].mean(0).tolist()
            metrics.update(nsp_accuracy=accuracy, nsp_loss=loss)
        return metrics
