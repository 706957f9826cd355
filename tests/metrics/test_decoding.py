"""Behaviour of decoding: the likeliest legal sequence, never an illegal one, and argmax wherever argmax is legal."""

from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from clozelab.metrics.decoding import legal_transitions, viterbi

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

LABEL_SETS = (
    ("O", "B-X", "I-X"),
    ("B-X", "I-X", "I-Y", "O"),  # nothing begins Y
    ("I-X", "I-Y", "O", "B-Y"),
    ("B-X", "I-X"),  # no O
    ("I-X", "B-X", "B-Y", "I-Y"),
    ("I-X", "B-Y"),  # no O, and nothing begins X
    ("B-X",),
    ("O", "B-X"),
)
MANY = ("O", *(f"{prefix}-{kind}" for prefix in "IB" for kind in ("PER", "LOC", "ORG", "a-b", "MISC", "X", "Y")))
SCORES = st.one_of(st.floats(-50, 0, width=32), st.just(-np.inf))
patient = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def starts(lengths: Sequence[int]) -> Bools:
    return np.array([i == 0 for length in lengths for i in range(length)], dtype=np.bool_)


def is_legal(tags: Sequence[str]) -> bool:
    """Says what IOB2 allows in one sentence, word by word."""
    return all(
        not tag.startswith("I-") or (place > 0 and tags[place - 1] in (f"B-{tag[2:]}", tag))
        for place, tag in enumerate(tags)
    )


def best_score(scores: Floats, labels: Sequence[str]) -> float:
    """Returns the score of the best legal sequence of one sentence, trying all sequences."""
    legal = [path for path in product(range(len(labels)), repeat=len(scores)) if is_legal([labels[i] for i in path])]
    return max(path_score(scores, path) for path in legal)


def path_score(scores: Floats, path: Sequence[int]) -> float:
    return float(scores.astype(np.float64)[np.arange(len(path)), list(path)].sum())


def sentences_of(tags: NDArray[np.int64], lengths: Sequence[int], labels: Sequence[str]) -> list[list[str]]:
    return [[labels[i] for i in part] for part in np.split(tags, np.cumsum(lengths)[:-1])]


@st.composite
def splits(draw: st.DrawFn) -> tuple[Sequence[str], list[int], Floats]:
    labels = draw(st.sampled_from(LABEL_SETS))
    lengths = draw(st.lists(st.integers(1, 5), min_size=1, max_size=5))
    row = st.lists(SCORES, min_size=len(labels), max_size=len(labels))
    rows = draw(st.lists(row, min_size=sum(lengths), max_size=sum(lengths)))
    return labels, lengths, np.array(rows, dtype=np.float32).reshape(-1, len(labels))


@patient
@given(splits())
def test_no_legal_sequence_scores_higher(split: tuple[Sequence[str], list[int], Floats]) -> None:
    labels, lengths, scores = split
    tags = viterbi(scores, starts(lengths), labels)
    bounds = np.cumsum(lengths)[:-1]
    for path, own in zip(np.split(tags, bounds), np.split(scores, bounds), strict=True):
        assert is_legal([labels[i] for i in path])
        assert path_score(own, path) == pytest.approx(best_score(own, labels), abs=1e-9)


@pytest.mark.parametrize("labels", LABEL_SETS)
def test_the_sequence_is_that_of_brute_force_where_there_are_no_ties(labels: Sequence[str]) -> None:
    draw = np.random.default_rng(0)
    for _ in range(5):
        lengths = draw.integers(1, 6, size=6)
        scores = draw.normal(size=(lengths.sum(), len(labels))).astype(np.float32)
        found = sentences_of(viterbi(scores, starts(lengths), labels), lengths, labels)
        for tags, own in zip(found, np.split(scores, np.cumsum(lengths)[:-1]), strict=True):
            paths = [[labels[i] for i in p] for p in product(range(len(labels)), repeat=len(own))]
            best = max(filter(is_legal, paths), key=lambda p: path_score(own, [labels.index(tag) for tag in p]))
            assert tags == best


@patient
@given(
    st.lists(st.integers(1, 120), min_size=1, max_size=12),
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.0, 0.3, 0.9, 1.0]),
    st.sampled_from([-np.inf, np.inf, np.nan, -3e38]),
)
def test_no_sequence_is_ever_illegal_whatever_the_scores(
    lengths: list[int], seed: int, share: float, odd: float
) -> None:
    draw = np.random.default_rng(seed)
    scores = (draw.normal(size=(sum(lengths), len(MANY))) * 100).astype(np.float32)
    scores[draw.random(scores.shape) < share] = odd
    tags = viterbi(scores, starts(lengths), MANY)
    assert tags.dtype == np.int64
    assert all(is_legal(sentence) for sentence in sentences_of(tags, lengths, MANY))


def test_argmax_is_kept_in_every_sentence_where_it_is_legal() -> None:
    draw = np.random.default_rng(1)
    lengths = draw.integers(1, 4, size=2000)
    scores = draw.normal(size=(lengths.sum(), 5)).astype(np.float32)
    labels = ("B-X", "B-Y", "I-X", "I-Y", "O")
    decoded = sentences_of(viterbi(scores, starts(lengths), labels), lengths, labels)
    greedy = sentences_of(scores.argmax(1), lengths, labels)
    legal = [is_legal(tags) for tags in greedy]
    assert 200 < sum(legal) < 1800
    for tags, wanted, kept in zip(decoded, greedy, legal, strict=True):
        assert (tags == wanted) is kept


def test_the_scores_themselves_stay_as_they_are() -> None:
    scores = np.array([[-np.inf, np.nan], [-1.0, -2.0]], dtype=np.float32)
    before = scores.copy()
    viterbi(scores, starts([2]), ("O", "B-X"))
    np.testing.assert_array_equal(scores, before)


@pytest.mark.parametrize(
    ("labels", "scores", "expected"),
    [
        (("O", "B-X", "I-X"), [[-1, -2, 0]], ["O"]),
        (("O", "B-X", "I-X"), [[-1, -2, 0], [-9, -9, 0]], ["B-X", "I-X"]),
        (("I-X", "O"), [[0, -np.inf]], ["O"]),
        (("I-X", "O"), [[0, -np.inf]] * 3, ["O", "O", "O"]),
        (("I-X", "B-X"), [[0, -np.inf], [0, -np.inf]], ["B-X", "I-X"]),
        (("I-X", "B-Y"), [[-np.inf, -np.inf]], ["B-Y"]),
        (("I-Y", "I-X", "B-X", "O"), [[-9, -9, 0, -9], [0, -2, -9, -3], [-9, 0, -9, -9]], ["B-X", "I-X", "I-X"]),
    ],
)
def test_what_no_sequence_may_hold_gives_way_to_the_next_best(
    labels: Sequence[str], scores: list[list[float]], expected: list[str]
) -> None:
    tags = viterbi(np.array(scores, dtype=np.float32), starts([len(scores)]), labels)
    assert [labels[i] for i in tags] == expected


def test_nothing_to_decode_is_decoded_to_nothing() -> None:
    tags = viterbi(np.empty((0, 3), np.float32), np.empty(0, np.bool_), ("O", "B-X", "I-X"))
    assert tags.shape == (0,)
    assert tags.dtype == np.int64


def test_labels_none_of_which_may_begin_a_sentence_are_an_error() -> None:
    with pytest.raises(AssertionError, match="no label may begin"):
        viterbi(np.zeros((1, 1), np.float32), starts([1]), ("I-X",))


@pytest.mark.parametrize("labels", [*LABEL_SETS, MANY])
def test_transitions_are_those_of_pairs_of_words(labels: Sequence[str]) -> None:
    begins, follows = legal_transitions(labels)
    assert begins.tolist() == [is_legal([label]) for label in labels]
    for i, j in product(range(len(labels)), repeat=2):
        # Behind B-X, so that every label that can stand in a sentence can stand second.
        first = [labels[i]] if begins[i] else [f"B-{labels[i][2:]}", labels[i]]
        assert follows[i, j] == is_legal([*first, labels[j]]), (labels[i], labels[j])
