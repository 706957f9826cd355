"""Which tokens are masked, how often, and by what: counted, against what Devlin et al. say."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from tokenizers import AddedToken, Tokenizer, models
from transformers import PreTrainedTokenizerFast

from clozelab.data.masking import Masker, Masking
from clozelab.data.tokenised import tokenise
from clozelab.errors import ConfigError
from clozelab.randomness import Purpose, generator
from clozelab.store.ragged import RaggedStore
from clozelab.types import Text

KINDS = ["word_piece", "byte_level", "unigram", "whole_sentence"]
SPECIAL = range(5)


def masker(tokenizer: PreTrainedTokenizerFast, counts: NDArray[np.int64] | None = None, **shares: Any) -> Masker:
    counts = np.ones(len(tokenizer), dtype=np.int64) if counts is None else counts
    return Masker(masking=Masking(**shares), tokenizer=tokenizer, counts=counts)


def draws(seed: int) -> np.random.Generator:
    return generator(Purpose.MASKS, seed)


@pytest.mark.parametrize(
    ("shares", "key"),
    [
        ({"rate": 0}, "rate"),
        ({"rate": 1}, "rate"),
        ({"rate": float("nan")}, "rate"),
        ({"mask": -0.1}, "mask"),
        ({"mask": 1.01}, "mask"),
        ({"random": 0.3}, "random"),
        ({"mask": 1}, "random"),
        ({"random": -0.1}, "random"),
        ({"replacement": "zipf"}, "replacement"),
    ],
)
def test_wrong_shares_are_refused(shares: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError, match=rf"{key}=.*must be") as caught:
        Masking(**shares)
    assert caught.value.key == key


def test_all_may_be_masked_and_none_replaced() -> None:
    Masking(mask=1, random=0)
    Masking(mask=0, random=1)
    Masking(mask=0.9, random=0.1)  # 1 - 0.9 is a little less than 0.1


def test_a_tokenizer_without_a_mask_token_is_refused_in_plain_words() -> None:
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.WordLevel({"a": 0}, unk_token="a")))
    with pytest.raises(ConfigError, match="has no mask token, which masked language modelling needs"):
        masker(tokenizer)


def test_a_training_split_of_special_tokens_is_refused(numbered: PreTrainedTokenizerFast) -> None:
    counts = np.zeros(len(numbered), dtype=np.int64)
    counts[SPECIAL] = 100
    with pytest.raises(ConfigError, match=r"no ordinary token.*does the tokenizer fit its language"):
        masker(numbered, counts)


@pytest.mark.parametrize("rate", [0.01, 0.15, 0.5, 0.99])
def test_exactly_the_rate_is_chosen_of_the_ordinary_tokens_of_each_example(
    rate: float, numbered: PreTrainedTokenizerFast
) -> None:
    masks = masker(numbered, rate=rate)
    draw = draws(0)
    for length in range(1, 200):
        ids = draw.integers(5, 1000, size=length)
        ids = np.insert(ids, draw.integers(0, length + 1, size=7), draw.integers(0, 5, size=7))
        chosen = masks.choose(draw, ids, np.ones(len(ids), dtype=bool))
        assert len(chosen) == max(1, round(rate * length))
        assert (np.diff(chosen) > 0).all()
        assert (ids[chosen] >= 5).all(), "special tokens that stand in a text are never chosen"


def test_nothing_is_chosen_where_there_are_special_tokens_only(numbered: PreTrainedTokenizerFast) -> None:
    for whole_words in (False, True):
        masks = masker(numbered, whole_words=whole_words)
        ids = np.array([2, 1, 4, 3])
        chosen = masks.choose(draws(0), ids, np.ones(4, dtype=bool))
        assert not len(chosen)
        assert masks.apply(draws(0), ids, chosen).tolist() == [2, 1, 4, 3]


def test_every_place_is_chosen_alike(numbered: PreTrainedTokenizerFast) -> None:
    masks = masker(numbered)
    ids = np.array([2, *range(5, 45), 3])
    times = 10_000
    found = np.zeros(len(ids))
    for number in range(times):
        np.add.at(found, masks.choose(draws(number), ids, np.ones(len(ids), dtype=bool)), 1)
    assert found[[0, -1]].tolist() == [0, 0]
    share = 6 / 40
    assert np.abs(found[1:-1] - times * share).max() < 4 * np.sqrt(times * share * (1 - share))


def test_of_ten_chosen_tokens_eight_are_masked_one_is_replaced_one_stays(numbered: PreTrainedTokenizerFast) -> None:
    masks = masker(numbered)
    ids = np.full(200_000, 7)
    seen = masks.apply(draws(0), ids, np.arange(0, len(ids), 2))
    assert (seen[1::2] == 7).all(), "what was not chosen stays"
    assert (ids == 7).all(), "the example itself is not changed"
    fates = [(seen[::2] == 4).sum(), ((seen[::2] != 4) & (seen[::2] != 7)).sum(), (seen[::2] == 7).sum()]
    assert stats.chisquare(fates, np.array([0.8, 0.1, 0.1]) * 100_000).pvalue > 0.001


@pytest.mark.parametrize(("mask", "random"), [(1, 0), (0, 1), (0, 0), (0.5, 0.5)])
def test_other_shares_are_kept_too(mask: float, random: float, numbered: PreTrainedTokenizerFast) -> None:
    ids = np.full(10_000, 7)
    seen = masker(numbered, mask=mask, random=random).apply(draws(0), ids, np.arange(len(ids)))
    assert abs((seen == 4).mean() - mask) < 0.02
    assert abs(((seen != 4) & (seen != 7)).mean() - random) < 0.02


def drawn(masks: Masker, size: int, times: int) -> NDArray[np.int64]:
    """Returns how often each token is drawn."""
    seen = masks.apply(draws(1), np.zeros(times, dtype=np.int64), np.arange(times))
    return np.bincount(seen, minlength=size)


def test_random_tokens_come_as_often_as_they_stand_in_the_training_split(numbered: PreTrainedTokenizerFast) -> None:
    counts = np.zeros(len(numbered), dtype=np.int64)
    counts[:205] = 1_000_000 // np.arange(1, 206)  # as Zipf has it; the special tokens are the most frequent ones
    found = drawn(masker(numbered, counts, mask=0, random=1), len(counts), 200_000)
    assert not found[SPECIAL].any()
    assert not found[205:].any(), "a token that training lacks is never drawn"
    expected = counts[5:205] / counts[5:205].sum() * 200_000
    assert stats.chisquare(found[5:205], expected).pvalue > 0.001


def test_or_all_ordinary_tokens_come_alike(numbered: PreTrainedTokenizerFast) -> None:
    counts = np.zeros(len(numbered), dtype=np.int64)
    counts[9] = 100
    found = drawn(masker(numbered, counts, mask=0, random=1, replacement="uniform"), len(counts), 400_000)
    assert not found[SPECIAL].any()
    assert stats.chisquare(found[5:]).pvalue > 0.001


def test_special_tokens_without_a_name_are_special_and_ids_that_no_token_has_are_not_drawn() -> None:
    tokenizer = Tokenizer(models.WordLevel({"a": 0, "[UNK]": 1, "b": 9}, unk_token="[UNK]"))
    tokenizer.add_special_tokens([AddedToken("[MASK]", special=True), AddedToken("<|end|>", special=True)])
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, mask_token="[MASK]", unk_token="[UNK]")
    vocabulary = wrapped.get_vocab()
    size = 1 + max(vocabulary.values())
    masks = masker(wrapped, np.ones(size, dtype=np.int64), mask=0, random=1, replacement="uniform")
    assert set(np.flatnonzero(masks.is_special)) == {vocabulary[name] for name in ("[UNK]", "[MASK]", "<|end|>")}
    assert set(np.flatnonzero(drawn(masks, size, 1000))) == {0, 9}


def tokenised(tokenizer: PreTrainedTokenizerFast, text: str, folder: Any) -> tuple[Any, Any]:
    """Returns ids and where words begin, as training finds them in its store."""
    from collections import Counter

    tokenise(folder / "store", [Text((text,), "", 1)], tokenizer, Counter(), name="train", size=None)
    store = RaggedStore(folder / "store")
    return store["input_ids"][0].astype(np.int64), store["begins"][0] > 0


@pytest.mark.parametrize("kind", KINDS)
def test_whole_words_are_masked_whole_and_replaced_at_random_still(
    kind: str, tokenizers: Mapping[str, PreTrainedTokenizerFast], tmp_path: Any
) -> None:
    tokenizer = tokenizers[kind]
    # Letters only, so that the kinds agree on what a word is; a mask token in the text belongs to no word.
    words = "unbelievable companies saw [MASK] the river untranslatable reports left a gamesmanship said Hopper".split()  # noqa: SIM905
    text = " ".join(words).replace("[MASK]", tokenizer.mask_token)
    ids, begins = tokenised(tokenizer, text, tmp_path)
    masks = masker(tokenizer, whole_words=True, rate=0.3)
    pieces = [tuple(np.flatnonzero(np.cumsum(begins) == number)) for number in range(1, begins.sum() + 1)]
    ordinary = [word for word in pieces if not masks.is_special[ids[word[0]]]]
    written = [tokenizer.decode(ids[list(word)]).strip().lower() for word in ordinary]
    assert [word for word in written if word] == [word.lower() for word in words if word != "[MASK]"]
    assert max(map(len, ordinary)) > 3, "some words have several pieces"
    wanted = max(1, round(0.3 * sum(map(len, ordinary))))
    touched, replaced = set(), 0
    for number in range(300):
        draw = draws(number)
        chosen = masks.choose(draw, ids, begins)
        whole = [word for word in ordinary if set(word) <= set(chosen.tolist())]
        assert sorted(chosen.tolist()) == sorted(place for word in whole for place in word)
        assert 0 < len(chosen) <= wanted
        touched |= set(whole)
        seen = masks.apply(draw, ids, chosen)[chosen]
        replaced += int(((seen != tokenizer.mask_token_id) & (seen != ids[chosen])).sum())
    assert touched == set(ordinary), "every word has its turn"
    assert replaced > 300


def test_a_word_that_is_longer_than_the_rate_allows_has_its_turn(numbered: PreTrainedTokenizerFast) -> None:
    masks = masker(numbered, whole_words=True)
    ids = np.arange(5, 15)
    begins = np.array([True, *[False] * 8, True])
    sizes = {len(masks.choose(draws(number), ids, begins)) for number in range(50)}
    assert sizes == {1, 9}


def test_of_whole_words_nearly_as_many_tokens_are_chosen_as_the_rate_says(numbered: PreTrainedTokenizerFast) -> None:
    masks = masker(numbered, whole_words=True)
    draw = draws(0)
    for _ in range(100):
        lengths = draw.integers(1, 4, size=100)
        begins = np.zeros(lengths.sum(), dtype=bool)
        begins[np.cumsum(lengths)[:-1]] = True
        chosen = masks.choose(draw, np.full(len(begins), 9), begins)
        assert len(chosen) == round(0.15 * len(begins)), "there is always a short word to fill up with"


def test_no_word_goes_on_behind_a_special_token(numbered: PreTrainedTokenizerFast) -> None:
    """Both segments of a pair may be parts of words."""
    masks = masker(numbered, whole_words=True, rate=0.01)
    ids = np.array([2, 10, 11, 3, 12, 13, 3])
    begins = np.array([True, False, False, True, False, False, True])
    found = {tuple(masks.choose(draws(number), ids, begins).tolist()) for number in range(50)}
    assert found == {(1, 2), (4, 5)}
