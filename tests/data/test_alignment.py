"""Behaviour of pieces and windows: every word of the file has exactly one place where it is scored."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from clozelab.data.alignment import Window, special_tokens, windows, word_pieces

PATIENT: dict[str, Any] = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
"""For busy machines."""

CORPUS = ["the green company met Ada in New York .", "résumé naïve 日本 123 - don't wants every river"] * 5
NAMES = {"unk_token": "<unk>", "pad_token": "<pad>", "cls_token": "<s>", "sep_token": "</s>"}
SPECIALS = list(NAMES.values())


def wrap(tokenizer: Tokenizer, **options: int) -> PreTrainedTokenizerFast:
    ids = [(name, tokenizer.token_to_id(name)) for name in ("<s>", "</s>")]
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=ids)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **NAMES, **options)


def word_piece() -> PreTrainedTokenizerFast:
    """As BERT's; with truncation and padding baked in, as some published tokenizers have them."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="<unk>"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.train_from_iterator(CORPUS, trainers.WordPieceTrainer(vocab_size=120, special_tokens=SPECIALS))
    tokenizer.enable_truncation(5)
    tokenizer.enable_padding(length=5)
    return wrap(tokenizer, model_max_length=5)


def byte_level() -> PreTrainedTokenizerFast:
    """As RoBERTa's."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=SPECIALS, initial_alphabet=alphabet)
    tokenizer.train_from_iterator(CORPUS, trainer)
    return wrap(tokenizer)


def unigram() -> PreTrainedTokenizerFast:
    """As XLM-R's and ALBERT's."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=60, special_tokens=SPECIALS, unk_token="<unk>")
    tokenizer.train_from_iterator(CORPUS, trainer)
    return wrap(tokenizer)


TOKENIZERS: dict[str, PreTrainedTokenizerFast] = {f.__name__: f() for f in (word_piece, byte_level, unigram)}
of_every_kind = pytest.mark.parametrize("kind", TOKENIZERS)

ODD = [
    "\u200d",
    "\ufe0f",
    "\u00ad",
    "\u0301",
    "\u2028",
    "10\u00a0000",
    "👩\u200d👩\u200d👧",
    "<s>",
    "</s>x",
    "a b",
    "\x00",
    "ﬁ",
    "İ",
]
"""Words that tokenizers stumble over: without a piece, with special tokens, with white space inside."""
WORD = st.one_of(
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=12),
    st.sampled_from([*ODD, *CORPUS[0].split(), *CORPUS[1].split()]),
    st.integers(20, 200).map(lambda n: "wa" * n),
)
SENTENCES = st.lists(st.lists(WORD, min_size=1, max_size=8), min_size=1, max_size=4)


@of_every_kind
def test_special_tokens_are_found_whatever_the_tokenizer(kind: str) -> None:
    tokenizer = TOKENIZERS[kind]
    assert special_tokens(tokenizer) == ([tokenizer.cls_token_id], [tokenizer.sep_token_id])


def test_a_tokenizer_without_special_tokens_has_none() -> None:
    bare = Tokenizer(models.WordPiece({"<unk>": 0, "a": 1}, unk_token="<unk>"))
    assert special_tokens(PreTrainedTokenizerFast(tokenizer_object=bare)) == ([], [])


@of_every_kind
@settings(max_examples=60, **PATIENT)
@given(sentences=SENTENCES)
def test_every_word_has_the_pieces_it_has_alone_and_the_unknown_token_if_it_has_none(
    kind: str, sentences: list[list[str]]
) -> None:
    tokenizer, counts = TOKENIZERS[kind], Counter[str]()
    alone = [[tokenizer(word, add_special_tokens=False)["input_ids"] for word in words] for words in sentences]
    found = list(word_pieces(tokenizer, sentences, counts))
    assert found == [[ids or [tokenizer.unk_token_id] for ids in sentence] for sentence in alone]
    assert counts["words_without_piece"] == sum(not ids for sentence in alone for ids in sentence)


def test_words_of_zero_width_are_counted_and_scored() -> None:
    counts = Counter[str]()
    tokenizer = TOKENIZERS["word_piece"]
    (pieces,) = word_pieces(tokenizer, [["\u200d", "met", "\u00ad", "\ufe0f"]], counts)
    assert [pieces[i] for i in (0, 2, 3)] == [[tokenizer.unk_token_id]] * 3
    assert pieces[1] != [tokenizer.unk_token_id]
    assert +counts == Counter(words_without_piece=3)


def test_more_sentences_than_one_chunk_keep_their_order() -> None:
    sentences = [[CORPUS[0].split()[i % 9]] for i in range(2345)]
    tokenizer = TOKENIZERS["word_piece"]
    found = list(word_pieces(tokenizer, sentences, Counter()))
    assert len(found) == 2345
    assert all(pieces == found[i % 9] for i, pieces in enumerate(found))
    assert len({str(pieces) for pieces in found}) == 9


@of_every_kind
@settings(max_examples=60, **PATIENT)
@given(words=st.lists(WORD, min_size=1, max_size=25), room=st.integers(1, 30), data=st.data())
def test_from_words_to_windows_each_words_position_points_at_its_first_piece(
    kind: str, words: list[str], room: int, data: st.DataObject
) -> None:
    tokenizer = TOKENIZERS[kind]
    (pieces,) = word_pieces(tokenizer, [words], Counter())
    prefix, suffix = special_tokens(tokenizer)
    overlap = data.draw(st.integers(0, room - 1))
    owned = 0
    for window in windows(pieces, prefix, suffix, max_length=room + 2, overlap=overlap, counts=Counter()):
        assert len(window.input_ids) <= room + 2
        for offset, position in enumerate(window.positions):
            assert window.input_ids[position] == pieces[window.first_word + offset][0]
        owned += len(window.positions)
    assert owned == len(words)


# From here on pieces are made up: piece j of word i is the number 1000 i + j, so that nothing is mistaken for another.
CLS, SEP = [-1], [-2, -3]


def cut(lengths: list[int], capacity: int, overlap: int, counts: Counter[str] | None = None) -> list[Window]:
    pieces = [[1000 * word + j for j in range(length)] for word, length in enumerate(lengths)]
    counts = Counter() if counts is None else counts
    return windows(pieces, CLS, SEP, max_length=capacity + 3, overlap=overlap, counts=counts)


def spanned(window: Window) -> tuple[int, int]:
    """Returns the first word of a window and the first behind it."""
    return window.input_ids[1] // 1000, window.input_ids[-3] // 1000 + 1


def fill(lengths: list[int], first: int, capacity: int) -> int:
    """Returns the first word behind a window that begins at `first` and takes whatever fits."""
    return max(last for last in range(first + 1, len(lengths) + 1) if sum(lengths[first:last]) <= capacity)


@st.composite
def cases(draw: Callable[..., int]) -> tuple[list[int], int, int]:
    """Draws (pieces of each word, capacity, overlap), awkward overlaps and words longer than a window included."""
    capacity = draw(st.integers(1, 24))
    longest = draw(st.sampled_from([1, 2, 5, capacity, capacity + 3]))
    lengths = draw(st.lists(st.integers(1, longest), min_size=1, max_size=40))
    return lengths, capacity, draw(st.integers(0, capacity - 1))


@settings(max_examples=500, **PATIENT)
@given(cases())
def test_every_word_is_in_order_owned_by_exactly_one_window_that_holds_its_first_piece(
    case: tuple[list[int], int, int],
) -> None:
    lengths, capacity, overlap = case
    owned = []
    for window in cut(lengths, capacity, overlap):
        owned += list(range(window.first_word, window.first_word + len(window.positions)))
        found = [window.input_ids[position] for position in window.positions]
        assert found == [1000 * (window.first_word + i) for i in range(len(found))]
    assert owned == list(range(len(lengths)))


@settings(max_examples=500, **PATIENT)
@given(cases())
def test_a_window_is_an_unbroken_stretch_of_whole_words_between_the_special_tokens_and_fits(
    case: tuple[list[int], int, int],
) -> None:
    lengths, capacity, overlap = case
    for window in cut(lengths, capacity, overlap):
        ids = window.input_ids
        assert len(ids) <= capacity + 3
        assert (ids[:1], ids[-2:]) == (CLS, SEP)
        words = range(*spanned(window))
        assert ids[1:-2] == [1000 * word + j for word in words for j in range(min(lengths[word], capacity))]


@settings(max_examples=500, **PATIENT)
@given(cases())
def test_no_window_is_without_a_word_of_its_own(case: tuple[list[int], int, int]) -> None:
    assert all(window.positions for window in cut(*case))


def test_a_window_whose_words_all_have_more_context_beside_it_is_left_out() -> None:
    found = cut([2, 2, 4, 4, 2, 2], 12, 9)  # words 0-3, 1-4 and 2-5; to the second, no word belongs
    assert [(w.first_word, len(w.positions), spanned(w)) for w in found] == [(0, 3, (0, 4)), (3, 3, (2, 6))]


@settings(max_examples=300, **PATIENT)
@given(cases())
def test_words_longer_than_a_window_keep_their_first_pieces_and_are_counted(case: tuple[list[int], int, int]) -> None:
    lengths, capacity, overlap = case
    counts = Counter[str]()
    found = cut(lengths, capacity, overlap, counts)
    assert counts["words_cut"] == sum(length > capacity for length in lengths)
    assert counts["sentences_windowed"] == (sum(min(length, capacity) for length in lengths) > capacity)
    for window in found:
        for i, position in enumerate(window.positions):
            word = window.first_word + i
            kept = min(lengths[word], capacity)
            assert window.input_ids[position : position + kept] == [1000 * word + j for j in range(kept)]


@pytest.mark.parametrize(("num_words", "num_windows"), [(1, 1), (9, 1), (10, 1), (11, 2), (16, 2), (17, 3)])
def test_a_sentence_that_fits_is_one_window(num_words: int, num_windows: int) -> None:
    assert len(cut([1] * num_words, 10, 4)) == num_windows


def test_the_overlap_is_shared_and_halved() -> None:
    found = cut([1] * 22, 10, 4)
    assert [spanned(w) for w in found] == [(0, 10), (6, 16), (12, 22)]
    assert [w.first_word for w in found] == [0, 8, 14]
    assert [w.positions[0] for w in found] == [1, 3, 3]


def test_a_word_with_as_much_context_on_both_sides_stays_in_the_earlier_window() -> None:
    found = cut([1] * 17, 10, 3)
    assert [spanned(w) for w in found] == [(0, 10), (7, 17)]
    assert [w.first_word for w in found] == [0, 9]  # words 7, 8 and 9 are shared, 8 is in the middle


def test_without_overlap_windows_stand_side_by_side() -> None:
    found = cut([1] * 25, 10, 0)
    assert [(w.first_word, len(w.positions)) for w in found] == [(0, 10), (10, 10), (20, 5)]


@settings(max_examples=300, **PATIENT)
@given(cases())
def test_a_window_begins_where_it_shares_the_overlap_and_has_room_for_a_new_word(
    case: tuple[list[int], int, int],
) -> None:
    lengths, capacity, overlap = case
    kept = [min(length, capacity) for length in lengths]
    expected = [(0, fill(kept, 0, capacity))]
    while (last := expected[-1][1]) < len(kept):
        first = expected[-1][0]
        roomy = [word for word in range(first + 1, last + 1) if sum(kept[word : last + 1]) <= capacity]
        sharing = [word for word in roomy if sum(kept[word:last]) >= overlap]
        following = sharing[-1] if sharing else roomy[0]
        expected.append((following, fill(kept, following, capacity)))
    found = [spanned(window) for window in cut(lengths, capacity, overlap)]
    assert found == [span for span in expected if span in found]  # some own no word and are left out


@settings(max_examples=300, **PATIENT)
@given(num_words=st.integers(1, 60), capacity=st.integers(2, 16), data=st.data())
def test_a_word_belongs_to_the_window_in_which_it_has_the_most_context(
    num_words: int, capacity: int, data: st.DataObject
) -> None:
    overlap = data.draw(st.integers(0, capacity // 2))
    found = cut([1] * num_words, capacity, overlap)

    def context(window: Window, word: int) -> float:
        first, last = spanned(window)[0], spanned(window)[1] - 1
        left = word - first if first > 0 else float("inf")  # nothing is lost where the sentence itself ends
        right = last - word if last < num_words - 1 else float("inf")
        return min(left, right) if first <= word <= last else -1.0

    for window in found:
        for word in range(window.first_word, window.first_word + len(window.positions)):
            assert context(window, word) == max(context(other, word) for other in found)


@pytest.mark.parametrize(("max_length", "overlap"), [(10, 7), (3, 0), (2, 0), (13, -1)])
def test_an_overlap_that_leaves_no_room_is_an_error(max_length: int, overlap: int) -> None:
    with pytest.raises(AssertionError, match="leaves no room"):
        windows([[1]], CLS, SEP, max_length=max_length, overlap=overlap, counts=Counter())
