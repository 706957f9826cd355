"""One tokenised split: units as their file has them (sentences, texts), cut into the examples of an encoder."""

from collections.abc import Mapping, Sequence
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from clozelab.data.example import Example
from clozelab.store.ragged import RaggedStore


@final
class Split:
    """A split in its store. A unit is one example or several (windows); every target belongs to exactly one of them.

    Args:
        store: with the fields that `words.build` or `texts.build` writes.
        labels: label names of the whole data; the store's own ids are mapped to places in it. Empty for numbers.
        names: where a finished model scores the data, which of `labels` each of the store's is; None is left out.
            Those that neither has are in splits that are not scored.
        outside: what words are whose own label is left out; without it, units are.
    """

    def __init__(
        self,
        *,
        store: RaggedStore,
        labels: Sequence[str],
        names: Mapping[str, str | None] | None = None,
        outside: str | None = None,
    ) -> None:
        self.store = store
        self.input_ids = store["input_ids"]
        self.positions = store["positions"]  # places of the first piece of each target of an example
        self.lengths = store["lengths"]  # pieces of each target
        self._targets = store["targets"]
        self.num_units = len(self._targets)
        self.examples_of = store["examples"]  # example numbers of each unit
        self._num_labels = len(labels)
        own: list[str] = store.header["labels"]
        if names is None:
            self._to_label = np.array([labels.index(name) for name in own], dtype=np.int64)
        else:
            places = {name: place for place, name in enumerate(labels)}
            renamed = [outside if names[name] is None else names[name] for name in own]
            self._to_label = np.array([places.get(str(name), -1) for name in renamed], dtype=np.int64)
        left_out = {name for name in own if names is not None and names[name] is None}
        if outside is not None:  # of an entity one tag, so that it counts once
            left_out = {name for name in left_out if name.startswith("B-")}
        self._is_left_out = np.array([name in left_out for name in own], dtype=bool)
        self.unit_of = np.repeat(np.arange(self.num_units), self.examples_of.lengths())
        self.first_targets = store["first_targets"]
        self._seconds = store["second_segments"] if "second_segments" in store.header["fields"] else None
        self.numbers: bool = store.header.get("numbers", False)

    def targets_of(self, unit: int) -> NDArray[Any]:
        """Returns the gold label ids of a unit, (targets,) int64, or its numbers, (targets,) float32."""
        row = self._targets[unit]
        return np.asarray(row).view(np.float32) if self.numbers else self._to_label[row]

    def second_segment(self, example: int) -> int:
        """Returns where the second segment of an example begins; its length if it has one only."""
        return len(self.input_ids[example]) if self._seconds is None else int(self._seconds[example][0])

    def draw(self, number: int, epoch: int | None) -> Example:
        """Returns an example, the same in every epoch."""
        unit, own = self.owned(number)
        return Example(
            number=number,
            input_ids=self.input_ids[number],
            second_segment=self.second_segment(number),
            positions=self.positions[number],
            lengths=self.lengths[number],
            targets=self.targets(number),
            target_ids=np.stack([np.full(len(own), unit), np.arange(own.start, own.stop)], 1),
        )

    def num_tokens(self) -> NDArray[np.int64]:
        """Returns the tokens of every example, (examples,)."""
        return self.input_ids.lengths()

    def targets(self, example: int) -> NDArray[Any]:
        """Returns the gold label ids or numbers that belong to an example, (targets,)."""
        unit, own = self.owned(example)
        return self.targets_of(unit)[own.start : own.stop]

    def owned(self, example: int) -> tuple[int, range]:
        """Returns the unit of an example and those of its targets that belong to the example."""
        unit = int(self.unit_of[example])
        first = int(self.first_targets[unit][example - self.examples_of.offsets[unit]])
        return unit, range(first, first + len(self.positions[example]))

    def num_targets(self) -> NDArray[np.int64]:
        """Returns the targets of every unit, (units,)."""
        return self._targets.lengths()

    def label_counts(self, units: NDArray[np.int64]) -> tuple[int, ...]:
        """Returns how often each label of the whole data occurs in these units."""
        chosen = np.zeros(self.num_units, dtype=bool)
        chosen[units] = True
        found = self._targets.values[np.repeat(chosen, self._targets.lengths())]
        return tuple(np.bincount(self._to_label[found], minlength=self._num_labels).tolist())

    def num_left_out(self, units: NDArray[np.int64]) -> int:
        """Returns how many of these units, or of the entities in them, have a label that is left out."""
        return int(self._is_left_out[np.concatenate([self._targets[unit] for unit in units.tolist()])].sum())

    def kept(self, units: NDArray[np.int64]) -> NDArray[np.int64]:
        """Returns those of these units whose targets all have a label of the whole data."""
        return units[[bool((self._to_label[self._targets[unit]] >= 0).all()) for unit in units.tolist()]]

    def parts(self, unit: int) -> list[str]:
        """Returns what a unit is made of, as the file has it: the words of a sentence, the segments of a text."""
        return bytes(self.store["text"][unit].astype(np.uint8)).decode().split("\0")

    def fingerprints(self) -> NDArray[np.int64]:
        """Returns a number for each unit that units of the same parts share, (units,)."""
        return self.store["fingerprint"].values.view(np.int64)
