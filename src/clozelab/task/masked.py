"""What masked language modelling is to a task: logits at the masked places, cross-entropy, perplexity, baselines.

Devlin et al. 2019, section 3.1. The decoder sees the selected places only, about one token in seven: a tensor of all
tokens by the vocabulary is never made.
"""

import math
from abc import ABC
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from clozelab.task.base import Task
from clozelab.types import Batch, Kind, Scored


class MaskedTask(Task, ABC):
    """What all tasks share that predict masked tokens."""

    auto_class: ClassVar[str] = "AutoModelForMaskedLM"
    pipeline: ClassVar[str] = "fill-mask"
    kind: ClassVar[Kind] = "documents"

    def default_selection(self) -> str:
        """Returns the loss of the masked tokens."""
        return "val/loss"

    def use(self) -> str:
        """Returns the call of transformers that answers with an exported model."""
        # Not every tokenizer calls its mask [MASK].
        text = "The {fill.tokenizer.mask_token} of Walden Pond is so beautifully blue."
        return f'fill = transformers.pipeline("fill-mask", model="model")\nfill(f"{text}")'

    def head(self, hidden: Tensor, batch: Batch) -> Tensor:
        """Returns the logits at the masked places, (targets, vocabulary) float32."""
        states = hidden.flatten(0, 1).index_select(0, batch.target_positions)
        logits: Tensor = self.layers(states.unsqueeze(0)).squeeze(0)
        return logits.float()

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Returns the cross-entropy of each masked token in nats, (targets,)."""
        return functional.cross_entropy(outputs, batch.targets, reduction="none")

    def keep(self, outputs: Tensor) -> Tensor:
        """Returns the likeliest token at each place and its log-probability, (targets, 2) float32."""
        highest, ids = outputs.max(-1)
        return torch.stack([ids.float(), highest - outputs.logsumexp(-1)], 1)  # ids below 2**24 are exact

    def decode(self, outputs: NDArray[np.float32], unit_starts: NDArray[np.bool_]) -> NDArray[Any]:
        """Returns the likeliest tokens, (targets,)."""
        return outputs[:, 0].astype(np.int64)

    def scores(self, outputs: NDArray[np.float32], predicted: NDArray[Any]) -> NDArray[np.float32]:
        """Returns their probabilities, (targets,)."""
        return np.exp(outputs[:, 1])

    def metrics(self, scored: Scored) -> dict[str, float]:
        """Returns perplexity and accuracy of masked tokens, and the unigram baseline's beside them."""
        return masked_metrics(scored, self.spec.class_counts)


def masked_metrics(scored: Scored, counts: Sequence[int]) -> dict[str, float]:
    """Returns perplexity and accuracy at the masked places, and those of the unigram distribution beside them.

    Args:
        scored: every masked token of a split.
        counts: (vocabulary,) occurrences of each token in the training split; one is added to each (Laplace).
    """
    if not len(scored.gold):
        return dict.fromkeys(("perplexity", "masked_accuracy", "unigram_perplexity", "unigram_accuracy"), math.nan)
    smoothed = np.asarray(counts, dtype=np.float64) + 1
    surprise = np.log(smoothed.sum()) - np.log(smoothed[scored.gold])
    return {
        "perplexity": _perplexity(scored.loss.astype(np.float64)),
        "masked_accuracy": float((scored.gold == scored.predicted).mean()),
        "unigram_perplexity": _perplexity(surprise),
        "unigram_accuracy": float((scored.gold == smoothed.argmax()).mean()),
    }


def _perplexity(losses: NDArray[np.float64]) -> float:
    """Returns exp of the mean loss in nats; infinite where that is no float."""
    mean = float(losses.mean())
    return math.exp(mean) if mean < 700 else math.inf
