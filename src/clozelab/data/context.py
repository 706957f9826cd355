"""Document context: words of the neighbouring sentences around each sentence (FLERT, Schweter & Akbik 2020, section 3).

The neighbours are only read: labels are those of the sentence in the middle. Words stay whole, and context never
crosses from one document into another.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter

Pieces = Sequence[Sequence[int]]
"""Token ids of each word of a sentence."""

NOTHING: Pieces = ()


def surroundings(sentences: Sequence[Pieces], documents: Sequence[int], most: int) -> Iterator[tuple[Pieces, Pieces]]:
    """Yields the words before and behind each sentence, in their order.

    Args:
        sentences: pieces of each word of each sentence, in the order of the file.
        documents: number of the document of each sentence; a document's sentences stand together.
        most: pieces on each side.
    """
    for _, members in groupby(zip(documents, sentences, strict=True), key=itemgetter(0)):
        document = [sentence for _, sentence in members]
        words = [word for sentence in document for word in sentence]
        start = 0
        for sentence in document:
            end = start + len(sentence)
            left = _reach(words, range(start - 1, -1, -1), most)
            right = _reach(words, range(end, len(words)), most)
            yield words[start - left : start], words[end : end + right]
            start = end


def fit_context(before: Pieces, after: Pieces, room: int) -> tuple[list[int], list[int]]:
    """Returns the pieces of the nearest words on both sides that find room; what one side leaves, the other may take.

    Args:
        before: pieces of the words before, the nearest last.
        after: pieces of the words behind, the nearest first.
        room: for both together.
    """
    backwards = range(len(before) - 1, -1, -1)
    num_before = _reach(before, backwards, room // 2)
    num_after = _reach(after, range(len(after)), room - sum(map(len, before[len(before) - num_before :])))
    kept_after = [piece for word in after[:num_after] for piece in word]
    num_before = _reach(before, backwards, room - len(kept_after))
    return [piece for word in before[len(before) - num_before :] for piece in word], kept_after


def _reach(words: Pieces, order: range, most: int) -> int:
    """Returns how many words, taken in this order, have at most so many pieces."""
    taken = 0
    for count, index in enumerate(order):
        taken += len(words[index])
        if taken > most:
            return count
    return len(order)
