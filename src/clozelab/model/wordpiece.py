"""A WordPiece vocabulary learnt from the corpus that a model is to be trained on."""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from tokenizers import BertWordPieceTokenizer
from transformers import BertTokenizerFast

from clozelab.store.cache import build_once, cache_dir
from clozelab.store.hashing import digest
from clozelab.store.ragged import VERSIONS
from clozelab.types import Corpus

log = logging.getLogger(__name__)

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
"""Ids 0 to 4, and what BERT calls them."""

ALPHABET = 1000
"""Characters that are pieces themselves, as many as BERT's own vocabularies have (a small one has room for fewer);
rarer ones are unknown."""


def wordpiece(corpus: Corpus, *, vocab_size: int, lowercase: bool, max_length: int) -> Path:
    """Returns the folder of a tokenizer whose vocabulary was learnt from a training split.

    Schuster & Nakajima 2012 (WordPiece), in the form of BERT: pieces inside a word begin with `##`. The whole split is
    read, whatever `data.limit` and `data.fraction` leave of it; in memory are only its distinct words. The same split
    gives the same vocabulary, which is learnt once and cached.

    Args:
        corpus: whose training split to read.
        vocab_size: number of tokens, special ones included; a small corpus may not have as many.
        lowercase: write everything in lower case and without accents.
        max_length: of the encoder in tokens.
    """
    alphabet = min(ALPHABET, (vocab_size - len(SPECIAL)) // 2)  # each once, and once inside words
    parts = {"vocab_size": vocab_size, "lowercase": lowercase, "max_length": max_length, "alphabet": alphabet}
    key = digest({**VERSIONS, **parts, "texts": corpus.texts_key("train"), "kind": "wordpiece"})

    def texts() -> Iterator[str]:
        return (segment for text in corpus.texts("train", Counter()) for segment in text.segments)

    def write(folder: Path) -> None:
        vocabulary = _learn(texts, vocab_size, lowercase=lowercase, most=alphabet)
        tokenizer = BertTokenizerFast(vocab=vocabulary, do_lower_case=lowercase, model_max_length=max_length)
        tokenizer.save_pretrained(str(folder))
        found = len(tokenizer)
        note = "" if found >= vocab_size else f" (asked were {vocab_size}; no more pieces occur twice)"
        log.info("learnt a WordPiece vocabulary of %d tokens from the training split%s", found, note)

    return build_once(cache_dir() / "tokenizers" / key[:32], write)


def _learn(texts: Callable[[], Iterable[str]], vocab_size: int, *, lowercase: bool, most: int) -> dict[str, int]:
    """Returns a vocabulary: special tokens, characters, characters inside words, then pieces, the first learnt first.

    The library numbers characters in the order of a hash table, another one in every process, and breaks ties between
    pieces by these numbers. Numbered here, in order, they give the same vocabulary every time.

    Args:
        texts: gives them anew at each call.
        vocab_size: of the vocabulary.
        lowercase: without accents, too.
        most: how many characters are pieces, the most frequent ones.
    """
    learner = BertWordPieceTokenizer(lowercase=lowercase)
    counts: Counter[str] = Counter()
    for text in texts():
        counts.update(learner.normalizer.normalize_str(text))
    known = sorted((char for char in counts if not char.isspace()), key=lambda char: (-counts[char], char))[:most]
    alphabet = sorted(known)
    learner.train_from_iterator(
        texts(), vocab_size=vocab_size, min_frequency=2, limit_alphabet=len(alphabet), initial_alphabet=alphabet,
        special_tokens=[*SPECIAL, *alphabet, *(f"##{char}" for char in alphabet)], show_progress=False,
    )  # fmt: skip
    vocabulary: dict[str, int] = learner.get_vocab()
    return vocabulary
