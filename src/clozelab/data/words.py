"""Sentences with one tag a word, read and tokenised into stores: what token classification trains and scores on."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, final

import numpy as np
from transformers import PreTrainedTokenizerFast

from clozelab.data.alignment import Window, overlap_of, special_tokens, windows, word_pieces
from clozelab.data.context import surroundings
from clozelab.data.module import SPLITS, Corpus, DataModule
from clozelab.data.notices import collected, repeat
from clozelab.data.repeats import count_repeats, fingerprint
from clozelab.data.rescoring import vocabulary
from clozelab.data.schemes import SCHEMES, Scheme, convert, recognise
from clozelab.data.split import Split
from clozelab.errors import ConfigError, DataError, require
from clozelab.store.cache import build_once, cache_dir
from clozelab.store.hashing import digest
from clozelab.store.ragged import VERSIONS, RaggedStore
from clozelab.types import Format, Sentence, Source, Text

log = logging.getLogger(__name__)

COUNTS = (
    "words_without_piece", "words_like_special_tokens", "words_cut",
    "sentences_windowed", "tags_repaired", "spans_widened", "spans_dropped",
    "sentences_empty", "sentences_repeated", "sentences_repeated_with_other_tags", "documents",
)  # fmt: skip
"""What is counted while a split is built, for the log and run.json."""


@final
class Words(DataModule):
    """Sentences with one tag a word, in three splits.

    Args:
        source: where the files come from.
        format: how to read them.
        train: file of the training split, as `source` understands it.
        validation: file of the validation split: selection and early stopping look at this one only.
        test: file of the test split: scored once, at the end.
        batch_size: sentences (or windows) of an optimizer step; see `DataModule` for this and what follows.
        micro_batches: parts an optimizer step is computed in.
        eval_batch_size: sentences (or windows) of an evaluation batch.
        max_length: longest window in tokens; None is the encoder's limit.
        limit: at most this many sentences of each split.
        fraction: share of the training sentences.
        scheme: of the tags: `iob1`, `iob2`, `bioes`, `bilou`, `plain`, or `auto`: recognised in the training split.
        overlap: pieces that neighbouring windows of a long sentence share; None is 32, or a quarter of a short window.
        context: pieces of the neighbouring sentences of the same document that stand on each side of a sentence, at
            most and as far as there is room; labels are those of the sentence alone (Schweter & Akbik 2020).
        license: of the data, for the model card.
        citation: of the data, for the model card.
    """

    kind = "words"
    unit = "sentences"

    def __init__(
        self,
        *,
        source: Source,
        format: Format,
        train: str,
        validation: str,
        test: str,
        batch_size: int = 32,
        micro_batches: int = 1,
        eval_batch_size: int = 128,
        max_length: int | None = None,
        limit: int | None = None,
        fraction: float = 1.0,
        scheme: Literal["auto", "iob1", "iob2", "bioes", "bilou", "plain"] = "auto",
        overlap: int | None = None,
        context: int = 0,
        license: str = "unknown",
        citation: str = "unknown",
    ) -> None:
        super().__init__(
            source=source, files={"train": train, "validation": validation, "test": test}, batch_size=batch_size,
            micro_batches=micro_batches, eval_batch_size=eval_batch_size, max_length=max_length, limit=limit,
            fraction=fraction, about={"license": license, "citation": citation},
        )  # fmt: skip
        require("scheme", scheme, scheme in ("auto", *SCHEMES), f"'auto' or one of {', '.join(SCHEMES)}")
        fits = overlap is None or 0 <= overlap <= (max_length or 2**31) // 4
        require("overlap", overlap, fits, "null or an integer from 0 to a quarter of max_length")
        require("context", context, context >= 0, "an integer >= 0")
        self.format = format
        self.scheme = scheme
        self.overlap = overlap
        self.context = context

    def read(self, tokenizer: PreTrainedTokenizerFast, tokenizer_fingerprint: str, max_length: int) -> Corpus:
        """Fetches, reads and tokenises the splits; see `DataModule`."""
        if (self.overlap or 0) > max_length // 4:
            allowed = f"must be a quarter of a window of {max_length} tokens at most"
            raise ConfigError(f"data.overlap={self.overlap}: {allowed}")
        stores = self._stores(tokenizer, tokenizer_fingerprint, max_length)
        found = {split: store.header["labels"] for split, store in stores.items()}
        labels, names = vocabulary(found, self.rescoring, self.evaluated, self.kind, elsewhere=self._labels_elsewhere)
        counts = {split: store.header["counts"] for split, store in stores.items()}
        if self.context and all(found["documents"] == 1 for found in counts.values()):
            log.warning("data.context: the files mark no documents, so that neighbours may be of another document")
        splits = {split: Split(store=store, labels=labels, names=names, outside="O") for split, store in stores.items()}
        return Corpus(splits, labels, counts)

    def texts(self, split: str, counts: Counter[str]) -> Iterator[Text]:
        """Yields the sentences of a split, words parted by blanks; see `DataModule.texts`."""
        for sentence in self.format.read(self.source.locate(self.file(split)), counts):
            yield Text((" ".join(sentence.words),), "", sentence.line)

    def note(self) -> str:
        """Returns that sentences were read with their neighbours, if they were."""
        if not self.context:
            return ""
        return f"Sentences were read with up to {self.context} pieces of their document on each side, and scored so."

    def _stores(
        self, tokenizer: PreTrainedTokenizerFast, tokenizer_fingerprint: str, window: int
    ) -> dict[str, RaggedStore]:
        stores: dict[str, RaggedStore] = {}
        scheme = None if self.scheme == "auto" else self.scheme
        if scheme is None and self.files["train"] not in {self.files[split] for split in self.names}:
            scheme = recognise(sentence.tags for sentence in self._read("train", Counter()))
        for split in self.names:
            key = {**self.texts_key(split), "tokenizer": tokenizer_fingerprint}
            stores[split] = build(
                partial(self._read, split), tokenizer, key, scheme=scheme, file=self.file(split),
                max_length=window, context=self.context,
                overlap=overlap_of(self.overlap, window),
            )  # fmt: skip
            scheme = stores[split].header["scheme"]  # the training split decides for all
        if scheme is not None and scheme not in ("iob2", "plain"):
            log.info("tags are written in %s and were converted to IOB2", scheme.upper())
        return stores

    def _labels_elsewhere(self) -> set[str]:
        """Returns the tags, as written, of the splits that are not tokenised."""
        others = [split for split in SPLITS if split not in self.names]
        return {tag for split in others for sentence in self._read(split, Counter()) for tag in sentence.tags}

    def _read(self, split: str, counts: Counter[str]) -> list[Sentence]:
        return read_split(self.format, self.source.locate(self.files[split]), split, counts)


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
    identity = {**key, "scheme": scheme, **lengths, **VERSIONS, "kind": "words"}
    entry = cache_dir() / "stores" / digest(identity)[:32]

    def write(folder: Path) -> None:
        counts = Counter(dict.fromkeys(COUNTS, 0))
        with collected() as notices:
            sentences = read(counts)
            found = scheme or recognise(sentence.tags for sentence in sentences)
        tags = convert(sentences, found, file, counts)
        prints = [fingerprint(*sentence.words) for sentence in sentences]
        counts.update(count_repeats(prints, tags))
        counts["documents"] = len({sentence.document for sentence in sentences})
        cut = _cut(sentences, tokenizer, counts, **lengths)
        _write(folder, sentences, tags, prints, cut, {"counts": counts, "scheme": found, "notices": notices})
        built.append(entry)

    built: list[Path] = []
    store = RaggedStore(build_once(entry, write))
    if not built:
        repeat(store.header["notices"])
    return store


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
        "targets": ([number[tag] for tag in sentence] for sentence in tags),
        "examples": (range(int(a), int(a) + len(parts)) for a, parts in zip(first_window, cut, strict=False)),
        "first_targets": ([window.first_word for window in parts] for parts in cut),
        # Readers refuse NUL, so that it may stand between words.
        "text": (np.frombuffer("\0".join(sentence.words).encode(), dtype=np.uint8) for sentence in sentences),
        "fingerprint": (np.array([value], dtype=np.int64).view(np.int32) for value in prints),
    }
    RaggedStore.write(folder, fields, {"labels": labels, **header})
