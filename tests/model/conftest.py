"""Tiny encoders of every architecture, each with the kind of tokenizer that its published folders have."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    AlbertTokenizer,
    AutoModel,
    BertTokenizerFast,
    DebertaV2Tokenizer,
    DistilBertTokenizerFast,
    MPNetTokenizerFast,
    PreTrainedTokenizerFast,
    RobertaTokenizerFast,
    XLMRobertaTokenizer,
)
from transformers.models.auto.configuration_auto import AutoConfig

Folder = Callable[[str], Path]

CORPUS = [
    "the green company met Ada in New York .",
    "Grace Hopper said every old river report of Oslo wants a game, on the city left.",
    "résumé naïve 日本 - don't saw Acme Corp, Initech and Alan Turing in Paris!",
] * 5
BERT = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
FAIRSEQ = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
METASPACE = pre_tokenizers.Metaspace
BYTES = pre_tokenizers.ByteLevel
DIGITS = pre_tokenizers.Split(Regex(r"\d"), "isolated")


def word_piece(specials: list[str]) -> dict[str, int]:
    """Returns a vocabulary; the first ids are those of the special tokens."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=140, special_tokens=specials, show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer.get_vocab()


def byte_level(specials: list[str], split: Any) -> Tokenizer:
    """Returns a BPE of bytes."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = split
    trainer = trainers.BpeTrainer(
        vocab_size=360, special_tokens=specials, initial_alphabet=BYTES.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def unigram(specials: list[str], split: Any, *, unknown: str) -> Tokenizer:
    """Returns a Unigram model of pieces that begin with "▁" where a word does."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = METASPACE(prepend_scheme="always")
    trainer = trainers.UnigramTrainer(vocab_size=90, special_tokens=specials, unk_token=unknown, show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.pre_tokenizer = split
    return tokenizer


def scores(specials: list[str], *, unknown: str) -> list[tuple[str, float]]:
    """Returns the pieces of a Unigram model and their scores."""
    state = json.loads(unigram(specials, METASPACE(), unknown=unknown).to_str())
    return [(piece, score) for piece, score in state["model"]["vocab"]]


def plain(tokenizer: Tokenizer, specials: list[str]) -> PreTrainedTokenizerFast:
    """Returns a tokenizer of no class of its own, as ModernBERT's; `specials` are in the order of `BERT`."""
    pad, unknown, first, last, mask = specials
    ids = [(name, tokenizer.token_to_id(name)) for name in (first, last)]
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{first} $A {last}", special_tokens=ids)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=pad, unk_token=unknown, cls_token=first, sep_token=last, mask_token=mask,
        model_input_names=["input_ids", "attention_mask"],
    )  # fmt: skip


def roberta() -> PreTrainedTokenizerFast:
    trained = json.loads(byte_level(FAIRSEQ, BYTES(add_prefix_space=False)).to_str())["model"]
    return RobertaTokenizerFast(vocab=trained["vocab"], merges=[tuple(pair) for pair in trained["merges"]])


SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
SHORT = {"max_position_embeddings": 64}
FROM_TWO = {"max_position_embeddings": 66, "pad_token_id": 1}
"""Of architectures whose positions start behind that of the padding token."""
DISTILLED = {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64}
# ALBERT and ModernBERT have no dropout by default.
SHARED = {"embedding_size": 16, "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1}
LOCAL = {
    "global_attn_every_n_layers": 2, "local_attention": 16, "attention_dropout": 0.1, "mlp_dropout": 0.1,
    "pad_token_id": 0, "cls_token_id": 2, "bos_token_id": 2, "sep_token_id": 3, "eos_token_id": 3,
}  # fmt: skip
"""One layer of each kind; sentences are longer than 8 tokens to each side."""
DISENTANGLED = {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "position_biased_input": False}
ALBERT = ["<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"]
DEBERTA = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"]

ARCHITECTURES: dict[str, tuple[Callable[[], PreTrainedTokenizerFast], dict[str, Any]]] = {
    "bert": (lambda: BertTokenizerFast(vocab=word_piece(BERT)), SHORT),
    "electra": (lambda: BertTokenizerFast(vocab=word_piece(BERT)), {**SHORT, "embedding_size": 16}),
    "distilbert": (lambda: DistilBertTokenizerFast(vocab=word_piece(BERT)), {**SHORT, **DISTILLED}),
    "mpnet": (lambda: MPNetTokenizerFast(vocab=word_piece([*FAIRSEQ, "[UNK]"])), FROM_TWO),
    "roberta": (roberta, FROM_TWO),
    "xlm-roberta": (lambda: XLMRobertaTokenizer(vocab=scores(FAIRSEQ, unknown="<unk>")), FROM_TWO),
    "albert": (lambda: AlbertTokenizer(vocab=scores(ALBERT, unknown="<unk>")), {**SHORT, **SHARED}),
    "deberta-v2": (lambda: DebertaV2Tokenizer(vocab=scores(DEBERTA, unknown="[UNK]")), {**SHORT, **DISENTANGLED}),
    "modernbert": (lambda: plain(byte_level(BERT, BYTES(add_prefix_space=False)), BERT), {**SHORT, **LOCAL}),
}  # fmt: skip

SCHEMES = ("always", "first", "never")
SPLITS: dict[str, Any] = {
    **{f"metaspace {scheme}": METASPACE(prepend_scheme=scheme) for scheme in SCHEMES},
    **{f"metaspace {scheme} whole": METASPACE(prepend_scheme=scheme, split=False) for scheme in SCHEMES},
    **{
        f"{scheme} behind white space": pre_tokenizers.Sequence(
            [pre_tokenizers.WhitespaceSplit(), METASPACE(prepend_scheme=scheme)]
        )
        for scheme in SCHEMES
    },
    "never behind punctuation": pre_tokenizers.Sequence(
        [pre_tokenizers.Punctuation(), METASPACE(prepend_scheme="never")]
    ),
    "bytes": BYTES(add_prefix_space=True),
    "bytes without a blank": BYTES(add_prefix_space=False),
    "bytes behind digits": pre_tokenizers.Sequence([DIGITS, BYTES(add_prefix_space=False)]),
}  # fmt: skip
"""Ways to cut sentences of tokenizers without a class of their own."""


@pytest.fixture(scope="session")
def encoder_folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """Makes the Hugging Face folder of an architecture, or of BERT with a tokenizer of `SPLITS`; each once."""

    @cache
    def make(kind: str) -> Path:
        folder = tmp_path_factory.mktemp("encoder")
        if kind in SPLITS:
            train = byte_level if kind.startswith("bytes") else lambda s, cut: unigram(s, cut, unknown="[UNK]")
            tokenizer, more = plain(train(BERT, SPLITS[kind]), BERT), SHORT
        else:
            tokenizer, more = ARCHITECTURES[kind][0](), ARCHITECTURES[kind][1]
        tokenizer.save_pretrained(str(folder))
        torch.manual_seed(0)
        sizes = {**SMALL, **more, "vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id}
        config = AutoConfig.for_model(kind if kind in ARCHITECTURES else "bert", **sizes)
        AutoModel.from_config(config).save_pretrained(str(folder))
        return folder

    return make
