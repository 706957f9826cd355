"""Splits that a corpus lacks, as a pure function of what its texts are.

Neither the order of a file nor the seed of a run decides: the same texts give the same split everywhere, texts that
are equal or of one group stay together, and each label has its share in every split. With a fold, the same function
gives the parts of a cross-validation; with a split seed, another split of the same kind.
"""

import logging
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import compress
from pathlib import Path
from typing import final

from clozelab.data.repeats import fingerprint
from clozelab.errors import require
from clozelab.types import Text, TextFormat

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Subset:
    """Which part of a file a split takes.

    Attributes:
        split: `train`, `validation` or `test`.
        validation: share of the file that is the validation split; 0 if that has a file of its own.
        test: share that is the test split; 0 if that has a file of its own.
        fold: number of the part of this share that is the test split.
        seed: of the order in which texts are shared out.
    """

    split: str
    validation: float
    test: float
    fold: int
    seed: int = 0


@final
class Shares:
    """How the training file is shared out between the splits that have no file of their own.

    Args:
        validation: share that is the validation split.
        test: share that is the test split.
        fold: which part of this share is the test split: with a test share of 0.2 there are five, 0 to 4.
        seed: which of many such splits; the seed of a run has no part in it.
        files: splits that have a file.
    """

    def __init__(self, *, validation: float, test: float, fold: int, seed: int, files: Collection[str]) -> None:
        require("validation_share", validation, 0 < validation <= 0.5, "a share in (0, 0.5]")
        require("test_share", test, 0 < test <= 0.5, "a share in (0, 0.5]")
        num_folds = int(1 / test + 1e-9)
        require("fold", fold, 0 <= fold < num_folds, f"an integer from 0 to {num_folds - 1} (1 / test_share - 1)")
        require("split_seed", seed, seed >= 0, "an integer >= 0")
        # Else runs with other folds, of the same splits, would pass for a cross-validation.
        require("fold", fold, fold == 0 or "test" not in files, "0 where the test split has a file of its own")
        self.drawn = sorted({"validation", "test"}.difference(files))
        require("split_seed", seed, seed == 0 or bool(self.drawn), "0 where every split has a file of its own")
        self._validation = validation if "validation" in self.drawn else 0.0
        self._test = test if "test" in self.drawn else 0.0
        self._fold = fold
        self._seed = seed

    def log(self) -> None:
        """Says which splits are drawn."""
        if self.drawn:
            log.info("drawn from the training file by content: %s", ", ".join(self.drawn))

    def why_none(self, split: str) -> str:
        """Returns what to add to a message that a split has no text: nothing, if it has a file."""
        if split not in ("train", *self.drawn) or not self.drawn:
            return ""
        return f", drawn with data.validation_share={self._validation} and data.test_share={self._test} of each label"

    def subset(self, split: str) -> Subset | None:
        """Returns the part of its file that a split takes; None is the whole file."""
        if not self.drawn or split not in {"train", *self.drawn}:
            return None
        return Subset(split=split, validation=self._validation, test=self._test, fold=self._fold, seed=self._seed)


def assign(fingerprints: Sequence[int], labels: Sequence[object], subset: Subset) -> list[bool]:
    """Says of each text whether it belongs to a subset.

    Args:
        fingerprints: a number a text, the same for texts that must stay together (`repeats.fingerprint`).
        labels: of the texts; strata, unless they are numbers.
        subset: the part.
    """
    label_of: dict[int, str] = {}
    for number, label in zip(fingerprints, labels, strict=True):
        stratum = "" if isinstance(label, float) else str(label)
        # Texts that occur under several labels belong to one stratum, whatever their order.
        label_of[number] = min(stratum, label_of.get(number, stratum))
    strata: dict[str, list[int]] = {}
    for number in sorted(label_of, key=partial(_place, seed=subset.seed)):
        strata.setdefault(label_of[number], []).append(number)
    chosen = {number for members in strata.values() for number in _part(members, subset)}
    return [number in chosen for number in fingerprints]


def _place(number: int, seed: int) -> tuple[int, int]:
    """Returns what a fingerprint is ordered by. It is a hash: its own order is as good as a drawn one."""
    return fingerprint(str(seed), str(number)) if seed else 0, number


def _part(members: Sequence[int], subset: Subset) -> list[int]:
    """Returns the members of one stratum that a subset takes: the fold's block is test, what follows is validation."""
    size = len(members)
    first, last = round(subset.fold * subset.test * size), round((subset.fold + 1) * subset.test * size)
    num_validation = round(subset.validation * size)
    turned = [*members[last:], *members[:first]]
    parts = {"test": members[first:last], "validation": turned[:num_validation], "train": turned[num_validation:]}
    return list(parts[subset.split])


def texts_in(file: Path, format: TextFormat, subset: Subset | None, counts: Counter[str]) -> Iterator[Text]:
    """Yields the texts of a file, or those of them that a subset takes; reads the file twice for that, not into memory.

    Args:
        file: to read.
        format: how.
        subset: the part; None is the whole file.
        counts: of what was mended on the way.

    Raises:
        DataError: if the file cannot be read.
    """
    texts = format.read(file, counts)
    if subset is not None:
        first = [(fingerprint(*(text.group or text.segments)), text.label) for text in format.read(file, Counter())]
        chosen = assign([number for number, _ in first], [label for _, label in first], subset)
        texts = compress(texts, chosen)
    yield from texts
