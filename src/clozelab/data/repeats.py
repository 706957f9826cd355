"""Sentences that stand in a corpus more than once: inside a split, with other tags, and in a split and in training.

A test sentence that was trained on measures memory, not understanding: it is counted and said, never dropped.
"""

import hashlib
import logging
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

log = logging.getLogger(__name__)


def fingerprint(*texts: str) -> int:
    """Returns 64 bits that the same texts in the same order share, as a signed integer."""
    data = "\0".join(texts).encode("utf-8")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), signed=True)


def count_repeats(words: Sequence[int], tags: Sequence[Sequence[str]]) -> dict[str, int]:
    """Returns how many sentences of a split repeat an earlier one, and how many of these with other tags.

    Args:
        words: fingerprint of the words of each sentence.
        tags: of each sentence.
    """
    first: dict[int, Sequence[str]] = {}
    repeated = conflicting = 0
    for text, own in zip(words, tags, strict=True):
        if text in first:
            repeated += 1
            conflicting += first[text] != own
        first.setdefault(text, own)
    return {"sentences_repeated": repeated, "sentences_repeated_with_other_tags": conflicting}


def warn_of_leakage(fingerprints: Mapping[str, NDArray[np.int64]], unit: str) -> dict[str, dict[str, int]]:
    """Returns how many units of each split an earlier one has too, by split and earlier split, and warns of them.

    Args:
        fingerprints: one number a unit, by split: training, validation, test.
        unit: what they are, in the plural.
    """
    names = list(fingerprints)
    counts: dict[str, dict[str, int]] = {name: {} for name in names}
    for place, split in enumerate(names):
        own = fingerprints[split]
        for earlier in names[:place]:
            counts[split][earlier] = shared = int(np.isin(own, fingerprints[earlier]).sum())
            if shared:
                log.warning(
                    "leakage: %d of the %d %s %s (%.1f %%) are in the %s split, too", shared, len(own), split, unit,
                    100 * shared / len(own), {"train": "training"}.get(earlier, earlier),
                )  # fmt: skip
    return counts
