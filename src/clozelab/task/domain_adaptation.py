"""Domain adaptation: masked language modelling goes on, from any encoder, on the text of a domain.

Gururangan et al. 2020, "Don't stop pretraining", section 3.
"""

from typing import final

from torch import nn
from transformers import PreTrainedModel

from clozelab.errors import ConfigError, require
from clozelab.task.masked import MaskedTask
from clozelab.types import Batch


@final
class DomainAdaptation(MaskedTask):
    """Predicts masked tokens of a domain's text.

    Args:
        selection: validation metric that picks the weights; `auto` is `val/loss`, of the masked tokens.
        head_steps: optimizer steps in which the encoder keeps its weights and only its head learns: for an encoder
            without a head for masked tokens, whose new one would else send noise into it.
    """

    compared = ("perplexity", "masked_accuracy")

    def __init__(self, *, selection: str = "auto", head_steps: int = 0) -> None:
        require("head_steps", head_steps, head_steps >= 0, "an integer >= 0")
        super().__init__(selection=selection)
        self.head_steps = head_steps
        self._thawing: list[nn.Parameter] = []

    def check_model(self, model: PreTrainedModel) -> None:
        """Refuses pairs, whose halves would be mixed up and nothing learnt from it.

        Raises:
            ConfigError: naming the key.
        """
        if self.spec.next_sentence:
            raise ConfigError("data.next_sentence=true: task=domain_adaptation learns from no pairs; set it to false")

    def check_fit(self) -> None:
        """Refuses steps for the head alone where it learns alone in all of them.

        Raises:
            ConfigError: naming both keys.
        """
        if self.head_steps and not self._trainable():
            raise ConfigError(
                f"task.head_steps={self.head_steps}: model.freeze=all leaves the whole run to the head; "
                "drop one of them"
            )

    def on_fit_start(self) -> None:
        """Notes which parameters wait for the head. The decoder is tied to the embeddings, which wait, too.

        Raises:
            ConfigError: if they would wait to the end.
        """
        assert self.trainer is not None
        steps = int(self.trainer.estimated_stepping_batches)
        if self.head_steps >= steps:
            raise ConfigError(
                f"task.head_steps={self.head_steps}: the run has {steps} steps, so that only the head would learn; "
                "model.freeze=all says that on purpose"
            )
        self._thawing = self._trainable()

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Holds the encoder's weights, or lets them go: a function of the step, so that a resumed run does the same."""
        for parameter in self._thawing if self.head_steps else ():
            parameter.requires_grad_(self.global_step >= self.head_steps)

    def _trainable(self) -> list[nn.Parameter]:
        """Returns what of the encoder is not frozen for good."""
        base: nn.Module = getattr(self.model, self.model.base_model_prefix)
        return [parameter for parameter in base.parameters() if parameter.requires_grad]
