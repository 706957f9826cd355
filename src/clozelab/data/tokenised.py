"""Documents of any size, tokenised once: they stream through memory, sentence by sentence, into a store.

The store has one row a document in every field: `input_ids` without special tokens, `begins` (1 where a word begins,
3 where a sentence does) and `fingerprint`.
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
    # Files of tokenizers may ask for both.
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()
    opens = _opens_word(tokenizer)
    fields = {"input_ids": "int32", "begins": "uint8", "fingerprint": "int32"}
    with Writer(folder, fields) as writer, ThreadPoolExecutor(1) as ahead, _bar(name, size) as advance:
        waiting: Future[Any] | None = None
        chunk: list[Document] = []
        for documents in chain(_chunks(texts), [[]]):
            coming = ahead.submit(_encode, tokenizer, documents)
            if waiting is not None:
                _write(writer, chunk, waiting.result(), opens, counts)
                advance(sum(len(segment) for text, _ in chunk for segment in text.segments))
            waiting, chunk = coming, documents
        writer.header.update(counts=dict(counts))


def _chunks(texts: Iterable[Text]) -> Iterator[list[Document]]:
    """Yields documents, cut into sentences, by the chunk."""
    chunk: list[Document] = []
    size = 0
    for text in texts:
        chunk.append((text, [sentence for segment in text.segments for sentence in _sentences(segment)]))
        size += sum(map(len, text.segments))
        if size >= CHUNK:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _sentences(text: str) -> Iterator[str]:
    """Yields the sentences of a text, a blank before one that goes on in a line.

    Many tokenizers have one piece for a word behind a blank and another for the same word at the beginning of a line.
    """
    place = 0
    for sentence in split_sentences(text):
        start = text.index(sentence, place)
        between = text[place:start]
        goes_on = place > 0 and between and len(f"{between}.".splitlines()) == 1
        yield f" {sentence}" if goes_on else sentence
        place = start + len(sentence)


def _encode(tokenizer: PreTrainedTokenizerFast, documents: list[Document]) -> list[Any]:
    sentences = [sentence for _, own in documents for sentence in own]
    encoded: list[Any] = tokenizer.backend_tokenizer.encode_batch(sentences, add_special_tokens=False)
    return encoded


def _write(
    writer: Writer, documents: list[Document], encoded: list[Any], opens: NDArray[np.bool_], counts: Counter[str]
) -> None:
    encodings = iter(encoded)
    for text, sentences in documents:
        parts = [(e.ids, e.word_ids) for e in (next(encodings) for _ in sentences) if e.ids]
        if not parts:
            counts["documents_without_tokens"] += 1
            continue
        counts["sentences"] += len(parts)
        writer.append("input_ids", np.concatenate([np.array(ids, dtype=np.int32) for ids, _ in parts]))
        writer.append("begins", np.concatenate([_begins(words, opens[ids]) for ids, words in parts]))
        writer.append("fingerprint", np.array([fingerprint(*text.segments)], dtype=np.int64).view(np.int32))


def _opens_word(tokenizer: PreTrainedTokenizerFast) -> NDArray[np.bool_]:
    """Returns of every id whether its piece begins with a blank, as SentencePiece writes it."""
    vocabulary = tokenizer.get_vocab()
    opens = np.zeros(1 + max(vocabulary.values()), dtype=bool)
    opens[[number for piece, number in vocabulary.items() if piece.startswith("\u2581")]] = True
    return opens


def _begins(words: list[int | None], opens: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Returns where words begin in one sentence, and at its first token that it begins.

    Args:
        words: (tokens,) number of the word each token is of, as the tokenizer says.
        opens: (tokens,) whether its piece begins with a blank: some tokenizers take a whole sentence for one word.
    """
    # Special tokens that stand in the text belong to no word: each is one of its own.
    numbers = np.array([-1 if word is None else word for word in words])
    begins = np.ones(len(numbers), dtype=np.uint8)
    begins[1:] = (numbers[1:] != numbers[:-1]) | (numbers[1:] < 0) | opens[1:]
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
