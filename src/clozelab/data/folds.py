"""Splits that a corpus lacks, as a pure function of what its texts are.

Neither the order of a file nor a seed decides: the same texts give the same split everywhere, equal texts stay
together, and each label has its share in every split. With a fold, the same function gives the parts of a
cross-validation.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Subset:
    """Which part of a file a split takes.

    Attributes:
        split: `train`, `validation` or `test`.
        validation: share of the file that is the validation split; 0 if that has a file of its own.
        test: share that is the test split; 0 if that has a file of its own.
        fold: number of the part of this share that is the test split.
    """

    split: str
    validation: float
    test: float
    fold: int


def assign(fingerprints: Sequence[int], labels: Sequence[object], subset: Subset) -> list[bool]:
    """Says of each text whether it belongs to a subset.

    Args:
        fingerprints: a number a text, the same for equal texts (`repeats.fingerprint`).
        labels: of the texts; strata, unless they are numbers.
        subset: the part.
    """
    label_of: dict[int, str] = {}
    for number, label in zip(fingerprints, labels, strict=True):
        stratum = "" if isinstance(label, float) else str(label)
        # Texts that occur under several labels belong to one stratum, whatever their order.
        label_of[number] = min(stratum, label_of.get(number, stratum))
    strata: dict[str, list[int]] = {}
    for number in sorted(label_of):  # a fingerprint is a hash: this order is as good as a drawn one
        strata.setdefault(label_of[number], []).append(number)
    chosen = {number for members in strata.values() for number in _part(members, subset)}
    return [number in chosen for number in fingerprints]


def _part(members: Sequence[int], subset: Subset) -> list[int]:
    """Returns the members of one stratum that a subset takes: the fold's block is test, what follows is validation."""
    size = len(members)
    first, last = round(subset.fold * subset.test * size), round((subset.fold + 1) * subset.test * size)
    num_validation = round(subset.validation * size)
    turned = [*members[last:], *members[:first]]
    parts = {"test": members[first:last], "validation": turned[:num_validation], "train": turned[num_validation:]}
    return list(parts[subset.split])
