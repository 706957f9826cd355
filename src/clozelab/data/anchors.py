"""Where examples stand in their documents: fixed places, filled with whole sentences up to the length limit.

Nothing is dropped: the examples of a document follow one another without a gap. A sentence that is longer than an
example may be is cut, before a word if there is one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clozelab.data.tokenised import SENTENCE
from clozelab.randomness import Purpose, generator
from clozelab.store.ragged import RaggedStore, Writer

Part = tuple[int, int, int]
"""Number of a document among the chosen ones, and where its part begins and ends in its tokens."""


@dataclass(frozen=True)
class Filling:
    """How examples are filled.

    Attributes:
        length: tokens an example may have, special ones not counted.
        join: go on with the next document, after a separator, where one ends (FULL-SENTENCES of Liu et al. 2019,
            section 4.2); False ends the example (DOC-SENTENCES).
        short: share of examples that are filled to a random shorter length (Devlin et al. 2019: 0.1).
    """

    length: int
    join: bool
    short: float


def write_anchors(folder: Path, store: RaggedStore, documents: Sequence[int], filling: Filling) -> None:
    """Writes the places of all examples, one row each: `parts`, three numbers a part, and `free`.

    `free` is how many more tokens there was room for when the next sentence did not fit; it is 0 where a document ended
    the example or a sentence was cut.

    Args:
        folder: of the new store.
        store: of the tokenised documents.
        documents: the chosen ones, in order.
        filling: how examples are filled.
    """
    with Writer(folder, {"parts": "int32", "free": "int32"}) as writer:
        for example, free in _examples(store, documents, filling):
            writer.append("parts", [number for part in example for number in part])
            writer.append("free", [free])


def _examples(store: RaggedStore, documents: Sequence[int], filling: Filling) -> Iterator[tuple[list[Part], int]]:
    parts: list[Part] = []
    room = 0
    for place, document in enumerate(documents):
        begins = store["begins"][document]
        ends = sentence_ends(begins)
        draw = generator(Purpose.ANCHORS, 0, place) if filling.short else None
        start = 0
        while start < len(begins):
            if not parts:
                room = _target(draw, filling)
            end = last_within(ends, start, room)
            if end == start and parts:  # the next sentence begins the next example
                yield parts, room
                parts = []
                continue
            is_cut = end == start
            end = cut(begins, start, room) if is_cut else end
            parts.append((place, start, end))
            free = room - (end - start)
            room = free - 1  # a separator follows
            start = end
            if start < len(begins) or not filling.join or room < 1:
                yield parts, 0 if is_cut or start == len(begins) else free
                parts = []
    if parts:
        yield parts, 0


def _target(draw: np.random.Generator | None, filling: Filling) -> int:
    if draw is not None and draw.random() < filling.short:
        return int(draw.integers(2, filling.length + 1))
    return filling.length


def sentence_ends(begins: NDArray[np.integer]) -> NDArray[np.int64]:
    """Returns where the sentences of a document end, ascending; the last one at its length."""
    return np.append(np.flatnonzero(begins & SENTENCE)[1:], len(begins))


def last_within(ends: NDArray[np.int64], start: int, room: int) -> int:
    """Returns the last sentence end at most `room` tokens behind `start`; `start` if there is none."""
    place = int(np.searchsorted(ends, start + room, side="right")) - 1
    return max(start, int(ends[place])) if place >= 0 else start


def cut(begins: NDArray[np.integer], start: int, room: int) -> int:
    """Returns where a sentence that is too long is cut: at the last word that begins within `room`, if any does."""
    words = np.flatnonzero(begins[start + 1 : start + room + 1])
    return start + 1 + int(words[-1]) if len(words) else min(start + room, len(begins))
