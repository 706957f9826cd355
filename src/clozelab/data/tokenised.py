"""Documents of any size, tokenised once: they stream through memory, sentence by sentence, into a store.

The store has one row a document in every field: `input_ids` without special tokens, `begins` (1 where a word begins,
3 where a sentence does) and `fingerprint`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
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
"""Characters tokenised at once, of many documents or of a part of one: whatever their sizes, no more tokens than
these have are in memory."""


@dataclass(frozen=True, slots=True)
class Part:
    """Sentences of a document that are tokenised at once: usually all.

    Attributes:
        text: the whole document.
        sentences: of this part.
        is_last: whether the document ends with it.
    """

    text: Text
    sentences: list[str]
    is_last: bool


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
        chunk: list[Part] = []
        has_begun = False
        for parts in chain(_chunks(texts), [[]]):
            coming = ahead.submit(_encode, tokenizer, parts)
            if waiting is not None:
                has_begun = _write(writer, chunk, waiting.result(), opens, counts, has_begun=has_begun)
                advance(sum(len(sentence) + 1 for part in chunk for sentence in part.sentences))
            waiting, chunk = coming, parts
        writer.header.update(counts=dict(counts))


def _chunks(texts: Iterable[Text]) -> Iterator[list[Part]]:
    """Yields documents, cut into sentences, by the chunk."""
    chunk: list[Part] = []
    size = 0
    for part in chain.from_iterable(map(_parts, texts)):
        chunk.append(part)
        size += sum(map(len, part.sentences))
        if size >= CHUNK:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _parts(text: Text) -> Iterator[Part]:
    """Yields a document, cut into sentences, in parts of about a chunk."""
    sentences: list[str] = []
    size = 0
    for sentence in chain.from_iterable(map(_sentences, text.segments)):
        if size >= CHUNK:
            yield Part(text, sentences, is_last=False)
            sentences, size = [], 0
        sentences.append(sentence)
        size += len(sentence)
    yield Part(text, sentences, is_last=True)


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


def _encode(tokenizer: PreTrainedTokenizerFast, parts: list[Part]) -> list[Any]:
    sentences = [sentence for part in parts for sentence in part.sentences]
    encoded: list[Any] = tokenizer.backend_tokenizer.encode_batch(sentences, add_special_tokens=False)
    return encoded


def _write(
    writer: Writer,
    parts: list[Part],
    encoded: list[Any],
    opens: NDArray[np.bool_],
    counts: Counter[str],
    *,
    has_begun: bool,
) -> bool:
    """Writes parts of documents; takes and returns whether the store has tokens of a document that goes on."""
    encodings = iter(encoded)
    for part in parts:
        found = [(e.ids, e.word_ids) for e in (next(encodings) for _ in part.sentences) if e.ids]
        if found:
            counts["sentences"] += len(found)
            ids = np.concatenate([np.array(ids, dtype=np.int32) for ids, _ in found])
            writer.append("input_ids", ids, goes_on=has_begun)
            begins = np.concatenate([_begins(words, opens[ids]) for ids, words in found])
            writer.append("begins", begins, goes_on=has_begun)
            has_begun = True
        if not part.is_last:
            continue
        if has_begun:
            prints = np.array([fingerprint(*part.text.segments)], dtype=np.int64)
            writer.append("fingerprint", prints.view(np.int32))
        else:
            counts["documents_without_tokens"] += 1
        has_begun = False
    return has_begun


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
