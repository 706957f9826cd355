"""What the tests of documents share: one tokenizer of each kind, and stores of tokenised documents."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from clozelab.store.ragged import RaggedStore

CORPUS = [
    "The old company wants every game report. Grace Hopper saw the river in New York.",
    "Unbelievable companies, untranslatable reports: (they're) gamesmanship! Ada left; nobody said so.",
]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
ROBERTA = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "<|endoftext|>"]

Stored = Callable[[Sequence[Sequence[Sequence[int]]]], RaggedStore]


def wrapped(tokenizer: Tokenizer, **names: str) -> PreTrainedTokenizerFast:
    """Returns a tokenizer with BERT's special tokens, or those named."""
    bert = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
    tokens = {f"{role}_token": name for role, name in (names or bert).items()}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **tokens)


def framed(tokenizer: Tokenizer) -> Tokenizer:
    """Returns the tokenizer with `[CLS] A [SEP] B [SEP]` and token types."""
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(name, tokenizer.token_to_id(name)) for name in ("[CLS]", "[SEP]")],
    )  # fmt: skip
    return tokenizer


def word_piece() -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(vocab_size=90, special_tokens=SPECIAL, show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    return wrapped(framed(tokenizer))


def byte_level() -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=ROBERTA, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.post_processor = processors.RobertaProcessing(
        ("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=False
    )
    return wrapped(tokenizer, bos="<s>", eos="</s>", sep="</s>", cls="<s>", unk="<unk>", pad="<pad>", mask="<mask>")


def unigram() -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=80, special_tokens=SPECIAL, unk_token="[UNK]", show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    return wrapped(framed(tokenizer))


def whole_sentence() -> PreTrainedTokenizerFast:
    """SentencePiece BPE as it is converted without anything that splits: to the library a sentence is one word."""
    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")  # to learn pieces of words
    trainer = trainers.BpeTrainer(vocab_size=90, special_tokens=SPECIAL, show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.pre_tokenizer = pre_tokenizers.Split("\0", "isolated")
    return wrapped(framed(tokenizer))


@pytest.fixture(scope="session")
def tokenizers() -> Mapping[str, PreTrainedTokenizerFast]:
    """One tokenizer of each kind, by name."""
    kinds = (word_piece, byte_level, unigram, whole_sentence)
    return {kind.__name__: kind() for kind in kinds}


@pytest.fixture(scope="session")
def numbered() -> PreTrainedTokenizerFast:
    """A tokenizer of words that are numbers: the word `i` has the id 5 + i."""
    vocabulary = {token: i for i, token in enumerate([*SPECIAL, *map(str, range(20_000))])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return wrapped(tokenizer)


def marks(sentence: Sequence[int]) -> list[int]:
    """Returns the marks of a sentence, given the pieces of its words: 3 where it begins, 1 where a word does."""
    return [mark for number, pieces in enumerate(sentence) for mark in (1 if number else 3, *[0] * (pieces - 1))]


@pytest.fixture
def stored(tmp_path: Path) -> Stored:
    """Writes documents, given as lists of sentences of word lengths, with ids from 5 on that tell their places."""
    numbers = itertools.count()

    def write(documents: Sequence[Sequence[Sequence[int]]], prints: Sequence[int] | None = None) -> RaggedStore:
        folder = tmp_path / f"documents{next(numbers)}"
        begins = [[mark for sentence in document for mark in marks(sentence)] for document in documents]
        first = itertools.accumulate(map(len, begins), initial=5)
        RaggedStore.write(
            folder,
            {
                "input_ids": [list(range(start, start + len(row))) for start, row in zip(first, begins, strict=False)],
                "begins": begins,
                "fingerprint": [[number, 0] for number in (prints or range(len(documents)))],
            },
            {},
        )
        return RaggedStore(folder)

    return write
