"""Pairs of sentences made from documents: does the second one follow the first?

The discourse coherence task in its local form (Li & Jurafsky 2017; Barzilay & Lapata 2008 for the idea of learning it
from permuted documents). Both sentences of a pair are of one document, so that its topic gives nothing away.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import final

from clozelab.data.repeats import fingerprint
from clozelab.data.sentences import split_sentences
from clozelab.errors import require
from clozelab.types import Text, TextFormat

COHERENT, INCOHERENT = "coherent", "incoherent"

LEAST = 5
"""Sentences of a document below which no pairing of all of them leaves every pair without neighbours."""


@final
class Coherence:
    """Reads documents as pairs of their sentences, half of them neighbours in order (`coherent`), half of them not.

    Of the first n sentences, each but the last is paired with the one behind it, and once more with another one that is
    not next to it on either side: with the seconds of all pairs shifted round by a number that the document's content
    decides. So each sentence is as often the first, and as often the second, in either kind of pair: neither what a
    sentence says by itself nor its place can tell them apart.

    Args:
        documents: how to read the documents; what labels they have does not matter.
        sentences: at most this many of each document, the first ones; None is all.
    """

    def __init__(self, *, documents: TextFormat, sentences: int | None = None) -> None:
        require(
            "sentences", sentences, sentences is None or sentences >= LEAST, f"null or an integer >= {LEAST}"
        )
        self.documents = documents
        self.sentences = sentences

    def read(self, path: Path, counts: Counter[str]) -> Iterator[Text]:
        """Yields the pairs, all of a document one after the other and in one group; see `types.TextFormat`.

        A document of less than five sentences has none and is counted.

        Raises:
            DataError: if the documents cannot be read.
        """
        for document in self.documents.read(path, counts):
            sentences = [s for segment in document.segments for s in split_sentences(segment)][: self.sentences]
            if len(sentences) < LEAST:
                counts["documents_too_short"] += 1
                continue
            num_pairs = len(sentences) - 1
            shift = 1 + fingerprint(*document.segments) % (num_pairs - 3)
            for first in range(num_pairs):
                other = (first + shift) % num_pairs
                for second, label in ((first, COHERENT), (other, INCOHERENT)):
                    pair = (sentences[first], sentences[second + 1])
                    yield Text(pair, label, document.line, document.segments)
