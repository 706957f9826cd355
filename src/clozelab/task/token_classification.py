"""Token classification: a label for every word (named entities, parts of speech, chunks).

The hidden state of a word's first piece goes through the head and a softmax over the labels (Devlin et al. 2019,
section 5.3); the loss is cross-entropy.
"""

from typing import ClassVar, Literal, final

from torch import Tensor
from torch.nn import functional

from clozelab.errors import ConfigError, require
from clozelab.metrics.entities import cross_check, entity_metrics, is_iob2
from clozelab.metrics.tags import tag_metrics
from clozelab.task.base import Task
from clozelab.types import Batch, Scored

Scoring = Literal["auto", "entities", "tags"]


@final
class TokenClassification(Task):
    """Labels every word.

    Args:
        selection: validation metric that picks the weights; `auto` is `val/f1_conlleval` for entities, else
            `val/accuracy`.
        scoring: `entities` (precision, recall, F1 in both modes), `tags` (accuracy, macro F1), or `auto`: entities if
            the labels are IOB2.
    """

    auto_class: ClassVar[str] = "AutoModelForTokenClassification"

    def __init__(self, *, selection: str = "auto", scoring: Scoring = "auto") -> None:
        known = selection == "auto" or selection.startswith("val/")
        require("selection", selection, known, "'auto' or a validation metric such as 'val/f1_conlleval'")
        require("scoring", scoring, scoring in ("auto", "entities", "tags"), "'auto', 'entities' or 'tags'")
        super().__init__(selection=selection)
        self.scoring: Scoring = scoring

    @property
    def scores_entities(self) -> bool:
        """Whether the unit of scoring is the entity.

        Raises:
            ConfigError: if entities are asked of labels that are none.
        """
        found = is_iob2(self.spec.labels)
        if self.scoring == "entities" and not found:
            labels = ", ".join(self.spec.labels[:8])
            raise ConfigError(f"task.scoring='entities': the labels are not entity tags ({labels}, ...)")
        return found and self.scoring != "tags"

    def default_selection(self) -> str:
        """Returns entity F1 in conlleval mode, or accuracy."""
        return "val/f1_conlleval" if self.scores_entities else "val/accuracy"

    def head(self, hidden: Tensor, batch: Batch) -> Tensor:
        """Returns the logits of the words' first pieces, (words, labels)."""
        words = hidden.flatten(0, 1).index_select(0, batch.target_positions)
        logits: Tensor = self.layers(words)
        return logits

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        """Returns the cross-entropy of each word in nats, (words,)."""
        return functional.cross_entropy(logits.float(), batch.targets, reduction="none")

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
