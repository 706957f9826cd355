"""Sequence classification: a label, or a number, for every text or pair of texts.

The hidden state of [CLS] goes through a head and a softmax over the labels (Devlin et al. 2019, section 4.1), or to one
output under squared error (regression).

The head is the encoder's own for sequences, which has a hidden layer in front of the linear one: a tanh layer in BERT
(its pooler), ALBERT, RoBERTa and MPNet, one of ReLU or GELU in DistilBERT, ELECTRA, DeBERTa and ModernBERT. A linear
head is the one that transformers puts on tokens, read at [CLS]: so this, too, is a plain Hugging Face model.
"""

from typing import Any, ClassVar, Literal, final, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from transformers import PreTrainedModel

from clozelab.errors import ConfigError, require
from clozelab.metrics.classes import class_metrics
from clozelab.metrics.numbers import number_metrics
from clozelab.model.freeze import parts_of
from clozelab.task.base import Task
from clozelab.task.pooling import mean_by_target, pieces_of_targets
from clozelab.types import Batch, DataSpec, Kind, Scored

HeadKind = Literal["auto", "linear", "mlp"]
Pooling = Literal["first", "mean"]
Weights = Literal["none", "balanced"]


@final
class SequenceClassification(Task):
    """Labels every text, or predicts a number for it, as the data have it.

    Args:
        selection: validation metric that picks the weights; `auto` is `val/accuracy`, or `val/pearson` of numbers.
        head: `linear` is dropout and one linear layer, a multinomial logistic regression on what stands for a text;
            `mlp` has a hidden layer before it: the encoder's own head, which is refused if it has none; `auto` is the
            encoder's own head, whatever it is.
        pooling: what stands for a text: its `first` token ([CLS]), or the `mean` of all its tokens.
        class_weights: `balanced` weighs each text by (texts / labels / texts of its label) in the loss, so that every
            label counts the same; `none` weighs all alike.
    """

    auto_class: ClassVar[str] = "AutoModelForSequenceClassification"
    pipeline: ClassVar[str] = "text-classification"
    kind: ClassVar[Kind] = "texts"

    def __init__(
        self,
        *,
        selection: str = "auto",
        head: HeadKind = "auto",
        pooling: Pooling = "first",
        class_weights: Weights = "none",
    ) -> None:
        require("head", head, head in get_args(HeadKind), f"one of {', '.join(get_args(HeadKind))}")
        require("pooling", pooling, pooling in get_args(Pooling), f"one of {', '.join(get_args(Pooling))}")
        allowed = f"one of {', '.join(get_args(Weights))}"
        require("class_weights", class_weights, class_weights in get_args(Weights), allowed)
        super().__init__(selection=selection)
        self.kind_of_head: HeadKind = head
        self.pooling: Pooling = pooling
        self.class_weights: Weights = class_weights

    def accept(self, *, spec: DataSpec, model: PreTrainedModel) -> None:
        """Takes the model, and has its config say what its outputs are: else pipelines put a number through a sigmoid.

        Raises:
            ConfigError: see `Task.accept`; if nothing tells texts apart, or there are no classes to weigh.
        """
        super().accept(spec=spec, model=model)
        if spec.numbers and self.class_weights != "none":
            raise ConfigError(f"task.class_weights={self.class_weights!r}: these data have numbers, not classes")
        learnt = [label for label, count in zip(spec.labels, spec.class_counts, strict=False) if count]
        if len(learnt) == 1:
            raise ConfigError(
                f"data: every training text has the label {learnt[0]!r}; there is nothing to learn "
                "(data.limit takes the first texts of a file, which may be sorted)"
            )
        model.config.problem_type = "regression" if spec.numbers else "single_label_classification"

    def model_class(self, spec: DataSpec) -> str:
        """Returns the Auto class whose head this is: a linear one is that for tokens."""
        return "AutoModelForTokenClassification" if self.kind_of_head == "linear" else self.auto_class

    def check_model(self, model: PreTrainedModel) -> None:
        """Refuses a model whose head is not of the kind that was asked for.

        Raises:
            ConfigError: naming the model.
        """
        num_layers = sum(parameter.ndim == 2 for parameter in parts_of(model)["head"])
        if self.kind_of_head == "linear" and num_layers > 1:
            raise ConfigError(f"task.head='linear': the head of {type(model).__name__} has a hidden layer")
        if self.kind_of_head == "mlp" and num_layers < 2:
            raise ConfigError(f"task.head='mlp': the head of {type(model).__name__} has no hidden layer")

    def default_selection(self) -> str:
        """Returns accuracy, or Pearson's correlation of numbers."""
        return "val/pearson" if self.spec.numbers else "val/accuracy"

    def check_fit(self) -> None:
        """Refuses to learn of texts from a state that sees none; see `Encoder.check_first`."""
        if self.pooling == "first":
            self.encoder.check_first("task.pooling=mean reads all of them")

    def places(self, batch: Batch) -> Tensor:
        """Returns the places of the pieces that texts are read from, (pieces,)."""
        return batch.target_positions if self.pooling == "first" else pieces_of_targets(batch)[1]

    def head(self, hidden: Tensor, batch: Batch) -> Tensor:
        """Returns the log-probabilities of the texts' labels, (texts, labels) float32, or numbers, (texts, 1)."""
        states = hidden.flatten(0, 1)
        if self.pooling == "first":
            texts = states.index_select(0, batch.target_positions)
        else:
            text_of, pieces = pieces_of_targets(batch)
            texts = mean_by_target(states.index_select(0, pieces), text_of, batch.target_lengths)
        logits: Tensor = self.layers(texts.unsqueeze(1)).float().flatten(1)  # a head for tokens: (texts, 1, labels)
        return logits if self.spec.numbers else logits.log_softmax(-1)

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Returns the (weighted) cross-entropy of each text in nats, or its squared error, (texts,)."""
        if self.spec.numbers:
            return functional.mse_loss(outputs.squeeze(1), batch.targets.float(), reduction="none")
        weight = self._weight(outputs) if self.class_weights == "balanced" and self.model.training else None
        return functional.nll_loss(outputs, batch.targets, weight=weight, reduction="none")

    def _weight(self, outputs: Tensor) -> Tensor:
        counts = torch.tensor(self.spec.class_counts, dtype=torch.float32, device=outputs.device)
        # A label that training lacks never stands in the loss.
        return torch.where(counts > 0, counts.sum() / len(counts) / counts.clamp(min=1), 0.0)

    def decode(self, outputs: NDArray[np.float32], unit_starts: NDArray[np.bool_]) -> NDArray[Any]:
        """Returns the likeliest labels, or the numbers, (texts,)."""
        return outputs[:, 0] if self.spec.numbers else super().decode(outputs, unit_starts)

    def metrics(self, scored: Scored) -> dict[str, float]:
        """Returns scores of classes, or of numbers."""
        if self.spec.numbers:
            return number_metrics(scored.gold, scored.predicted)
        return class_metrics(self.spec.labels, scored.gold, scored.predicted, scored.score)

    def use(self) -> str:
        """Returns the call of transformers that answers with an exported model."""
        if self.kind_of_head != "linear":
            return 'transformers.pipeline("text-classification", model="model")("A text of yours.")'
        pooled = "[:, 0]" if self.pooling == "first" else ".mean(1)"
        return LINEAR + pooled + ("" if self.spec.numbers else ".softmax(-1)")

    def note(self) -> str:
        """Returns how the run read texts, where a pipeline of transformers does otherwise."""
        if self.kind_of_head == "linear":
            where = "its first token" if self.pooling == "first" else "the mean of its tokens, special ones included"
            return f"The head is linear and stored as one for tokens: what answers for a text is the logits of {where}."
        if self.pooling == "first":
            return ""
        return "A text was read from the mean of the hidden states of its tokens. A pipeline of transformers does not."


LINEAR = """tokenizer = transformers.AutoTokenizer.from_pretrained("model")
model = transformers.AutoModelForTokenClassification.from_pretrained("model")
model(**tokenizer("A text of yours.", return_tensors="pt")).logits"""
