"""Examples drawn from documents: contiguous text, or two segments that may follow one another, with masked tokens.

Every draw is a pure function of seed, epoch and example (design: randomness). An example stands at a fixed place of the
corpus; what varies with the epoch is where a pair is split, what stands in the place of its other half, and the masks.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from clozelab.data.example import Example
from clozelab.data.frame import Frame
from clozelab.data.masking import Masker
from clozelab.data.tokenised import SENTENCE, WORD
from clozelab.errors import DataError
from clozelab.randomness import Purpose, generator
from clozelab.store.ragged import RaggedStore

IS_NEXT, IS_RANDOM = 0, 1
"""Labels of next sentence prediction, numbered as in BERT."""

CUTS = (WORD | SENTENCE, WORD, 0)
"""Least value of `begins` where text is cut: between sentences, else between words, else anywhere."""

TRIES = 20
"""Places looked at before text is cut less well, or is of another length."""

TOLERANCE = 0.1
"""Share of a wanted length that text may be longer or shorter."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Tokens without special ones.

    Attributes:
        ids: (tokens,).
        begins: (tokens,) where words and sentences begin; see `tokenised`.
    """

    ids: NDArray[np.int64]
    begins: NDArray[np.integer]


@final
class Passages:
    """The examples of a split.

    Args:
        store: of the tokenised documents.
        documents: the chosen ones, in order.
        anchors: the store of the places of the examples among them; see `anchors.write_anchors`.
        frame: special tokens.
        masker: chooses and replaces tokens.
        next_sentence: pairs of segments for next sentence prediction.
        split: its name, for messages.
        seed: of training draws; evaluation has its own, always the same.

    Raises:
        DataError: if there is nothing to pair a document with.
    """

    def __init__(
        self,
        *,
        store: RaggedStore,
        documents: NDArray[np.int64],
        anchors: RaggedStore,
        frame: Frame,
        masker: Masker,
        next_sentence: bool,
        split: str,
        seed: int,
    ) -> None:
        self.ids, self.begins = store["input_ids"], store["begins"]
        self.documents = documents
        self.anchors, self.free = anchors["parts"], anchors["free"]
        self.frame = frame
        self.masker = masker
        self.next_sentence = next_sentence
        self.seed = seed
        self._longest = int(self.num_tokens().max(initial=0))
        if next_sentence:
            # Examples of the same document, and of its copies, are neighbours in this order: others are easy to draw.
            self._prints = store["fingerprint"].values.view(np.int64)[documents][self.anchors.values[::3]]
            self._order = np.argsort(self._prints, kind="stable")
            self._sorted = self._prints[self._order]
            if self._sorted[0] == self._sorted[-1]:
                raise DataError(
                    f"data.next_sentence=true: the {split} split has one document, or copies of one, and pairs need "
                    "two different ones; false does without pairs"
                )

    def __len__(self) -> int:
        return len(self.anchors)

    def num_tokens(self) -> NDArray[np.int64]:
        """Returns the tokens at the place of every example, (examples,); a drawn pair may have fewer."""
        firsts = self.anchors.offsets[:-1]
        sizes = self.anchors.values[2::3].astype(np.int64) - self.anchors.values[1::3]
        return np.add.reduceat(sizes, firsts // 3) if len(firsts) else np.empty(0, dtype=np.int64)

    def draw(self, number: int, epoch: int | None) -> Example:
        """Returns an example; see `Examples.draw`."""
        counters = (self.seed, epoch + 1, number) if epoch is not None else (0, 0, number)
        parts = self.anchors[number].reshape(-1, 3).tolist()
        label = None
        if self.next_sentence:
            segments, label = self._pair(generator(Purpose.SEGMENTS, *counters), number, *parts[0])
        else:
            segments = [self._joined(parts)]
        ids, second, places = self.frame.around([segment.ids for segment in segments])
        begins = np.ones(len(ids), dtype=bool)
        for place, segment in zip(places, segments, strict=True):
            begins[place : place + len(segment.ids)] = segment.begins > 0
        draw = generator(Purpose.MASKS, *counters)
        chosen = self.masker.choose(draw, ids, begins)
        return Example(
            number=number,
            input_ids=self.masker.apply(draw, ids, chosen),
            second_segment=second,
            positions=chosen,
            lengths=np.ones(len(chosen), dtype=np.int64),
            targets=ids[chosen],
            target_ids=np.stack([np.full(len(chosen), number), chosen], 1),
            next_sentence=label,
        )

    def _segment(self, place: int, start: int, end: int) -> Segment:
        document = int(self.documents[place])
        return Segment(self.ids[document][start:end].astype(np.int64), self.begins[document][start:end])

    def _joined(self, parts: list[list[int]]) -> Segment:
        segments = [self._segment(*part) for part in parts]
        separator = Segment(np.array([self.frame.separator]), np.ones(1, dtype=np.uint8))
        between = [item for segment in segments for item in (separator, segment)][1:]
        return Segment(np.concatenate([s.ids for s in between]), np.concatenate([s.begins for s in between]))

    def _pair(
        self, draw: np.random.Generator, number: int, place: int, start: int, end: int
    ) -> tuple[list[Segment], int]:
        """Returns two segments, and whether the second follows the first.

        An example is split between two sentences (inside its only one, between two words), and in half of the cases
        one of its halves gives way to text of another document. BERT always gives up the second half; here it is
        either, so that the ends of examples are read as often as their beginnings.
        """
        free = int(self.free[number][0])
        if end - start < 2:  # a single token is nothing to split
            return [
                self._segment(place, start, end),
                self._elsewhere(draw, number, 1, max(1, free), CUTS[0]),
            ], IS_RANDOM
        begins = self.begins[int(self.documents[place])][start:end]
        cuts = next(least for least in CUTS if (begins[1:] >= least).any())
        splits = np.flatnonzero(begins[1:] >= cuts) + 1
        middle = start + int(splits[draw.integers(len(splits))])
        halves = [self._segment(place, start, middle), self._segment(place, middle, end)]
        if draw.random() < 0.5:
            return halves, IS_NEXT
        half = int(draw.integers(2))
        given_up, kept = len(halves[half].ids), len(halves[1 - half].ids)
        if free and cuts == CUTS[0]:  # filled up, as the example was
            room, wanted = given_up + free, None
        else:  # the document ended here, or it was cut between words: about this length, as often longer as shorter
            room, wanted = self._longest - kept, given_up
        halves[half] = self._elsewhere(draw, number, half, room, cuts, wanted)
        return halves, IS_RANDOM

    def _elsewhere(
        self, draw: np.random.Generator, number: int, half: int, room: int, cuts: int, wanted: int | None = None
    ) -> Segment:
        """Returns text of another document in the place of a half of an example.

        Nothing in it but its content may tell that it does not belong there: it begins where an example does (or, as a
        second half, ends where one does), is cut as the example was, and filled up to the length the example was.

        Args:
            draw: of the example.
            number: of the example.
            half: 0 or 1.
            room: tokens it has at most.
            cuts: one of `CUTS`.
            wanted: tokens it should have; None fills the room.
        """
        best: tuple[int, int, int] | None = None
        miss = 0
        own = int(self._prints[number])
        first, last = np.searchsorted(self._sorted, own), np.searchsorted(self._sorted, own, side="right")
        for least in CUTS[CUTS.index(cuts) :]:
            for _ in range(TRIES):
                drawn = int(draw.integers(len(self._order) - int(last - first)))
                other = int(self._order[drawn if drawn < first else drawn + int(last - first)])
                place, start, end = self.anchors[other].tolist()
                begins = self.begins[int(self.documents[place])]
                there = len(begins) - start if half == 0 else end
                # A document may be a book: no more of it is looked at than there is room for.
                window = max(0, end - room) if half else start
                near = begins[window : end if half else start + room + 1]
                edges = np.append(window + np.flatnonzero(near >= least), len(begins))
                start, end = _stretch(edges, start, end, half, room, wanted)
                off = max(0, room - there) if wanted is None else abs(end - start - wanted)
                if start < end and (best is None or off < miss):
                    best, miss = (place, start, end), off
                if best is not None and miss <= TOLERANCE * (wanted or room):
                    return self._segment(*best)
            if best is not None:
                return self._segment(*best)
        raise AssertionError(f"no text for {room} tokens")


def _stretch(
    edges: NDArray[np.int64], start: int, end: int, half: int, room: int, wanted: int | None
) -> tuple[int, int]:
    """Returns text from `start` (as a first half) or up to `end` (as a second): the most that fits, or what is wanted.

    Args:
        edges: where text may begin and end, ascending.
        start: of an example.
        end: of it.
        half: 0 or 1.
        room: tokens at most.
        wanted: tokens it should have about; None is as many as fit.
    """
    fixed = start if half == 0 else end
    sizes = edges[edges > start] - start if half == 0 else (end - edges[edges < end])[::-1]
    sizes = sizes[sizes <= room]
    if not len(sizes):
        return fixed, fixed
    size = int(sizes[-1] if wanted is None else sizes[np.abs(sizes - wanted).argmin()])
    return (start, start + size) if half == 0 else (end - size, end)
