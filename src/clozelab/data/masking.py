"""Masked language modelling: which tokens are to be predicted, and what the encoder sees in their places.

Devlin et al. 2019, section 3.1 (task 1) and appendix A.1.
"""

import logging
from typing import Literal, final, get_args

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerFast

from clozelab.errors import ConfigError, require

log = logging.getLogger(__name__)

Replacement = Literal["unigram", "uniform"]

MANY_UNKNOWN = 0.02
"""Share of unknown tokens that is warned of; of English text BERT's vocabularies do not know 0.1 %."""


@final
class Masking:
    """How tokens are masked.

    Args:
        rate: share of an example's ordinary tokens that are to be predicted.
        mask: share of these that the mask token replaces.
        random: share of these that a random token replaces; the rest stays as it is.
        replacement: where random tokens come from: the `unigram` distribution of the training split, or `uniform`: all
            ordinary tokens alike.
        whole_words: choose whole words instead of pieces.
    """

    def __init__(
        self,
        *,
        rate: float = 0.15,
        mask: float = 0.8,
        random: float = 0.1,
        replacement: Replacement = "unigram",
        whole_words: bool = False,
    ) -> None:
        require("rate", rate, 0 < rate < 1, "a share in (0, 1)")
        require("mask", mask, 0 <= mask <= 1, "a share in [0, 1]")
        require("random", random, 0 <= random <= 1 - mask + 1e-12, f"a share in [0, 1 - mask] (mask is {mask})")
        allowed = f"one of {', '.join(get_args(Replacement))}"
        require("replacement", replacement, replacement in get_args(Replacement), allowed)
        self.rate = rate
        self.mask = mask
        self.random = random
        self.replacement: Replacement = replacement
        self.whole_words = whole_words


def mask_id_of(tokenizer: PreTrainedTokenizerFast) -> int:
    """Returns the id of the mask token.

    Raises:
        ConfigError: if the tokenizer has none.
    """
    if tokenizer.mask_token_id is None:
        raise ConfigError(f"{type(tokenizer).__name__} has no mask token, which masked language modelling needs")
    return int(tokenizer.mask_token_id)


@final
class Masker:
    """A masking with what it needs to know of the vocabulary.

    Args:
        masking: the shares.
        tokenizer: whose special tokens are never chosen and never drawn.
        counts: (vocabulary,) occurrences of every token in the training split.

    Raises:
        ConfigError: if the tokenizer has no mask token, or the training split nothing to predict.
    """

    def __init__(self, *, masking: Masking, tokenizer: PreTrainedTokenizerFast, counts: NDArray[np.int64]) -> None:
        self.masking = masking
        self.mask_id = mask_id_of(tokenizer)
        self.is_special = np.zeros(len(counts), dtype=bool)
        # Some have no name of their own, such as one between documents.
        unnamed = [number for number, token in tokenizer.added_tokens_decoder.items() if token.special]
        self.is_special[[*tokenizer.all_special_ids, *unnamed]] = True
        exists = np.zeros(len(counts), dtype=np.int64)
        exists[list(tokenizer.get_vocab().values())] = 1  # ids may have gaps
        weights = counts if masking.replacement == "unigram" else exists
        self._cumulative = np.cumsum(np.where(self.is_special, 0, weights))
        self._unknown_id = tokenizer.unk_token_id
        self.check("training", counts)

    def check(self, split: str, counts: NDArray[np.int64]) -> None:
        """Warns of a split that a tokenizer does not know much of: what is unknown is neither predicted nor scored.

        Args:
            split: its name.
            counts: (vocabulary,) occurrences of every token in it.

        Raises:
            ConfigError: if there is nothing to predict in it.
        """
        if not counts[~self.is_special].any():
            raise ConfigError(
                f"the {split} split has no ordinary token, only special ones such as unknown words: does the tokenizer "
                "fit its language?"
            )
        unknown = 0.0 if self._unknown_id is None else float(counts[self._unknown_id] / counts.sum())
        if unknown > MANY_UNKNOWN:
            log.warning(
                "%s: %.1f %% of the tokens are unknown to the tokenizer; scores are those of the others only",
                split, 100 * unknown,
            )  # fmt: skip

    def choose(
        self, draw: np.random.Generator, ids: NDArray[np.int64], begins_word: NDArray[np.bool_]
    ) -> NDArray[np.int64]:
        """Returns the places of the tokens to predict, ascending: `rate` of the ordinary ones, at least one of them.

        Of whole words, as many as stay within this number; the first one drawn is taken whatever its length.

        Args:
            draw: of this example.
            ids: (tokens,) with special tokens.
            begins_word: (tokens,) whether a word begins at this token.
        """
        ordinary = np.flatnonzero(~self.is_special[ids])
        if not len(ordinary):
            return ordinary
        wanted = max(1, round(self.masking.rate * len(ordinary)))
        if not self.masking.whole_words:
            return np.sort(draw.permutation(ordinary)[:wanted])
        # No word goes on behind a special token: two segments may both be parts of words.
        begins = begins_word[ordinary][1:] | (np.diff(ordinary) > 1)
        words = np.split(ordinary, np.flatnonzero(begins) + 1)
        chosen: list[NDArray[np.int64]] = []
        left = wanted
        for number in draw.permutation(len(words)).tolist():
            word = words[number]
            if len(word) <= left or not chosen:
                chosen.append(word)
                left -= len(word)
            if left <= 0:
                break
        return np.sort(np.concatenate(chosen))

    def apply(self, draw: np.random.Generator, ids: NDArray[np.int64], places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Returns the ids that the encoder sees: each chosen token masked, replaced or kept, independently.

        Args:
            draw: of this example.
            ids: (tokens,).
            places: of the chosen tokens.
        """
        seen = ids.copy()
        fate = draw.random(len(places))
        seen[places[fate < self.masking.mask]] = self.mask_id
        replaced = places[(fate >= self.masking.mask) & (fate < self.masking.mask + self.masking.random)]
        drawn = draw.integers(self._cumulative[-1], size=len(replaced))
        seen[replaced] = np.searchsorted(self._cumulative, drawn, side="right")
        return seen
