"""What every model node shares: the tokenizer of a folder, and the split of a model into encoder and head."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import torch
import transformers
from tokenizers import pre_tokenizers
from transformers import AutoTokenizer, PreTrainedModel, PreTrainedTokenizerFast

from clozelab.errors import ConfigError
from clozelab.model.dropout import use_fast_dropout
from clozelab.model.encoder import Encoder
from clozelab.model.head import Head, logits_of
from clozelab.model.probe import TOLERANCE, probe
from clozelab.store.hashing import digest

log = logging.getLogger(__name__)

Attention = Literal["bidirectional", "causal"]

WORDS = ["a", "b,1", "a"]
"""What a tokenizer is tried on: letters that every vocabulary has, and a word that splitters cut up."""


def load_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """Returns a folder's fast tokenizer, which reads words given one by one as it reads them inside a sentence.

    Truncation and padding that its file may bake in are switched off. What it saves reads words the same way.

    Raises:
        ConfigError: if it has no fast tokenizer, without which words cannot be aligned to their pieces, or one that
            cannot be made to read words that way.
    """
    tokenizer = _fast_tokenizer(folder)
    inside = tokenizer(" ".join(WORDS), add_special_tokens=False).tokens()
    if not _reads_words_as(inside, tokenizer):
        # Classes that build their tokenizer from the vocabulary alone (RoBERTa's) need it said here, or what they save
        # would forget it.
        tokenizer = _fast_tokenizer(folder, add_prefix_space=True)
        if not _reads_words_as(inside, tokenizer):
            _put_blanks_before_words(tokenizer)
        if not _reads_words_as(inside, tokenizer):
            raise ConfigError(
                f"{str(folder)!r}: its tokenizer reads words given one by one otherwise than in a sentence"
            )
    return tokenizer


def tokenizer_fingerprint(tokenizer: PreTrainedTokenizerFast) -> str:
    """Returns a digest of all that a tokenizer does: the same for an encoder's and its descendants'."""
    roles = sorted((role, str(token)) for role, token in tokenizer.special_tokens_map.items())
    return digest([tokenizer.backend_tokenizer.to_str(), roles, tokenizer.padding_side])


def _fast_tokenizer(folder: Path, **options: bool) -> PreTrainedTokenizerFast:
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(folder), use_fast=True, trust_remote_code=False, **options)
    except (OSError, ValueError, ImportError) as error:
        needs = "; a SentencePiece model without tokenizer.json needs the package sentencepiece"
        hint = needs if list(folder.glob("*.model")) else ""
        raise ConfigError(f"{str(folder)!r}: its tokenizer cannot be loaded: {error}{hint}") from error
    # For a folder without a vocabulary, transformers makes up a tokenizer to which every word is unknown.
    fast = isinstance(tokenizer, PreTrainedTokenizerFast)
    if not fast or set(tokenizer.get_vocab()) <= set(tokenizer.all_special_tokens):
        raise ConfigError(f"{str(folder)!r} has no fast tokenizer (tokenizer.json)")
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()
    return tokenizer  # type: ignore[no-any-return]


def _reads_words_as(inside: list[str], tokenizer: PreTrainedTokenizerFast) -> bool:
    """Returns whether `WORDS`, given one by one, have the pieces they have inside a sentence."""
    alone = tokenizer(WORDS, is_split_into_words=True, add_special_tokens=False)
    count = sum(word != 0 for word in alone.word_ids())  # nothing stands before the first word of a sentence
    return alone.tokens()[-count:] == inside[-count:]


def _put_blanks_before_words(tokenizer: PreTrainedTokenizerFast) -> None:
    """Byte-level BPE writes a word inside a sentence with its blank; words given one by one must get theirs, too."""
    kind, backend = type(tokenizer), tokenizer.backend_tokenizer
    if kind is not PreTrainedTokenizerFast and "__init__" in vars(kind):
        return  # it builds its tokenizer from the vocabulary alone: what it saves would forget this
    split = backend.pre_tokenizer
    if isinstance(split, pre_tokenizers.ByteLevel):
        split.add_prefix_space = True
    elif split is not None:
        # Once before the whole word: behind another splitter, ByteLevel and Metaspace would put one before every part.
        blank = pre_tokenizers.Metaspace(replacement=" ", prepend_scheme="always", split=False)
        split = pre_tokenizers.Sequence([blank, split])
    backend.pre_tokenizer = split


def label_config(labels: Sequence[str]) -> dict[str, Any]:
    """Returns the label names as a Hugging Face config holds them."""
    return {"id2label": dict(enumerate(labels)), "label2id": {label: i for i, label in enumerate(labels)}}


def auto_class(name: str) -> Any:
    """Returns the Auto class `name` of transformers, such as `AutoModelForTokenClassification`."""
    return getattr(transformers, name)


def split(model: PreTrainedModel, *, max_length: int, attention: Attention) -> tuple[Encoder, Head]:
    """Takes a Hugging Face model apart without copying: the same parameters, seen as encoder and head.

    Args:
        model: with a head for the task.
        max_length: length limit of the encoder in tokens.
        attention: `bidirectional`, or `causal` for the counterpart that sees no later position.

    Raises:
        ConfigError: if causal attention is asked of an encoder that cannot be packed, or if the head needs more than
            the hidden states.
    """
    base = getattr(model, model.base_model_prefix)
    found = probe(base, max_length=max_length)
    if found.packable:
        log.info("%s packs exactly (largest difference %.1e)", type(base).__name__, found.difference)
    else:
        log.warning(
            "%s gives other numbers when packed (difference %.1e): its batches are padded instead, which is slower",
            type(base).__name__, found.difference,
        )  # fmt: skip
        if found.padding > TOLERANCE:
            raise ConfigError(
                f"{type(base).__name__} gives other numbers the further a row is padded (by {found.padding:.1e}), "
                "so that an example's would depend on the others of its batch; it is not supported"
            )
        if attention == "causal":
            raise ConfigError(
                f"attention='causal': {type(base).__name__} does not take the mask it needs", key="attention"
            )
    if found.packable:  # else the architecture builds masks of its own, which only its own attention understands
        use_fast_dropout(model)
    encoder = Encoder(
        base=base, packable=found.packable, position_offset=found.position_offset, causal=attention == "causal",
        sliding_window=found.sliding_window,
    )  # fmt: skip
    head = Head(model=model)
    _check_head(model, base, head)
    return encoder, head


def _check_head(model: PreTrainedModel, base: PreTrainedModel, head: Head) -> None:
    """Refuses an architecture whose head looks at more than the hidden states (of sequences, at more than the first).

    Raises:
        ConfigError: naming it.
    """
    mode = model.training
    model.eval()
    device = next(model.parameters()).device
    ids = torch.arange(8, device=device)[None] % model.config.vocab_size
    mask = torch.ones_like(ids)
    with torch.no_grad():
        whole = logits_of(model(input_ids=ids, attention_mask=mask))
        states = base(input_ids=ids, attention_mask=mask).last_hidden_state
        parts = head(states if whole.ndim == 3 else states[:, :1])
    model.train(mode)
    if whole.shape != parts.shape or not torch.allclose(whole, parts, atol=1e-4):
        what = "the hidden states" if whole.ndim == 3 else "the first hidden state"
        raise ConfigError(f"{type(model).__name__}: its head looks at more than {what}; it is not supported")
