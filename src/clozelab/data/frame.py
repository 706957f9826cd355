"""The special tokens an encoder wants around a text, or around and between two: learnt from its tokenizer once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerFast

from clozelab.errors import ConfigError

Tokens = NDArray[np.int64]


@dataclass(frozen=True)
class Frame:
    """What stands around one segment or two: `[CLS] A [SEP] B [SEP]`, or `<s> A </s></s> B </s>`.

    Attributes:
        before: ids before the first segment.
        between: ids between the two.
        after: ids after the last one.
        has_types: whether the second segment, with what is behind it, is of token type 1.
        separator: the one token that parts two documents of one example.
    """

    before: tuple[int, ...]
    between: tuple[int, ...]
    after: tuple[int, ...]
    has_types: bool
    separator: int

    def num_special(self, segments: int) -> int:
        """Returns how many special tokens one or two segments get."""
        return len(self.before) + len(self.after) + (len(self.between) if segments == 2 else 0)

    def around(self, segments: Sequence[Tokens]) -> tuple[Tokens, int, list[int]]:
        """Returns the whole sequence, where token type 1 begins in it (its length: nowhere), and each segment's place.

        Args:
            segments: ids of one segment or two.
        """
        first = segments[0]
        parts: list[Sequence[int] | Tokens] = [self.before, first]
        places = [len(self.before)]
        if len(segments) == 2:
            places.append(places[0] + len(first) + len(self.between))
            parts += [self.between, segments[1]]
        ids = np.concatenate([*(np.asarray(part, dtype=np.int64) for part in parts), np.asarray(self.after)])
        second = places[1] if len(segments) == 2 and self.has_types else len(ids)
        return ids.astype(np.int64), second, places


def frame_of(tokenizer: PreTrainedTokenizerFast) -> Frame:
    """Returns the frame of a tokenizer: it encodes a text and a pair, and says which of their tokens are special.

    Raises:
        ConfigError: if it puts none around a text, has no separator, or cannot encode a single letter.
    """
    alone = tokenizer("a", return_special_tokens_mask=True)
    pair = tokenizer("a", "a", return_special_tokens_mask=True, return_token_type_ids=True)
    before, after = _edges(alone["input_ids"], alone["special_tokens_mask"])
    ids, types = pair["input_ids"], pair["token_type_ids"]
    piece = len(alone["input_ids"]) - len(before) - len(after)
    start = len(before) + piece
    between = ids[start : len(ids) - len(after) - piece]
    if not before or not between:
        raise ConfigError(f"{type(tokenizer).__name__} puts no special tokens around texts; pretraining needs them")
    if tokenizer.sep_token_id is None:
        raise ConfigError(f"{type(tokenizer).__name__} has no separator token, which pretraining needs")
    second = start + len(between)
    has_types = 1 in types
    if has_types and (types.index(1) != second or types[second:] != [1] * (len(types) - second)):
        raise ConfigError(f"{type(tokenizer).__name__}: token types of a pair do not begin with its second segment")
    return Frame(tuple(before), tuple(between), tuple(after), has_types, tokenizer.sep_token_id)


def _edges(ids: list[int], special: list[int]) -> tuple[list[int], list[int]]:
    """Returns the special tokens before and after the ordinary ones."""
    ordinary = [place for place, is_special in enumerate(special) if not is_special]
    if not ordinary:
        raise ConfigError("the tokenizer makes no token of the letter a; it needs one for unknown words")
    return ids[: ordinary[0]], ids[ordinary[-1] + 1 :]
