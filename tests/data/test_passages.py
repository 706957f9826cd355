"""Examples drawn from documents, on documents in which every token tells where it stands."""

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from transformers import PreTrainedTokenizerFast

from clozelab.data.anchors import Filling, write_anchors
from clozelab.data.example import Example
from clozelab.data.frame import Frame
from clozelab.data.masking import Masker, Masking
from clozelab.data.passages import IS_NEXT, IS_RANDOM, Passages
from clozelab.errors import DataError
from clozelab.store.ragged import RaggedStore

BERT = Frame((2,), (3,), (3,), True, 3)
ROBERTA = Frame((2,), (3, 3), (3,), False, 3)
LENGTH = 60

Documents = list[list[list[int]]]
"""Pieces of every word of every sentence of every document."""
Build = Callable[..., Passages]


@pytest.fixture
def build(stored: Callable[..., RaggedStore], numbered: PreTrainedTokenizerFast, tmp_path: Path) -> Build:
    """Makes passages of documents."""

    def make(
        documents: Documents, *, pairs: bool = True, length: int = LENGTH, seed: int = 0, frame: Frame = BERT,
        prints: Sequence[int] | None = None, chosen: Sequence[int] | None = None, short: float = 0.0,
        join: bool = False, **masking: Any,
    ) -> Passages:  # fmt: skip
        store = stored(documents, prints)
        numbers = np.arange(len(documents)) if chosen is None else np.array(chosen)
        folder = tmp_path / f"anchors{len(list(tmp_path.iterdir()))}"
        write_anchors(folder, store, numbers.tolist(), Filling(length=length, join=join, short=short))
        counts = np.ones(len(numbered), dtype=np.int64)
        masker = Masker(masking=Masking(**masking), tokenizer=numbered, counts=counts)
        return Passages(
            store=store, documents=numbers, anchors=RaggedStore(folder), frame=frame, masker=masker,
            next_sentence=pairs, split="validation", seed=seed,
        )  # fmt: skip

    return make


def articles(number: int, sentences: int = 24, seed: int = 0) -> Documents:
    """Returns documents of sentences of 4 to 16 tokens, some words of several pieces."""
    draw = np.random.default_rng(seed)
    return [[draw.integers(1, 3, size=draw.integers(4, 9)).tolist() for _ in range(sentences)] for _ in range(number)]


def same(one: Example, other: Example) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in Example.__slots__)


def original(example: Example) -> NDArray[np.int64]:
    """Returns the ids as they were before tokens were masked."""
    ids = example.input_ids.copy()
    ids[example.positions] = example.targets
    return ids


def halves(example: Example) -> list[NDArray[np.int64]]:
    """Returns the two segments of a pair, having looked at what stands around them."""
    ids, second = original(example), example.second_segment
    assert (ids[0], ids[second - 1], ids[-1]) == (2, 3, 3)
    segments = [ids[1 : second - 1], ids[second:-1]]
    for segment in segments:
        assert len(segment), "no segment is empty"
        assert (np.diff(segment) == 1).all(), "text in one piece"
    return segments


def document_of(passages: Passages, token: int) -> int:
    """Returns the document that has a token, by its id."""
    return int(np.searchsorted(passages.ids.offsets, token - 5, side="right")) - 1


def drawn(passages: Passages, epochs: int) -> list[Example]:
    return [passages.draw(number, epoch) for epoch in range(epochs) for number in range(len(passages))]


@pytest.mark.parametrize("pairs", [False, True])
def test_what_is_to_be_predicted_is_what_stood_there(pairs: bool, build: Build) -> None:
    passages = build(articles(5), pairs=pairs)
    for example in drawn(passages, 2):
        size = len(original(example)) - (3 if pairs else 2)
        assert len(example.positions) == max(1, round(0.15 * size))
        assert (example.targets >= 5).all()
        assert (example.lengths == 1).all()
        assert example.target_ids.tolist() == [[example.number, place] for place in example.positions]
        assert len(example.input_ids) <= LENGTH + (3 if pairs else 2)
        assert (example.next_sentence is not None) == pairs


def test_every_token_is_read_once_an_epoch_in_its_order(build: Build) -> None:
    passages = build(articles(9), pairs=False)
    for epoch in (0, 7, None):
        examples = [original(passages.draw(number, epoch)) for number in range(len(passages))]
        assert all((ids[0], ids[-1]) == (2, 3) for ids in examples)
        read = np.concatenate([ids[1:-1] for ids in examples])
        assert read.tolist() == list(range(5, 5 + len(passages.ids.values)))


def test_a_separator_stands_between_joined_documents(build: Build) -> None:
    passages = build([[[1, 1, 1]], [[1, 1], [1, 1]], [[1] * 9]], pairs=False, join=True, length=10)
    examples = [original(passages.draw(number, 0)).tolist() for number in range(len(passages))]
    assert examples == [[2, 5, 6, 7, 3, 8, 9, 10, 11, 3], [2, *range(12, 21), 3]]
    assert passages.num_tokens().tolist() == [7, 9]


def test_passages_of_chosen_documents_are_of_these_only(build: Build) -> None:
    passages = build(articles(6), chosen=[1, 4])
    found = {document_of(passages, int(token)) for e in drawn(passages, 4) for half in halves(e) for token in half}
    assert found == {1, 4}


@pytest.mark.parametrize("short", [0.0, 0.1, 1.0])
def test_pairs_belong_together_or_are_of_two_documents(short: float, build: Build) -> None:
    passages = build(articles(12), short=short)
    whole = 0
    for example in drawn(passages, 5):
        first, second = halves(example)
        assert len(example.input_ids) <= LENGTH + 3
        documents = [document_of(passages, int(half[0])) for half in (first, second)]
        assert documents == [document_of(passages, int(half[-1])) for half in (first, second)]
        place, start, end = passages.anchors[example.number].tolist()
        own = range(passages.ids.offsets[place] + start + 5, passages.ids.offsets[place] + end + 5)
        if example.next_sentence == IS_NEXT:
            assert second[0] == first[-1] + 1
            assert (first[0], second[-1]) == (own[0], own[-1])
            whole += 1
        else:
            assert documents[0] != documents[1]
            assert place in documents
            assert (first[0] == own[0]) != (second[-1] == own[-1]), "one half stays"
    assert whole


@pytest.mark.slow
def test_half_of_the_pairs_belong_together_and_either_half_gives_way(build: Build) -> None:
    passages = build(articles(40))
    examples = drawn(passages, 25)
    labels = [example.next_sentence for example in examples]
    assert stats.binomtest(labels.count(IS_NEXT), len(labels)).pvalue > 0.001
    strange = [
        document_of(passages, int(halves(e)[0][0])) == passages.anchors[e.number][0]
        for e in examples if e.next_sentence == IS_RANDOM
    ]  # fmt: skip
    assert stats.binomtest(sum(strange), len(strange)).pvalue > 0.001


def test_both_halves_of_a_pair_are_whole_sentences(build: Build) -> None:
    passages = build(articles(12))
    edges = np.flatnonzero(np.append(passages.begins.values, 3) == 3) + 5
    for example in drawn(passages, 3):
        place, start, end = passages.anchors[example.number].tolist()
        if (passages.begins[place][start + 1 : end] == 3).any():
            for half in halves(example):
                assert half[0] in edges
                assert half[-1] + 1 in edges


def guessed(values: NDArray[np.int64], labels: NDArray[np.int64], shown: NDArray[np.bool_]) -> float:
    """Returns how often a label is guessed right from one number, by what the shown examples have taught."""
    counts = np.zeros((values.max() + 1, 2))
    np.add.at(counts, (values[shown], labels[shown]), 1)
    return float((counts[values[~shown]].argmax(1) == labels[~shown]).mean())


@pytest.mark.parametrize(
    ("length", "short"), [(60, 0.1), (9, 0.0), *(pytest.param(n, 0.0, marks=pytest.mark.slow) for n in (110, 20))]
)
def test_nothing_but_what_it_says_tells_whether_a_pair_belongs_together(
    length: int, short: float, build: Build
) -> None:
    """Shorter pairs of random halves would let a model answer without reading."""
    passages = build(articles(60, sentences=30), length=length, short=short)
    examples = drawn(passages, max(2, length // 6))
    pairs = [halves(example) for example in examples]
    labels = np.array([example.next_sentence for example in examples])
    shown = np.array([passages.anchors[example.number][0] % 2 == 0 for example in examples])
    marks = np.append(passages.begins.values, 3)
    clues = {
        "length": [len(first) + len(second) for first, second in pairs],
        "first half": [len(first) for first, _ in pairs],
        "second half": [len(second) for _, second in pairs],
        "beginning of the first": [int(marks[first[0] - 5]) for first, _ in pairs],
        "beginning of the second": [int(marks[second[0] - 5]) for _, second in pairs],
        "end of the first": [int(marks[first[-1] - 4]) for first, _ in pairs],
        "end of the second": [int(marks[second[-1] - 4]) for _, second in pairs],
    }
    accuracies = {name: guessed(np.array(values), labels, shown) for name, values in clues.items()}
    assert max(accuracies.values()) < 0.56, accuracies


def test_a_copy_of_a_document_is_no_other_document(build: Build) -> None:
    prints = [7] * 18 + [1, 2]
    passages = build(articles(20, sentences=8), prints=prints)
    negatives = 0
    for example in drawn(passages, 20):
        documents = [document_of(passages, int(half[0])) for half in halves(example)]
        if example.next_sentence == IS_RANDOM:
            assert prints[documents[0]] != prints[documents[1]]
            negatives += 1
    assert negatives > 300


@pytest.mark.parametrize(("number", "prints"), [(1, None), (3, [5, 5, 5])])
def test_there_must_be_two_different_documents_to_draw_pairs_from(
    number: int, prints: list[int] | None, build: Build
) -> None:
    with pytest.raises(DataError, match=r"data.next_sentence=true: the validation split has one document, or copies"):
        build(articles(number), prints=prints)
    assert len(build(articles(number), prints=prints, pairs=False))


@pytest.mark.slow
def test_all_tokens_are_read_about_equally_often_as_strange_halves_too(build: Build) -> None:
    passages = build(articles(20, sentences=30))
    read = np.zeros(len(passages.ids.values))
    strange = np.zeros(len(passages.ids.values))
    for example in drawn(passages, 120):
        own = passages.anchors[example.number][0]
        for half in halves(example):
            read[half - 5] += 1
            strange[half - 5] += document_of(passages, int(half[0])) != own
    # Those before the end of a document a little more often: what ends there goes on before a short last example.
    assert read.min() > 0.7 * read.mean()
    assert read.max() < 1.6 * read.mean()
    assert strange.min() > 0.25 * strange.mean()
    assert strange.max() < 3.5 * strange.mean()
    begins, ends = passages.ids.offsets[:-1], passages.ids.offsets[1:] - 1
    for distance in range(0, 120, 10):
        for places in (begins + distance, ends - distance):
            assert 0.7 * strange.mean() < strange[places].mean() < 1.55 * strange.mean()


@pytest.mark.slow
def test_every_place_is_masked_equally_often_over_the_epochs(build: Build) -> None:
    passages = build(articles(3), pairs=False)
    epochs = 600
    found = np.zeros(len(passages.ids.values))
    shares = np.zeros(len(passages.ids.values))
    for example in drawn(passages, epochs):
        found[example.targets - 5] += 1
        ids = original(example)[1:-1]
        shares[ids - 5] = len(example.targets) / len(ids)
    errors = (found - epochs * shares) / np.sqrt(epochs * shares * (1 - shares))
    assert np.abs(errors).max() < 4.5
    assert stats.kstest(errors, "norm").pvalue > 0.001


def test_every_epoch_has_the_same_examples_with_new_masks_splits_and_halves(build: Build) -> None:
    passages = build(articles(12))
    epochs = [[passages.draw(number, epoch) for number in range(len(passages))] for epoch in range(3)]
    for name in ("positions", "input_ids"):
        changed = [not np.array_equal(getattr(a, name), getattr(b, name)) for a, b in zip(*epochs[:2], strict=True)]
        assert np.mean(changed) > 0.99
    assert np.mean([a.second_segment != b.second_segment for a, b in zip(*epochs[:2], strict=True)]) > 0.5
    assert 0.3 < np.mean([a.next_sentence != b.next_sentence for a, b in zip(*epochs[1:], strict=True)]) < 0.7


def test_a_draw_depends_on_seed_epoch_and_number_only(build: Build) -> None:
    passages = build(articles(12))
    expected = {(number, epoch): passages.draw(number, epoch) for epoch in (None, 0, 1) for number in range(20)}
    order = np.random.default_rng(0).permutation(len(expected)).tolist()
    keys = list(expected)
    for key in (keys[place] for place in order):
        assert same(passages.draw(*key), expected[key])
    again = build(articles(12))
    assert all(same(again.draw(*key), example) for key, example in expected.items())
    other = build(articles(12), seed=1)
    assert not any(same(other.draw(n, e), example) for (n, e), example in expected.items() if e is not None)


def test_evaluation_sees_the_same_whatever_the_seed_and_no_epoch_sees_it(build: Build) -> None:
    one, other = build(articles(12)), build(articles(12), seed=2**63 + 1)
    for number in range(len(one)):
        assert same(one.draw(number, None), other.draw(number, None))
        assert not any(same(one.draw(number, None), one.draw(number, epoch)) for epoch in range(3))


@pytest.mark.slow
def test_processes_that_share_the_work_draw_the_same(build: Build) -> None:
    passages = build(articles(12))
    numbers, epochs = [*range(len(passages))] * 2, [0] * len(passages) + [3] * len(passages)
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        found = list(pool.map(passages.draw, numbers, epochs, chunksize=7))
    assert all(same(a, passages.draw(n, e)) for a, n, e in zip(found, numbers, epochs, strict=True))


def test_without_types_no_segment_is_the_second(build: Build) -> None:
    passages = build(articles(5), frame=ROBERTA)
    for example in drawn(passages, 2):
        ids = original(example)
        assert example.second_segment == len(ids)
        (gap,) = np.flatnonzero((ids[:-1] == 3) & (ids[1:] == 3))
        assert 1 < gap < len(ids) - 3


def test_a_sentence_that_fills_an_example_is_split_between_words(build: Build) -> None:
    documents: Documents = [[[2] * 60], [[2] * 60], [[3] * 40]]
    passages = build(documents, length=20)
    for example in drawn(passages, 20):
        for half in halves(example):
            assert passages.begins.values[half[0] - 5] > 0


def test_words_and_tokens_that_are_too_long_are_split_all_the_same(build: Build) -> None:
    passages = build([[[30]], [[30]], [[1]], [[2]]], length=8)
    for example in drawn(passages, 50):
        first, second = halves(example)
        assert len(first) + len(second) <= 8
        if passages.anchors[example.number].tolist() == [2, 0, 1]:
            assert example.next_sentence == IS_RANDOM, "one token is nothing to split"


def test_a_document_shorter_than_what_it_stands_for_is_read_whole(build: Build) -> None:
    passages = build([[[1] * 5] * 12, [[1, 1], [1, 1]]], length=60)
    long = [example for example in drawn(passages, 60) if example.number == 0 and example.next_sentence == IS_RANDOM]
    strange = [half.tolist() for example in long for half in halves(example) if half[0] >= 65]
    assert len(strange) == len(long)
    assert {tuple(half) for half in strange} == {(65, 66, 67, 68)}


def test_whole_words_are_masked_in_both_segments(build: Build) -> None:
    passages = build([[[3] * 4] * 8] * 6, whole_words=True, rate=0.3)
    for example in drawn(passages, 5):
        assert len(example.positions) % 3 == 0
        words = example.targets.reshape(-1, 3)
        assert (words[:, 0] % 3 == 5 % 3).all()
        assert (np.diff(words, axis=1) == 1).all()


def test_there_may_be_no_document(build: Build) -> None:
    passages = build(articles(2), chosen=np.empty(0, dtype=np.int64), pairs=False)
    assert (len(passages), passages.num_tokens().tolist()) == (0, [])
