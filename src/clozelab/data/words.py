"""Sentences with one tag a word, tokenised into a store: what token classification trains and scores on."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerFast

from clozelab.data.alignment import Window, special_tokens, windows, word_pieces
from clozelab.data.context import surroundings
from clozelab.data.repeats import count_repeats, fingerprint
from clozelab.data.schemes import Scheme, convert, recognise
from clozelab.errors import DataError
from clozelab.store.cache import build_once, cache_dir
from clozelab.store.hashing import digest
from clozelab.store.ragged import FORMAT_VERSION, RaggedStore
from clozelab.types import Format, Sentence

COUNTS = (
    "words_without_piece", "words_cut", "sentences_windowed", "tags_repaired", "spans_widened", "spans_dropped",
    "sentences_empty", "sentences_repeated", "sentences_repeated_with_other_tags", "documents",
)  # fmt: skip
"""What is counted while a split is built, for the log and run.json."""


@final
class WordSplit:
    """One tokenised split. A sentence is one or more windows, the examples of the encoder.

    Args:
        store: with the fields `build` writes.
        labels: label names of the whole data; the store's own ids are mapped to places in it.
    """

    def __init__(self, *, store: RaggedStore, labels: Sequence[str]) -> None:
        self.store = store
        self.input_ids = store["input_ids"]
        self.positions = store["positions"]
        self.lengths = store["lengths"]
        self._tags = store["tags"]
        self.num_sentences = len(self._tags)
        self.windows_of = store["windows"]  # window numbers of each sentence
        self._to_label = np.array([labels.index(name) for name in store.header["labels"]], dtype=np.int64)
        self.sentence_of = np.repeat(np.arange(self.num_sentences), self.windows_of.lengths())
        self.first_words = store["first_words"]

    def tags(self, sentence: int) -> NDArray[np.int64]:
        """Returns the gold label ids of a sentence, (words,)."""
        return self._to_label[self._tags[sentence]]

    def targets(self, window: int) -> NDArray[np.int64]:
        """Returns the gold label ids of the words that belong to a window, (words,)."""
        sentence, words = self.owned(window)
        return self.tags(sentence)[words.start : words.stop]

    def owned(self, window: int) -> tuple[int, range]:
        """Returns the sentence of a window and the words of it that belong to the window."""
        sentence = int(self.sentence_of[window])
        first = int(self.first_words[sentence][window - self.windows_of.offsets[sentence]])
        return sentence, range(first, first + len(self.positions[window]))

    def words(self, sentence: int) -> list[str]:
        """Returns the words of a sentence as the file has them."""
        return bytes(self.store["text"][sentence].astype(np.uint8)).decode().split("\0")

    def fingerprints(self) -> NDArray[np.int64]:
        """Returns a number for each sentence that sentences of the same words share, (sentences,)."""
        return self.store["fingerprint"].values.view(np.int64)


def read_split(reader: Format, path: Path, split: str, counts: Counter[str]) -> list[Sentence]:
    """Returns the sentences of a file.

    Raises:
        DataError: if there are none.
    """
    sentences = list(reader.read(path, counts))
    if not sentences:
        raise DataError(f"{path}: the {split} split has no sentence")
    return sentences


def build(
    read: Callable[[Counter[str]], Sequence[Sentence]],
    tokenizer: PreTrainedTokenizerFast,
    key: dict[str, Any],
    *,
    scheme: Scheme | None,
    file: str,
    max_length: int,
    overlap: int,
    context: int,
) -> RaggedStore:
    """Returns the store of one split, from the cache if the same was built before.

    Args:
        read: gives the sentences of the split and counts what was mended; called only if the cache lacks them.
        tokenizer: a fast tokenizer.
        key: plain values that identify source, format and tokenizer; windows and the format version are added here.
        scheme: of the tags; None recognises it. The store holds IOB2, and the scheme in its header.
        file: for messages.
        max_length: of a window in tokens.
        overlap: of neighbouring windows in pieces.
        context: pieces of neighbouring sentences on each side, at most.
    """
    lengths = {"max_length": max_length, "overlap": overlap, "context": context}
    identity = {**key, "scheme": scheme, **lengths, "format_version": FORMAT_VERSION, "kind": "words"}
    entry = cache_dir() / "stores" / digest(identity)[:32]

    def write(folder: Path) -> None:
        counts = Counter(dict.fromkeys(COUNTS, 0))
        sentences = read(counts)
        found = scheme or recognise(sentence.tags for sentence in sentences)
        tags = convert(sentences, found, file, counts)
        prints = [fingerprint(*sentence.words) for sentence in sentences]
        counts.update(count_repeats(prints, tags))
        counts["documents"] = len({sentence.document for sentence in sentences})
        cut = _cut(sentences, tokenizer, counts, **lengths)
        _write(folder, sentences, tags, prints, cut, {"counts": counts, "scheme": found})

    return RaggedStore(build_once(entry, write))


def _cut(
    sentences: Sequence[Sentence],
    tokenizer: PreTrainedTokenizerFast,
    counts: Counter[str],
    *,
    max_length: int,
    overlap: int,
    context: int,
) -> list[list[Window]]:
    """Returns the windows of every sentence."""
    prefix, suffix = special_tokens(tokenizer)
    pieces = list(word_pieces(tokenizer, [s.words for s in sentences], counts))
    around = surroundings(pieces, [s.document for s in sentences], context)
    return [
        windows(own, prefix, suffix, max_length=max_length, overlap=overlap, counts=counts, before=before, after=after)
        for own, (before, after) in zip(pieces, around, strict=True)
    ]


def _write(
    folder: Path,
    sentences: Sequence[Sentence],
    tags: Sequence[Sequence[str]],
    prints: Sequence[int],
    cut: Sequence[Sequence[Window]],
    header: dict[str, Any],
) -> None:
    labels = sorted({tag for sentence in tags for tag in sentence})
    number = {label: i for i, label in enumerate(labels)}
    flat = [window for parts in cut for window in parts]
    first_window = np.cumsum([0] + [len(parts) for parts in cut])
    fields: dict[str, Any] = {
        "input_ids": (window.input_ids for window in flat),
        "positions": (window.positions for window in flat),
        "lengths": (window.lengths for window in flat),
        "tags": ([number[tag] for tag in sentence] for sentence in tags),
        "windows": (range(int(a), int(a) + len(parts)) for a, parts in zip(first_window, cut, strict=False)),
        "first_words": ([window.first_word for window in parts] for parts in cut),
        # Readers refuse NUL, so that it may stand between words.
        "text": (np.frombuffer("\0".join(sentence.words).encode(), dtype=np.uint8) for sentence in sentences),
        "fingerprint": (np.array([value], dtype=np.int64).view(np.int32) for value in prints),
    }
    RaggedStore.write(folder, fields, {"labels": labels, **header})
