"""From label probabilities to tags: the likeliest sequence that IOB2 allows, by dynamic programming.

Nothing is trained: every allowed transition costs nothing, every other is impossible (Viterbi 1967; as a constraint on
BIO tags, Strubell et al. 2017, section 4.3, and He et al. 2017, section 3.2).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

WORST = -1e9
"""Stands for a log-probability of -inf, which must stay better than what is forbidden."""


def legal_transitions(labels: Sequence[str]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Returns what IOB2 allows: at the start of a sentence (labels,), and from each label to each (labels, labels).

    Only `I-X` is ever forbidden: it must follow `B-X` or `I-X`.

    Args:
        labels: IOB2 label names.
    """
    kind = np.array([label[2:] for label in labels])
    inside = np.array([label.startswith("I-") for label in labels])
    return ~inside, ~inside[None, :] | (kind[:, None] == kind[None, :])


def viterbi(
    log_probabilities: NDArray[np.float32], sentence_starts: NDArray[np.bool_], labels: Sequence[str]
) -> NDArray[np.int64]:
    """Returns the likeliest legal tags, (words,) int64; words are taken as independent but for what is legal.

    All sentences are decoded at once, word by word, the longest first.

    Args:
        log_probabilities: (words, labels) of all sentences, one after the other.
        sentence_starts: (words,) True at each sentence's first word.
        labels: IOB2 label names; at least one must be legal at the start of a sentence.
    """
    begins, follows = legal_transitions(labels)
    assert begins.any(), f"no label may begin a sentence: {labels}"
    firsts = np.flatnonzero(sentence_starts)
    lengths = np.diff(np.append(firsts, len(sentence_starts)))
    order = np.argsort(-lengths, kind="stable")
    firsts, lengths = firsts[order], lengths[order]
    forbidden = np.where(follows, 0.0, -np.inf)
    tags = np.empty(len(sentence_starts), dtype=np.int64)
    if len(firsts) == 0:
        return tags
    log_probabilities = np.nan_to_num(log_probabilities, nan=WORST, posinf=-WORST, neginf=WORST)
    score = log_probabilities[firsts].astype(np.float64) + np.where(begins, 0.0, -np.inf)
    came_from: list[NDArray[np.int64]] = []
    for place in range(1, int(lengths[0])):
        active = int(np.searchsorted(-lengths, -place, side="left"))  # sentences longer than `place` words
        through = score[:active, :, None] + forbidden
        came_from.append(through.argmax(1))
        score[:active] = through.max(1) + log_probabilities[firsts[:active] + place]
    best = score.argmax(1)
    for place in range(int(lengths[0]) - 1, -1, -1):
        active = int(np.searchsorted(-lengths, -place, side="left"))
        tags[firsts[:active] + place] = best[:active]
        if place:
            best[:active] = came_from[place - 1][np.arange(active), best[:active]]
    return tags
