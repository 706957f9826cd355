"""Entity-level precision, recall and F1 over IOB2 tags, in two modes that are always named.

`conlleval`: a tag `I-X` that does not continue an entity of type X begins one, as in the CoNLL shared tasks' script
(Tjong Kim Sang & Buchholz 2000) and seqeval's default mode. `strict`: only `B-X` begins an entity, as in seqeval's
`mode="strict", scheme=IOB2`. An entity is right if type, first and last word are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, final

import numpy as np
from numpy.typing import NDArray

Mode = Literal["conlleval", "strict"]
MODES: tuple[Mode, ...] = ("conlleval", "strict")

Ints = NDArray[np.int64]


def is_iob2(labels: Sequence[str]) -> bool:
    """Says whether labels are entity tags: only `O`, `B-X` and `I-X`, with at least one `B-X`."""
    return any(label.startswith("B-") for label in labels) and all(
        label == "O" or (label[:2] in ("B-", "I-") and len(label) > 2) for label in labels
    )


@dataclass(frozen=True, slots=True)
class Counts:
    """Entities of one type: in the gold tags, in the predictions, in both."""

    gold: int
    predicted: int
    correct: int

    def scores(self) -> dict[str, float]:
        """Returns precision, recall and f1; a ratio without a denominator is 0, as in conlleval."""
        precision = self.correct / self.predicted if self.predicted else 0.0
        recall = self.correct / self.gold if self.gold else 0.0
        total = self.gold + self.predicted
        return {"precision": precision, "recall": recall, "f1": 2 * self.correct / total if total else 0.0}


@final
class EntityCounter:
    """Counts entities of tag sequences given as label ids; all at once in numpy, no loop over words.

    Args:
        labels: IOB2 label names; an id is a place in this list.
    """

    def __init__(self, *, labels: Sequence[str]) -> None:
        assert is_iob2(labels), f"not IOB2 labels: {labels}"
        self.types = sorted({label[2:] for label in labels if label != "O"})
        number = {name: i for i, name in enumerate(self.types)}
        self._type_of = np.array([-1 if label == "O" else number[label[2:]] for label in labels])
        self._begins = np.array([label.startswith("B-") for label in labels])

    def spans(self, tags: Ints, sentence_starts: NDArray[np.bool_], mode: Mode) -> Ints:
        """Returns the entities, (entities, 3) int64: type, first word, last word + 1.

        Args:
            tags: (words,) label ids of all sentences, one after the other.
            sentence_starts: (words,) True at each sentence's first word.
            mode: `conlleval` or `strict`.
        """
        if len(tags) == 0:
            return np.empty((0, 3), dtype=np.int64)
        kind = self._type_of[tags]
        previous = np.concatenate([[-1], kind[:-1]])
        joined = (
            ~sentence_starts & ~self._begins[tags] & (kind == previous) & (kind >= 0)
        )  # continues what stands before
        starts = np.flatnonzero((kind >= 0) & ~joined)
        breaks = np.flatnonzero(~joined)  # every word that continues nothing ends what stands before it
        ends = np.append(breaks, len(tags))[np.searchsorted(breaks, starts, side="right")]
        spans = np.stack([kind[starts], starts, ends], axis=1)
        return spans if mode == "conlleval" else spans[self._begins[tags[starts]]]

    def count(self, gold: Ints, predicted: Ints, sentence_starts: NDArray[np.bool_], mode: Mode) -> dict[str, Counts]:
        """Returns the counts of every type, and of all under the empty name, which no type has.

        Args:
            gold: (words,) label ids.
            predicted: (words,) label ids.
            sentence_starts: (words,) True at each sentence's first word.
            mode: `conlleval` or `strict`.
        """
        assert gold.shape == predicted.shape == sentence_starts.shape, (gold.shape, predicted.shape)
        base = len(gold) + 1
        weights = np.array([base * base, base, 1], dtype=np.int64)
        keys = [self.spans(tags, sentence_starts, mode) @ weights for tags in (gold, predicted)]
        correct = np.intersect1d(keys[0], keys[1], assume_unique=True)
        per_type = [np.bincount(key // (base * base), minlength=len(self.types)) for key in (*keys, correct)]
        counts = {name: Counts(*(int(column[i]) for column in per_type)) for i, name in enumerate(self.types)}
        return {"": Counts(len(keys[0]), len(keys[1]), len(correct)), **counts}

    def count_by_sentence(
        self, gold: Ints, predicted: Ints, sentence_starts: NDArray[np.bool_], mode: Mode
    ) -> NDArray[np.int64]:
        """Returns the counts of every sentence, (sentences, types, 3) int64: gold, predicted and correct entities.

        Args:
            gold: (words,) label ids.
            predicted: (words,) label ids.
            sentence_starts: (words,) True at each sentence's first word.
            mode: `conlleval` or `strict`.
        """
        sentence = np.cumsum(sentence_starts) - 1
        counts = np.zeros((int(sentence_starts.sum()), len(self.types), 3), dtype=np.int64)
        spans = [self.spans(tags, sentence_starts, mode) for tags in (gold, predicted)]
        both = np.concatenate(spans)
        found, times = np.unique(both, axis=0, return_counts=True) if len(both) else (both, np.empty(0, dtype=int))
        for i, part in enumerate((*spans, found[times == 2])):
            np.add.at(counts, (sentence[part[:, 1]], part[:, 0], i), 1)
        return counts


def entity_metrics(
    labels: Sequence[str], gold: Ints, predicted: Ints, sentence_starts: NDArray[np.bool_]
) -> dict[str, float]:
    """Returns precision, recall and F1 in both modes, overall (`f1_conlleval`) and per type (`f1_conlleval/PER`).

    Args:
        labels: IOB2 label names.
        gold: (words,) label ids.
        predicted: (words,) label ids.
        sentence_starts: (words,) True at each sentence's first word.
    """
    counter = EntityCounter(labels=labels)
    metrics = {}
    for mode in MODES:
        for name, counts in counter.count(gold, predicted, sentence_starts, mode).items():
            suffix = f"/{name}" if name else ""
            metrics.update({f"{score}_{mode}{suffix}": value for score, value in counts.scores().items()})
    return metrics


def cross_check(
    labels: Sequence[str], gold: Ints, predicted: Ints, sentence_starts: NDArray[np.bool_], metrics: dict[str, float]
) -> None:
    """Compares F1 in both modes with seqeval (Nakayama 2018), the independent reference; it takes seconds.

    Raises:
        AssertionError: if any differs by more than rounding.
    """
    import warnings

    from seqeval.metrics import f1_score  # imported late: seqeval brings scikit-learn
    from seqeval.scheme import IOB2

    first = np.flatnonzero(sentence_starts)
    sequences = [[[labels[i] for i in part] for part in np.split(tags, first[1:])] for tags in (gold, predicted)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about types that are never predicted: 0 is what conlleval says, too
        reference = {
            "conlleval": f1_score(*sequences),
            "strict": f1_score(*sequences, mode="strict", scheme=IOB2),
        }
    for mode, value in reference.items():
        ours = metrics[f"f1_{mode}"]
        assert abs(ours - float(value)) < 1e-9, f"f1_{mode} is {ours}, seqeval says {value}"
