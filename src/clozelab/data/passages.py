"""Examples drawn from documents: contiguous text, or two segments that may follow one another, with masked tokens.

Every draw is a pure function of seed, epoch and example (design: randomness). An example stands at a fixed place of the
corpus; what varies with the epoch is where a pair is split, what stands in the place of its other half, and the masks.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from clozelab.data.anchors import cut, last_within, sentence_ends
from clozelab.data.example import Example
from clozelab.data.frame import Frame
from clozelab.data.masking import Masker
from clozelab.errors import ConfigError
from clozelab.randomness import Purpose, generator
from clozelab.store.ragged import Ragged, RaggedStore

IS_NEXT, IS_RANDOM = 0, 1
"""Labels of next sentence prediction, numbered as in BERT."""


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
        anchors: places of the examples among them; see `anchors.write_anchors`.
        frame: special tokens.
        masker: chooses and replaces tokens.
        next_sentence: pairs of segments for next sentence prediction.
        seed: of training draws; evaluation has its own, always the same.

    Raises:
        ConfigError: if there is nothing to pair a document with.
    """

    def __init__(
        self,
        *,
        store: RaggedStore,
        documents: NDArray[np.int64],
        anchors: Ragged,
        frame: Frame,
        masker: Masker,
        next_sentence: bool,
        seed: int,
    ) -> None:
        self.ids, self.begins = store["input_ids"], store["begins"]
        self.documents = documents
        self.anchors = anchors
        self.frame = frame
        self.masker = masker
        self.next_sentence = next_sentence
        self.seed = seed
        if next_sentence:
            if len(documents) < 2:
                raise ConfigError("next_sentence=true: needs two documents of every split at least, to draw pairs from")
            self._prints = store["fingerprint"].values.view(np.int64)[documents]
            self._ends = np.cumsum(self.ids.lengths()[documents])

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
            segments, label = self._pair(generator(Purpose.SEGMENTS, *counters), *parts[0])
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

    def _pair(self, draw: np.random.Generator, place: int, start: int, end: int) -> tuple[list[Segment], int]:
        """Returns two segments, and whether the second follows the first.

        An example is split between two sentences (inside its only one, between two words), and in half of the cases
        one of its halves gives way to text of another document, of about the same length. BERT always gives up the
        second half; here it is either, so that the ends of examples are read as often as their beginnings.
        """
        if end - start < 2:  # a single token is nothing to split
            return [self._segment(place, start, end), self._elsewhere(draw, place, room=1)], IS_RANDOM
        begins = self.begins[int(self.documents[place])][start:end]
        splits = np.flatnonzero(begins[1:] > 1) + 1
        splits = splits if len(splits) else np.flatnonzero(begins[1:]) + 1
        splits = splits if len(splits) else np.arange(1, end - start)
        middle = start + int(splits[draw.integers(len(splits))])
        halves = [self._segment(place, start, middle), self._segment(place, middle, end)]
        if draw.random() < 0.5:
            return halves, IS_NEXT
        given_up = int(draw.integers(2))
        halves[given_up] = self._elsewhere(draw, place, room=len(halves[given_up].ids))
        return halves, IS_RANDOM

    def _elsewhere(self, draw: np.random.Generator, place: int, room: int) -> Segment:
        """Returns whole sentences of another document, `room` tokens at most; of one too long, its beginning.

        Every token of the other documents is as likely as any other to be hit, and the sentence it stands in begins
        the segment; near the end of a document an earlier one does, so that there is text enough.
        """
        other, token = self._hit(draw, place)
        begins = self.begins[int(self.documents[other])]
        starts = np.flatnonzero(begins > 1)
        latest = max(0, int(np.searchsorted(starts, len(begins) - room, side="right")) - 1)
        first = int(starts[min(latest, int(np.searchsorted(starts, token, side="right")) - 1)])
        end = last_within(sentence_ends(begins), first, room)
        return self._segment(other, first, end if end > first else cut(begins, first, room))

    def _hit(self, draw: np.random.Generator, place: int) -> tuple[int, int]:
        """Returns a random token of another document: the number of the document, and where in it."""
        first = int(self._ends[place - 1]) if place else 0
        size = int(self._ends[place]) - first
        for _ in range(TRIES):
            token = int(draw.integers(int(self._ends[-1]) - size))
            token += size if token >= first else 0
            other = int(np.searchsorted(self._ends, token, side="right"))
            if self._prints[other] != self._prints[place]:  # a copy of the same document is no other one
                break
        return other, token - (int(self._ends[other - 1]) if other else 0)


TRIES = 20
"""Documents looked at before a copy of the same one is taken after all."""
