"""From words to pieces and windows, so that every word of the file has exactly one place where it is scored.

A word without any piece (a lone U+200D) becomes the unknown token; a word longer than a window keeps its first pieces;
a sentence longer than the encoder's limit becomes overlapping windows, and each word belongs to the window in which it
has the most context. Where a window has room, words of neighbouring sentences may stand around it (`data.context`).
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from transformers import PreTrainedTokenizerFast

from clozelab.data.context import NOTHING, Pieces, fit_context

CHUNK = 1000
"""Sentences tokenised at once."""


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of a sentence that fits the encoder.

    Attributes:
        input_ids: token ids, special tokens included.
        positions: place in `input_ids` of the first piece of each word that belongs to this window.
        lengths: pieces of each such word, which follow one another from there.
        first_word: number in the sentence of the first such word; the others follow it without a gap.
    """

    input_ids: list[int]
    positions: list[int]
    lengths: list[int]
    first_word: int


def special_tokens(tokenizer: PreTrainedTokenizerFast) -> tuple[list[int], list[int]]:
    """Returns the token ids that the tokenizer puts before and after one sequence."""
    content = tokenizer("a", add_special_tokens=False)["input_ids"]
    whole = tokenizer("a", add_special_tokens=True)["input_ids"]
    for start in range(len(whole) - len(content) + 1):
        if whole[start : start + len(content)] == content:
            return whole[:start], whole[start + len(content) :]
    raise AssertionError(f"special tokens are not around the content: {content} in {whole}")


def word_pieces(
    tokenizer: PreTrainedTokenizerFast, sentences: Sequence[Sequence[str]], counts: Counter[str]
) -> Iterator[list[list[int]]]:
    """Yields the pieces of every word of every sentence; no word is without a piece.

    Args:
        tokenizer: any fast tokenizer; BPE tokenizers need `add_prefix_space=True`.
        sentences: words.
        counts: `words_without_piece` is raised for every word that became the unknown token,
            `words_like_special_tokens` for every word in which the tokenizer sees one of its own (a literal `[SEP]`),
            as it does in plain transformers.
    """
    # Some byte-level vocabularies have no unknown token: they can write every byte, but not a word that is stripped.
    stand_in = tokenizer.mask_token_id if tokenizer.unk_token_id is None else tokenizer.unk_token_id
    specials = set(tokenizer.all_special_ids) - {tokenizer.unk_token_id}
    for pieces in own_pieces(tokenizer, sentences):
        for place, ids in enumerate(pieces):
            counts["words_like_special_tokens"] += not specials.isdisjoint(ids)
            if not ids:
                counts["words_without_piece"] += 1
                pieces[place] = [stand_in]
        yield pieces


def own_pieces(tokenizer: PreTrainedTokenizerFast, sentences: Sequence[Sequence[str]]) -> Iterator[list[list[int]]]:
    """Yields the pieces that the tokenizer has for every word of every sentence; for some words it has none.

    Args:
        tokenizer: see `word_pieces`.
        sentences: words.
    """
    for start in range(0, len(sentences), CHUNK):
        part = [list(words) for words in sentences[start : start + CHUNK]]
        encoded = tokenizer(part, is_split_into_words=True, add_special_tokens=False)
        for words, encoding in zip(part, encoded.encodings, strict=True):
            pieces: list[list[int]] = [[] for _ in words]
            for token, word in zip(encoding.ids, encoding.word_ids, strict=True):
                pieces[word].append(token)
            yield pieces


def windows(
    pieces: Pieces,
    prefix: list[int],
    suffix: list[int],
    *,
    max_length: int,
    overlap: int,
    counts: Counter[str],
    before: Pieces = NOTHING,
    after: Pieces = NOTHING,
) -> list[Window]:
    """Cuts one sentence into windows; one window if it fits.

    Args:
        pieces: of each word, none empty.
        prefix: special tokens before the content.
        suffix: special tokens after it.
        max_length: of a window in tokens, special tokens included.
        overlap: pieces that neighbouring windows share at least, where words allow.
        counts: `words_cut` and `sentences_windowed` are raised.
        before: pieces of the words that stand before the sentence; as many as find room open its first window.
        after: pieces of the words that stand behind it, for its last window.

    Returns:
        Windows from left to right; every word belongs to exactly one, and at least one word to each.
    """
    capacity = max_length - len(prefix) - len(suffix)
    assert capacity > overlap >= 0, f"max_length={max_length} leaves no room beside overlap={overlap}"
    cut = [list(ids[:capacity]) for ids in pieces]
    counts["words_cut"] += sum(len(ids) > capacity for ids in pieces)
    starts = [0, *accumulate(map(len, cut))]  # starts[i]: pieces before word i
    spans = _spans(starts, capacity, overlap)
    counts["sentences_windowed"] += len(spans) > 1
    result = []
    for (first, last), (own_first, own_last) in zip(spans, _owned(spans, starts), strict=True):
        if own_first == own_last:  # its neighbours give all its words more context: an example without a target
            continue
        ids = [token for word in cut[first:last] for token in word]
        outside = (before if first == 0 else NOTHING, after if last == len(pieces) else NOTHING)
        left, right = fit_context(*outside, capacity - len(ids))
        behind = len(prefix) + len(left) - starts[first]
        positions = [behind + start for start in starts[own_first:own_last]]
        lengths = [len(word) for word in cut[own_first:own_last]]
        result.append(Window([*prefix, *left, *ids, *right, *suffix], positions, lengths, own_first))
    return result


def overlap_of(given: int | None, max_length: int) -> int:
    """Returns the pieces that neighbouring windows share: those given, else 32, or a quarter of a short window."""
    return min(32, max_length // 4) if given is None else given


def _spans(starts: list[int], capacity: int, overlap: int) -> list[tuple[int, int]]:
    """Returns (first word, last word + 1) of each window, from left to right."""
    num_words = len(starts) - 1
    spans: list[tuple[int, int]] = []
    first = 0
    while True:
        last = first + 1
        while last < num_words and starts[last + 1] - starts[first] <= capacity:
            last += 1
        spans.append((first, last))
        if last == num_words:
            return spans
        following = last  # step back from the end for the overlap, but always forward from this window's first word
        while following - 1 > first and starts[last] - starts[following] < overlap:
            following -= 1
        # The next word must fit behind the overlap, or the next window would end where this one does.
        while following < last and starts[last + 1] - starts[following] > capacity:
            following += 1
        first = following


def _owned(spans: list[tuple[int, int]], starts: list[int]) -> list[tuple[int, int]]:
    """Returns the words that belong to each window: in an overlap, the one with more context."""
    owners = []
    own_first = spans[0][0]
    for number, (_, last) in enumerate(spans):
        own_last = last
        if number + 1 < len(spans):
            shared = spans[number + 1][0]
            # Context is what stands to the right in this window, to the left in the next.
            own_last = next(
                (
                    w
                    for w in range(max(shared, own_first), last)
                    if starts[w] - starts[shared] > starts[last] - starts[w + 1]
                ),
                last,
            )
        owners.append((own_first, own_last))
        own_first = own_last
    return owners
