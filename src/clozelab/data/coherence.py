"""Pairs of sentences made from documents: does the second one follow the first?

Discourse coherence in its local form (Xu et al. 2019, A cross-domain transferable neural coherence model): both
sentences of a pair are of one document, as there, so that its topic gives nothing away and no document has to be in two
splits.
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
        require("sentences", sentences, sentences is None or sentences >= LEAST, f"null or an integer >= {LEAST}")
        self.documents = documents
        self.sentences = sentences

    def read(self, path: Path, counts: Counter[str]) -> Iterator[Text]:
        """Yields the pairs, all of a document one after the other and in one group; see `types.TextFormat`.

        Documents of the same sentences are of one group. One of less than five sentences has no pairs and is counted.

        Raises:
            DataError: if the documents cannot be read.
        """
        for document in self.documents.read(path, counts):
            sentences = [s for segment in document.segments for s in split_sentences(segment)][: self.sentences]
            if len(sentences) < LEAST:
                counts["documents_too_short"] += 1
                continue
            num_pairs = len(sentences) - 1
            shift = 1 + fingerprint(*sentences) % (num_pairs - 3)
            for first in range(num_pairs):
                other = (first + shift) % num_pairs
                for second, label in ((first, COHERENT), (other, INCOHERENT)):
                    pair = (sentences[first], sentences[second + 1])
                    yield Text(pair, label, document.line, tuple(sentences))
