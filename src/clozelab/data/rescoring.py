"""Data that a finished model scores: what its labels are called there, and what the model calls them.

Where names differ, only a person knows which label is which: a mapping is asked for, never guessed.
"""

import logging
import shlex
import textwrap
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import final

from clozelab.data.schemes import split_tag
from clozelab.errors import ConfigError, did_you_mean
from clozelab.metrics.entities import is_iob2
from clozelab.types import NUMBER, Kind

log = logging.getLogger(__name__)

ALL = "all"
"""Stands for the whole file of a corpus that has one, however it would be shared out."""


@final
@dataclass(frozen=True, slots=True)
class Rescoring:
    """What data are told that a finished model scores.

    Attributes:
        labels: of the model; a label's id is its place.
        mapping: from labels of the data (of entities: types) to the model's; None leaves out.
        splits: to be scored; none are those that every run scores.
        is_own: whether these are the data that the model was trained on.
        command: that was typed, for the message that asks for a mapping.
    """

    labels: Sequence[str]
    mapping: Mapping[str, str | None] = field(default_factory=dict)
    splits: Sequence[str] = ()
    is_own: bool = True
    command: str = "clozelab evaluate RUN"

    def names(
        self, found: Mapping[str, Collection[str]], scored: Iterable[str], kind: Kind, *, numbers: bool = False,
        elsewhere: Callable[[], Collection[str]] = tuple,
    ) -> dict[str, str | None]:  # fmt: skip
        """Returns what the model calls each label of the data; None is left out.

        Args:
            found: labels of each split.
            scored: splits whose labels the model must have.
            kind: what carries a label.
            numbers: whether targets are numbers.
            elsewhere: returns the labels of splits that were not read; asked only where the mapping has more.

        Raises:
            ConfigError: if the model does not know a label, or the mapping fits the data or the model not.
        """
        self._check_numbers({label for labels in found.values() for label in labels}, numbers=numbers)
        are_entities = kind == "words" and is_iob2(self.labels)
        theirs = {label: _name(label, are_entities) for labels in found.values() for label in labels}
        if plain := sorted(label for label in theirs if are_entities and split_tag(label)[0] is None):
            raise ConfigError(f"the run finds entities, and these data have tags that are none: {_listed(plain)}")
        ours = sorted({_name(label, are_entities) for label in self.labels} - {""})
        known = {*theirs.values()} - {""}
        if {*self.mapping} - known:  # one mapping may serve all splits of a corpus
            known |= {_name(label, are_entities) for label in elsewhere()} - {""}
        self._check_mapping(sorted(known), ours, kind, are_entities=are_entities)
        here = {label for split in scored for label in found[split]}
        needed = sorted({theirs[label] for label in here} - {""})
        if missing := [name for name in needed if name not in self.mapping and name not in ours]:
            raise ConfigError(self._question(needed, ours, missing, are_entities=are_entities))
        names = {label: self._renamed(label, name, are_entities) for label, name in theirs.items()}
        if lost := sorted({str(names[label] or "O") for label in here} - set(self.labels)) if are_entities else []:
            raise ConfigError(
                f"the model has learnt no tag {', '.join(lost)}, though the type; "
                "labels.TYPE=null takes these entities for none"
            )
        return names

    def check_files(self, files: Collection[str]) -> None:
        """Refuses to score the whole of a corpus that is not one file.

        Args:
            files: splits that have one.

        Raises:
            ConfigError: naming them.
        """
        if ALL in self.splits and len(files) > 1:
            own = ", ".join(files)
            raise ConfigError(
                f"split=all: is for a corpus of one file; this one has files for {own}: score these splits"
            )

    def _renamed(self, label: str, name: str, are_entities: bool) -> str | None:
        if not are_entities:
            return self.mapping.get(label, label)
        ours = self.mapping.get(name, name)
        return "O" if not name else ours and f"{label[:2]}{ours}"

    def _check_numbers(self, found: Collection[str], *, numbers: bool) -> None:
        if (tuple(self.labels) == NUMBER) != numbers:
            if numbers:
                raise ConfigError(f"the run learnt labels ({_listed(self.labels)}), and these data have numbers")
            raise ConfigError(
                f"the run learnt numbers, and these data have labels ({_listed(sorted(found))}); "
                "data.format.numbers=true reads numbers (names and thresholds must then be null)"
            )
        if numbers and self.mapping:
            raise ConfigError(
                f"labels.{next(iter(self.mapping))}: the run predicts numbers; there are no labels to map"
            )

    def _check_mapping(self, theirs: Sequence[str], ours: Sequence[str], kind: Kind, *, are_entities: bool) -> None:
        what = "entity type" if are_entities else "label"
        problems = []
        for name, target in self.mapping.items():
            if name not in theirs:
                near = did_you_mean(name, theirs)
                problems.append(f"labels.{name}: the data have no such {what}.{near} They have {_listed(theirs)}")
            if target is None and kind == "words" and not are_entities:
                problems.append(f"labels.{name}=null: every word has a tag that is scored; none can be left out")
            if target is not None and target not in ours:
                near = did_you_mean(target, ours)
                problems.append(
                    f"labels.{name}={target}: the model has no such {what}.{near} It has {_listed(ours)}, or null"
                )
        if problems:
            raise ConfigError("\n".join(problems))

    def _question(
        self, theirs: Sequence[str], ours: Sequence[str], missing: Sequence[str], *, are_entities: bool
    ) -> str:
        what = "entity types" if are_entities else "labels"
        rows = {"data": theirs, "model": ours, "equal": [name for name in theirs if name in ours] or ["none"]}
        lines = [
            textwrap.fill(", ".join(names), 79, initial_indent=f"  {title:<7}", subsequent_indent=" " * 9)
            for title, names in rows.items()
        ]
        null = "takes its entities for none" if are_entities else "leaves it out"
        asked = " ".join(shlex.quote(f"labels.{name}=...") for name in missing)
        return "\n".join(
            [f"the {what} of the data and of the model differ", *lines,
             f"say what each is to the model, one of its own or null, which {null}:", f"  {self.command} {asked}"]
        )  # fmt: skip


def vocabulary(
    found: Mapping[str, Collection[str]],
    rescoring: Rescoring | None,
    scored: Iterable[str],
    kind: Kind,
    *,
    numbers: bool = False,
    elsewhere: Callable[[], Collection[str]] = tuple,
) -> tuple[Sequence[str], dict[str, str | None] | None]:
    """Returns the labels of data, and where a finished model scores them, which of these each of theirs is.

    All labels count, sorted: one that training lacks is scored too, as never predicted.

    Args:
        found: by split.
        rescoring: of the model that scores them, if one does.
        scored: splits.
        kind: what carries a label.
        numbers: whether targets are numbers.
        elsewhere: returns the labels of splits that were not read.

    Raises:
        ConfigError: see `Rescoring.names`.
    """
    if rescoring is not None:
        return rescoring.labels, rescoring.names(found, scored, kind, numbers=numbers, elsewhere=elsewhere)
    return sorted({label for labels in found.values() for label in labels}), None


def warn_of_unseen(labels: Sequence[str], counts: Mapping[str, Sequence[int]]) -> None:
    """Warns of labels that are scored, and that nothing could be learnt of.

    Args:
        labels: of all splits.
        counts: how often each occurs in what is chosen of each split.
    """
    for split in ("validation", "test"):
        triples = zip(labels, counts["train"], counts[split], strict=True)
        if unseen := [label for label, learnt, scored in triples if scored and not learnt]:
            log.warning("labels of the %s split that training lacks, scored as errors: %s", split, _listed(unseen))


def _name(label: str, are_entities: bool) -> str:
    """Returns what a label is called in a mapping: the type of an entity's tag; nothing, of no entity."""
    return split_tag(label)[1] if are_entities else label


def _listed(names: Iterable[str]) -> str:
    shown = list(names)
    return ", ".join(shown[:20]) + (f" and {len(shown) - 20} more" if len(shown) > 20 else "")
