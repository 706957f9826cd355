"""What a model gets wrong: types taken for one another, wrong borders, entities it has never seen, hard words.

Everything here is counted over entities as conlleval reads them (`metrics.entities`), each gold entity in one category.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clozelab.metrics.entities import Counts, EntityCounter, is_iob2

NONE = "-"
"""Stands for no entity in a confusion table."""

Ints = NDArray[np.int64]
Words = Sequence[str]


@dataclass(frozen=True, slots=True)
class Tagged:
    """The scored words of a split, all sentences one after the other.

    Attributes:
        labels: label names.
        gold: (words,) label ids; or float32 numbers, of texts.
        predicted: likewise.
        starts: (words,) True at each sentence's first word.
        words: as the file has them.
        loss: (words,) cross-entropy in nats.
    """

    labels: Sequence[str]
    gold: NDArray[Any]
    predicted: NDArray[Any]
    starts: NDArray[np.bool_]
    words: Words
    loss: NDArray[np.float32]


def analyse(tagged: Tagged, seen: frozenset[tuple[str, ...]] | None, *, num_hardest: int = 20) -> dict[str, Any]:
    """Returns the errors of a split as plain values.

    Args:
        tagged: the split.
        seen: surface forms of the entities of the training split; None if that is not here.
        num_hardest: words of the highest loss to list.

    Returns:
        `confusion` (gold -> predicted -> count, the diagonal too), `hardest`, and for entities also `boundaries` and
        `seen` (if that is known).
    """
    result: dict[str, Any] = {"hardest": hardest_words(tagged, num_hardest)}
    if np.issubdtype(tagged.gold.dtype, np.floating):
        return result
    if not is_iob2(tagged.labels):
        pairs = Counter(zip(tagged.gold.tolist(), tagged.predicted.tolist(), strict=True))
        result["confusion"] = _nested({(tagged.labels[g], tagged.labels[p]): n for (g, p), n in pairs.items()})
        return result
    counter = EntityCounter(labels=tagged.labels)
    gold, predicted = (counter.spans(tags, tagged.starts, "conlleval") for tags in (tagged.gold, tagged.predicted))
    confusion, boundaries = compare(gold.tolist(), predicted.tolist(), counter.types)
    result["confusion"] = _nested(confusion)
    result["boundaries"] = dict(boundaries)
    if seen is not None:
        result["seen"] = scores_by_familiarity(gold.tolist(), predicted.tolist(), tagged.words, seen)
    return result


def compare(
    gold: Sequence[Sequence[int]], predicted: Sequence[Sequence[int]], types: Sequence[str]
) -> tuple[Counter[tuple[str, str]], Counter[str]]:
    """Returns the confusion of types and the boundary errors.

    Every gold entity is one of: found with its borders (counted by both types), overlapped by entities with other
    borders (a boundary error), or missed (`-`). Predicted entities that overlap none are spurious (`-` as gold type).

    Args:
        gold: (type, first word, last word + 1) of each, in order and disjoint.
        predicted: likewise.
        types: names.

    Returns:
        (gold type, predicted type) -> count, and kind of boundary error -> count: `too_long` (the predicted entity
        holds the gold one), `too_short` (it is held by it), `shifted` (neither), `split` (several predicted entities
        overlap it), `merged` (the predicted entity overlaps several gold ones).
    """
    confusion: Counter[tuple[str, str]] = Counter()
    boundaries = Counter(dict.fromkeys(("too_long", "too_short", "shifted", "split", "merged"), 0))
    over_gold, over_predicted = _overlaps(gold, predicted)
    for number, (kind, first, last) in enumerate(gold):
        touching = over_gold[number]
        if not touching:
            confusion[types[kind], NONE] += 1
            continue
        other, start, end = predicted[touching[0]]
        if len(touching) > 1:
            boundaries["split"] += 1
        elif (start, end) == (first, last):
            confusion[types[kind], types[other]] += 1
        elif len(over_predicted[touching[0]]) > 1:
            boundaries["merged"] += 1
        elif start <= first and last <= end:
            boundaries["too_long"] += 1
        else:
            boundaries["too_short" if first <= start and end <= last else "shifted"] += 1
    for number, (other, _, _) in enumerate(predicted):
        if not over_predicted[number]:
            confusion[NONE, types[other]] += 1
    return confusion, boundaries


def _overlaps(gold: Sequence[Sequence[int]], predicted: Sequence[Sequence[int]]) -> tuple[list[list[int]], ...]:
    """Returns the predicted entities that overlap each gold one, and the other way round."""
    over_gold: list[list[int]] = [[] for _ in gold]
    over_predicted: list[list[int]] = [[] for _ in predicted]
    here = 0
    for number, (_, first, last) in enumerate(gold):
        while here < len(predicted) and predicted[here][2] <= first:
            here += 1
        place = here
        while place < len(predicted) and predicted[place][1] < last:
            over_gold[number].append(place)
            over_predicted[place].append(number)
            place += 1
    return over_gold, over_predicted


def surface_forms(
    tags: Ints, starts: NDArray[np.bool_], words: Words, labels: Sequence[str]
) -> frozenset[tuple[str, ...]]:
    """Returns the distinct entities of a split as tuples of words, whatever their type; none for plain tags."""
    if not is_iob2(labels):
        return frozenset()
    spans = EntityCounter(labels=labels).spans(tags, starts, "conlleval").tolist()
    return frozenset(tuple(words[first:last]) for _, first, last in spans)


def scores_by_familiarity(
    gold: Sequence[Sequence[int]],
    predicted: Sequence[Sequence[int]],
    words: Words,
    seen: frozenset[tuple[str, ...]],
) -> dict[str, dict[str, float]]:
    """Returns precision, recall, F1 and counts of the entities that training has, and of those that it lacks.

    Gold and predicted entities alike belong to a part by their words, case included, whatever their type (Augenstein
    et al. 2017, section 3.3, for recall; predicted ones are parted in the same way so that precision is defined, too).
    """
    parts: dict[str, dict[str, float]] = {}
    for name, wanted in (("in_train", True), ("out_of_train", False)):
        own, found = (
            {(k, a, b) for k, a, b in spans if (tuple(words[a:b]) in seen) == wanted} for spans in (gold, predicted)
        )
        counts = Counts(len(own), len(found), len(own & found))
        parts[name] = {
            "gold": counts.gold, "predicted": counts.predicted, "correct": counts.correct, **counts.scores()
        }  # fmt: skip
    return parts


def hardest_words(tagged: Tagged, count: int) -> list[dict[str, Any]]:
    """Returns the words of the highest loss with their sentence, the hardest first."""
    firsts = np.flatnonzero(tagged.starts)
    result = []
    for word in np.argsort(-tagged.loss, kind="stable")[:count].tolist():
        sentence = int(np.searchsorted(firsts, word, side="right")) - 1
        first = int(firsts[sentence])
        last = int(firsts[sentence + 1]) if sentence + 1 < len(firsts) else len(tagged.words)
        result.append({
            "word": tagged.words[word], "place": word - first, "sentence": list(tagged.words[first:last]),
            "gold": _shown(tagged.labels, tagged.gold[word]),
            "predicted": _shown(tagged.labels, tagged.predicted[word]),
            "loss": float(tagged.loss[word]),
        })  # fmt: skip
    return result


def _nested(pairs: dict[tuple[str, str], int]) -> dict[str, dict[str, int]]:
    result: dict[str, dict[str, int]] = {}
    for (gold, predicted), count in sorted(pairs.items()):
        result.setdefault(gold, {})[predicted] = count
    return result


def _shown(labels: Sequence[str], value: Any) -> str:
    """Returns a label's name, or a number as text."""
    return f"{value:.2f}" if isinstance(value, np.floating) else labels[value]
