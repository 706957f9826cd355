"""Token classification: a label for every word (named entities, parts of speech, chunks).

The hidden state of a word's first piece goes through the head and a softmax over the labels (Devlin et al. 2019,
section 5.3); or the mean of its pieces' states, or all of them. The loss is cross-entropy.
"""

from typing import Any, ClassVar, Literal, final, get_args

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from clozelab.errors import ConfigError, require
from clozelab.metrics.decoding import viterbi
from clozelab.metrics.entities import cross_check, entity_metrics, is_iob2
from clozelab.metrics.tags import tag_metrics
from clozelab.task.base import Task
from clozelab.task.pooling import mean_by_target, pieces_of_targets
from clozelab.types import Batch, Kind, Scored

Scoring = Literal["auto", "entities", "tags"]
Pooling = Literal["first", "mean", "all"]
Decoding = Literal["argmax", "viterbi"]


@final
class TokenClassification(Task):
    """Labels every word.

    Args:
        selection: validation metric that picks the weights; `auto` is `val/f1_conlleval` for entities, else
            `val/accuracy`.
        scoring: `entities` (precision, recall, F1 in both modes), `tags` (accuracy, macro F1), or `auto`: entities if
            the labels are IOB2.
        pooling: what stands for a word: its `first` piece; the `mean` of its pieces' hidden states; or `all`: every
            piece learns the word's label with an equal share of the word's loss, and the mean of their
            log-probabilities predicts it.
        decoding: `argmax` takes each word's likeliest label; `viterbi` the sentence's likeliest sequence of labels that
            IOB2 allows. It changes predictions, not training.
    """

    auto_class: ClassVar[str] = "AutoModelForTokenClassification"
    pipeline: ClassVar[str] = "token-classification"
    kind: ClassVar[Kind] = "words"

    def __init__(
        self,
        *,
        selection: str = "auto",
        scoring: Scoring = "auto",
        pooling: Pooling = "first",
        decoding: Decoding = "argmax",
    ) -> None:
        require("scoring", scoring, scoring in ("auto", "entities", "tags"), "'auto', 'entities' or 'tags'")
        require("pooling", pooling, pooling in get_args(Pooling), f"one of {', '.join(get_args(Pooling))}")
        require("decoding", decoding, decoding in get_args(Decoding), f"one of {', '.join(get_args(Decoding))}")
        super().__init__(selection=selection)
        self.scoring: Scoring = scoring
        self.pooling: Pooling = pooling
        self.decoding: Decoding = decoding

    @property
    def scores_entities(self) -> bool:
        """Whether the unit of scoring is the entity.

        Raises:
            ConfigError: if entities, or sequences that IOB2 allows, are asked of labels that are none.
        """
        found = is_iob2(self.spec.labels)
        if self.decoding == "viterbi" and not found:
            raise ConfigError(
                f"task.decoding='viterbi': the labels are not IOB2 tags ({', '.join(self.spec.labels[:8])}, ...)"
            )
        if self.scoring == "entities" and not found:
            labels = ", ".join(self.spec.labels[:8])
            raise ConfigError(f"task.scoring='entities': the labels are not entity tags ({labels}, ...)")
        return found and self.scoring != "tags"

    def default_selection(self) -> str:
        """Returns entity F1 in conlleval mode, or accuracy."""
        return "val/f1_conlleval" if self.scores_entities else "val/accuracy"

    def use(self) -> str:
        """Returns the call of transformers that answers with an exported model."""
        call = 'transformers.pipeline("token-classification", model="model", aggregation_strategy="first")'
        return f'{call}("A sentence of yours.")'

    def places(self, batch: Batch) -> Tensor:
        """Returns the places of the pieces that words are read from, (pieces,)."""
        return batch.target_positions if self.pooling == "first" else pieces_of_targets(batch)[1]

    def head(self, hidden: Tensor, batch: Batch) -> Tensor:
        """Returns the log-probabilities of the words' labels, (words, labels) float32."""
        states = hidden.flatten(0, 1)
        if self.pooling == "first":
            return self._log_probabilities(states.index_select(0, batch.target_positions))
        word_of, pieces = pieces_of_targets(batch)
        states = states.index_select(0, pieces)
        if self.pooling == "mean":
            return self._log_probabilities(mean_by_target(states, word_of, batch.target_lengths))
        return mean_by_target(self._log_probabilities(states), word_of, batch.target_lengths)

    def _log_probabilities(self, states: Tensor) -> Tensor:
        logits: Tensor = self.layers(states.unsqueeze(0)).squeeze(0)
        return logits.float().log_softmax(-1)

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Returns the cross-entropy of each word in nats, (words,); with `all` pieces the mean of theirs."""
        return functional.nll_loss(outputs, batch.targets, reduction="none")

    def decode(self, outputs: NDArray[np.float32], unit_starts: NDArray[np.bool_]) -> NDArray[Any]:
        """Returns the predicted label ids, (words,); under `viterbi` only sequences that IOB2 allows."""
        if self.decoding == "argmax":
            return super().decode(outputs, unit_starts)
        return viterbi(outputs, unit_starts, self.spec.labels)

    def note(self) -> str:
        """Returns how the run read words and decoded sentences, where a pipeline of transformers does otherwise."""
        words = {
            "mean": "the mean of the hidden states of its pieces",
            "all": "the mean log-probabilities of its pieces",
        }
        said = f"A word was read from {words[self.pooling]}. " if self.pooling in words else ""
        if self.decoding == "viterbi":
            said += "Labels were decoded to the likeliest sequence that IOB2 allows. "
        return f"{said}A pipeline of transformers does not, so that its answers may differ." if said else ""

    def metrics(self, scored: Scored) -> dict[str, float]:
        """Returns accuracy and macro F1, and for entities precision, recall and F1 in both modes."""
        metrics = tag_metrics(self.spec.labels, scored.gold, scored.predicted)
        if self.scores_entities:
            starts = scored.sentence_starts()
            metrics.update(entity_metrics(self.spec.labels, scored.gold, scored.predicted, starts))
        return metrics

    def cross_check(self, scored: Scored, metrics: dict[str, float]) -> None:
        """Compares the entity scores of a split with seqeval.

        Raises:
            AssertionError: if they differ.
        """
        if self.scores_entities:
            cross_check(self.spec.labels, scored.gold, scored.predicted, scored.sentence_starts(), metrics)
