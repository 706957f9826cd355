"""Documents of any size, tokenised once: they stream through memory, sentence by sentence, into a store.

The store has one row a document in every field: `input_ids` without special tokens, `begins` (1 where a word begins,
3 where a sentence does), `fingerprint` and `label`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from transformers import PreTrainedTokenizerFast

from clozelab.data.repeats import fingerprint
from clozelab.data.sentences import split_sentences
from clozelab.store.ragged import Writer
from clozelab.types import Text

WORD, SENTENCE = 1, 2
"""Bits of `begins`."""

CHUNK = 500_000
"""Characters tokenised at once: what is in memory, whatever the size of the corpus."""

Document = tuple[Text, list[str]]


def tokenise(
    folder: Path,
    texts: Iterable[Text],
    tokenizer: PreTrainedTokenizerFast,
    counts: Counter[str],
    *,
    name: str,
    size: int | None,
) -> None:
    """Writes a store of tokenised documents.

    The tokenizer works on all cores, on the next chunk while the last one is written.

    Args:
        folder: of the store, does not exist yet.
        texts: the documents; a document without any token is counted and left out.
        tokenizer: of the encoder.
        counts: of what was found.
        name: of the file, for the progress bar.
        size: of the file in bytes, likewise; None if not known.
    """
    labels: dict[str, int] = {}
    fields = {"input_ids": "int32", "begins": "uint8", "fingerprint": "int32", "label": "int32"}
    with Writer(folder, fields) as writer, ThreadPoolExecutor(1) as ahead, _bar(name, size) as advance:
        waiting: Future[Any] | None = None
        chunk: list[Document] = []
        for documents in chain(_chunks(texts), [[]]):
            coming = ahead.submit(_encode, tokenizer, documents)
            if waiting is not None:
                _write(writer, chunk, waiting.result(), labels, counts)
                advance(sum(len(segment) for text, _ in chunk for segment in text.segments))
            waiting, chunk = coming, documents
        writer.header.update(labels=list(labels), counts=dict(counts))


def _chunks(texts: Iterable[Text]) -> Iterator[list[Document]]:
    """Yields documents, cut into sentences, by the chunk."""
    chunk: list[Document] = []
    size = 0
    for text in texts:
        chunk.append((text, [sentence for segment in text.segments for sentence in split_sentences(segment)]))
        size += sum(map(len, text.segments))
        if size >= CHUNK:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _encode(tokenizer: PreTrainedTokenizerFast, documents: list[Document]) -> list[Any]:
    sentences = [sentence for _, own in documents for sentence in own]
    encoded: list[Any] = tokenizer.backend_tokenizer.encode_batch(sentences, add_special_tokens=False)
    return encoded


def _write(
    writer: Writer, documents: list[Document], encoded: list[Any], labels: dict[str, int], counts: Counter[str]
) -> None:
    encodings = iter(encoded)
    for text, sentences in documents:
        parts = [(e.ids, e.word_ids) for e in (next(encodings) for _ in sentences) if e.ids]
        if not parts:
            counts["documents_without_tokens"] += 1
            continue
        counts["sentences"] += len(parts)
        writer.append("input_ids", np.concatenate([np.array(ids, dtype=np.int32) for ids, _ in parts]))
        writer.append("begins", np.concatenate([_begins(words) for _, words in parts]))
        writer.append("fingerprint", np.array([fingerprint(*text.segments)], dtype=np.int64).view(np.int32))
        # Numbers to predict are no strata; see `folds.assign`.
        stratum = "" if isinstance(text.label, float) else text.label
        writer.append("label", [labels.setdefault(stratum, len(labels))])


def _begins(words: list[int | None]) -> NDArray[np.uint8]:
    """Returns where words begin in one sentence, and at its first token that it begins."""
    # Special tokens that stand in the text belong to no word: each is one of its own.
    numbers = np.array([-1 if word is None else word for word in words])
    begins = np.ones(len(numbers), dtype=np.uint8)
    begins[1:] = (numbers[1:] != numbers[:-1]) | (numbers[1:] < 0)
    begins[0] = WORD | SENTENCE
    return begins


@contextmanager
def _bar(name: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Yields a function that takes how many more characters are done; draws nothing when not on a terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("tokenising {task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task(name, total=total)
        yield lambda done: progress.advance(task, done)
