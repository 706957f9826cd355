"""Behaviour of entity scores: equal to seqeval and to a plain reference, in both modes, on corrupted tag sequences."""

import random
import warnings
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from seqeval.metrics.sequence_labeling import precision_recall_fscore_support
from seqeval.metrics.v1 import precision_recall_fscore_support as strict_scores
from seqeval.scheme import IOB2

from clozelab.metrics.entities import MODES, Counts, EntityCounter, cross_check, entity_metrics, is_iob2

TYPES = ["PER", "LOC", "ORG", "work-of-art"]
LABELS = ["O", *(f"{prefix}-{kind}" for kind in TYPES for prefix in "IB")]
Tags = list[str]
Entities = set[tuple[int, str, int, int]]


def clean(draw: random.Random) -> Tags:
    """Returns a well-formed sentence of 1 to 25 words."""
    tags: Tags = []
    for _ in range(draw.randint(1, 6)):
        tags += ["O"] * draw.randint(0, 2)
        kind = draw.choice(TYPES)
        tags += [f"B-{kind}", *[f"I-{kind}"] * draw.randint(0, 2)]
    return tags[draw.randint(0, len(tags) - 1) :] or ["O"]


def corrupt(tags: Tags, draw: random.Random, share: float) -> Tags:
    return [draw.choice(LABELS) if draw.random() < share else tag for tag in tags]


def corpora() -> list[tuple[list[Tags], list[Tags]]]:
    """Returns 60 corpora of 25 (gold, predicted) sentences, from untouched to wholly random; gold is corrupted too."""
    draw = random.Random(0)
    result = []
    for number in range(60):
        share = number / 59
        sentences = [clean(draw) for _ in range(25)]
        gold = [corrupt(tags, draw, share if number % 2 else 0.0) for tags in sentences]
        result.append((gold, [corrupt(tags, draw, share) for tags in sentences]))
    return result


CORPORA = corpora()


def flatten(sentences: Sequence[Tags], labels: Sequence[str] = LABELS) -> NDArray[np.int64]:
    return np.array([labels.index(tag) for tags in sentences for tag in tags], dtype=np.int64)


def starts(sentences: Sequence[Tags]) -> NDArray[np.bool_]:
    return np.array([i == 0 for tags in sentences for i in range(len(tags))], dtype=np.bool_)


def reference(sentences: Sequence[Tags], mode: str) -> Entities:
    """Returns (sentence, type, first word, last word) of every entity, word by word."""
    found: Entities = set()
    for number, tags in enumerate(sentences):
        place = 0
        while place < len(tags):
            prefix, _, kind = tags[place].partition("-")
            end = place + 1
            if prefix != "O":
                while end < len(tags) and tags[end] == f"I-{kind}":
                    end += 1
                if prefix == "B" or mode == "conlleval":
                    found.add((number, kind, place, end - 1))
            place = end
    return found


def metrics(gold: Sequence[Tags], predicted: Sequence[Tags]) -> dict[str, float]:
    return entity_metrics(LABELS, flatten(gold), flatten(predicted), starts(gold))


def seqeval_metrics(gold: list[Tags], predicted: list[Tags]) -> dict[str, float]:
    """Returns what seqeval makes of it, under our names."""
    result = {}
    kinds = sorted({tag[2:] for tags in (*gold, *predicted) for tag in tags if tag != "O"})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for mode, scores, options in (
            ("conlleval", precision_recall_fscore_support, {}),
            ("strict", strict_scores, {"scheme": IOB2}),
        ):
            columns = scores(gold, predicted, average=None, zero_division=0, **options)[:3]
            overall = scores(gold, predicted, average="micro", zero_division=0, **options)[:3]
            present = entity_types(gold, predicted, mode)
            assert set(present) <= set(kinds)
            for name, column, whole in zip(("precision", "recall", "f1"), columns, overall, strict=True):
                result[f"{name}_{mode}"] = float(whole)
                values = {f"{name}_{mode}/{kind}": float(x) for kind, x in zip(present, column, strict=True)}
                result.update(values)
    return result


def entity_types(gold: list[Tags], predicted: list[Tags], mode: str) -> list[str]:
    return sorted({kind for _, kind, _, _ in reference(gold, mode) | reference(predicted, mode)})


def test_there_are_more_than_a_thousand_corrupted_sequences() -> None:
    assert sum(len(gold) for gold, _ in CORPORA) >= 1000
    broken = [
        tags
        for gold, predicted in CORPORA
        for tags in (*gold, *predicted)
        if reference([tags], "strict") != reference([tags], "conlleval")
    ]
    assert len(broken) >= 500, "sequences on which the modes differ"


@pytest.mark.parametrize("number", range(len(CORPORA)))
def test_precision_recall_and_f1_equal_seqevals_overall_and_per_type_in_both_modes(number: int) -> None:
    gold, predicted = CORPORA[number]
    ours, theirs = metrics(gold, predicted), seqeval_metrics(gold, predicted)
    assert {name: ours[name] for name in theirs} == pytest.approx(theirs, abs=1e-12)
    missing = {name: value for name, value in ours.items() if name not in theirs}
    assert all(value == 0.0 for value in missing.values()), missing


@pytest.mark.parametrize("mode", MODES)
def test_entities_equal_those_of_a_plain_reference(mode: str) -> None:
    counter = EntityCounter(labels=LABELS)
    sentences = [tags for gold, predicted in CORPORA for tags in (*gold, *predicted)]
    expected = reference(sentences, mode)
    offset = np.concatenate([[0], np.cumsum([len(tags) for tags in sentences])])
    found: Entities = set()
    spans = counter.spans(flatten(sentences), starts(sentences), mode)
    for kind, first, end in spans.tolist():
        sentence = int(np.searchsorted(offset, first, side="right")) - 1
        found.add((sentence, counter.types[kind], first - int(offset[sentence]), end - 1 - int(offset[sentence])))
    assert len(spans) == len(found)
    assert found == expected


@pytest.mark.parametrize("mode", MODES)
def test_counts_equal_those_of_a_plain_reference(mode: str) -> None:
    for gold, predicted in CORPORA:
        counts = EntityCounter(labels=LABELS).count(flatten(gold), flatten(predicted), starts(gold), mode)
        ours, theirs = reference(gold, mode), reference(predicted, mode)
        assert counts[""] == Counts(len(ours), len(theirs), len(ours & theirs))
        for kind in TYPES:
            sizes = [sum(entity[1] == kind for entity in entities) for entities in (ours, theirs, ours & theirs)]
            assert counts[kind] == Counts(*sizes)


CASES: list[tuple[str, list[str], list[str]]] = [
    # sentences parted by |, conlleval entities, strict entities (words counted through all sentences)
    ("", [], []),
    ("O", [], []),
    ("O O | O", [], []),
    ("B-PER", ["PER 0-1"], ["PER 0-1"]),
    ("I-PER", ["PER 0-1"], []),
    ("O I-PER I-PER O", ["PER 1-3"], []),
    ("B-PER I-LOC", ["PER 0-1", "LOC 1-2"], ["PER 0-1"]),
    ("B-PER I-LOC I-PER", ["PER 0-1", "LOC 1-2", "PER 2-3"], ["PER 0-1"]),
    ("B-PER I-PER I-LOC I-LOC", ["PER 0-2", "LOC 2-4"], ["PER 0-2"]),
    ("I-PER B-PER I-PER", ["PER 0-1", "PER 1-3"], ["PER 1-3"]),
    ("B-PER B-PER", ["PER 0-1", "PER 1-2"], ["PER 0-1", "PER 1-2"]),
    ("B-PER O I-PER", ["PER 0-1", "PER 2-3"], ["PER 0-1"]),
    ("B-PER | I-PER", ["PER 0-1", "PER 1-2"], ["PER 0-1"]),
    ("O B-PER I-PER | B-PER I-PER O", ["PER 1-3", "PER 3-5"], ["PER 1-3", "PER 3-5"]),
    ("O B-PER | I-PER | I-PER", ["PER 1-2", "PER 2-3", "PER 3-4"], ["PER 1-2"]),
    ("B-LOC I-LOC", ["LOC 0-2"], ["LOC 0-2"]),
]


@pytest.mark.parametrize(("text", "conlleval", "strict"), CASES)
def test_entities_begin_and_end_where_they_should(text: str, conlleval: list[str], strict: list[str]) -> None:
    sentences = [part.split() for part in text.split("|")]
    counter = EntityCounter(labels=LABELS)
    for mode, expected in zip(MODES, (conlleval, strict), strict=True):
        spans = counter.spans(flatten(sentences), starts(sentences), mode)
        assert [f"{counter.types[kind]} {first}-{end}" for kind, first, end in spans.tolist()] == expected


def test_an_entity_is_right_only_with_its_type_and_both_its_ends() -> None:
    gold = [["B-PER", "I-PER", "O"]]
    for predicted in (["B-PER", "O", "O"], ["B-LOC", "I-LOC", "O"], ["O", "B-PER", "O"], ["B-PER", "I-PER", "I-PER"]):
        assert metrics(gold, [predicted])["f1_conlleval"] == 0.0
    assert metrics(gold, gold)["f1_strict"] == 1.0


def test_entities_at_the_same_place_of_different_sentences_are_not_confused() -> None:
    scores = metrics([["B-PER", "O"], ["O", "O"]], [["O", "O"], ["B-PER", "O"]])
    assert scores["f1_conlleval"] == 0.0


@pytest.mark.parametrize(
    ("gold", "predicted"), [([], []), ([["O", "O"]], [["O", "O"]]), ([["O"]], [["B-PER"]]), ([["B-PER"]], [["O"]])]
)
def test_a_ratio_without_a_denominator_is_zero(gold: list[Tags], predicted: list[Tags]) -> None:
    scores = metrics(gold, predicted)
    assert set(scores.values()) == {0.0}
    assert len(scores) == 3 * 2 * (1 + len(TYPES))


def test_the_order_of_the_labels_does_not_matter() -> None:
    gold, predicted = CORPORA[20]
    shuffled = random.Random(1).sample(LABELS, len(LABELS))
    ours = entity_metrics(shuffled, flatten(gold, shuffled), flatten(predicted, shuffled), starts(gold))
    assert ours == metrics(gold, predicted)


def test_a_type_that_no_word_begins_is_still_a_type() -> None:
    labels = ["O", "B-X", "I-Y"]
    gold, predicted = np.array([1, 2, 0]), np.array([1, 0, 2])
    counts = EntityCounter(labels=labels).count(gold, predicted, np.array([True, False, False]), "conlleval")
    assert counts == {"": Counts(2, 2, 1), "X": Counts(1, 1, 1), "Y": Counts(1, 1, 0)}


def test_a_long_corpus_is_counted_without_overflow() -> None:
    gold = np.tile(flatten([["B-work-of-art", "O"]]), 600_000)
    first = np.arange(len(gold)) % 2 == 0
    counts = EntityCounter(labels=LABELS).count(gold, gold, first, "strict")
    assert counts[""] == counts["work-of-art"] == Counts(600_000, 600_000, 600_000)


def test_sequences_of_different_length_are_an_error() -> None:
    with pytest.raises(AssertionError):
        EntityCounter(labels=LABELS).count(np.array([0]), np.array([0, 0]), np.array([True]), "strict")


def test_the_check_against_seqeval_accepts_our_scores_and_finds_wrong_ones() -> None:
    gold, predicted = CORPORA[31]
    arguments = (LABELS, flatten(gold), flatten(predicted), starts(gold))
    right = metrics(gold, predicted)
    cross_check(*arguments, right)
    for mode in MODES:
        with pytest.raises(AssertionError, match=f"f1_{mode}"):
            cross_check(*arguments, {**right, f"f1_{mode}": right[f"f1_{mode}"] + 1e-6})


@pytest.mark.parametrize("sentences", [[["O", "O"]], [["O"], ["I-PER"]], [["B-PER"]]])
def test_the_check_against_seqeval_can_do_without_entities(sentences: list[Tags]) -> None:
    tags = flatten(sentences)
    cross_check(LABELS, tags, tags, starts(sentences), metrics(sentences, sentences))


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["O", "B-PER", "I-PER"], True),
        (["B-PER"], True),
        (["O", "B-a-b"], True),
        ([], False),
        (["O"], False),
        (["O", "I-PER"], False),
        (["O", "B-PER", "PER"], False),
        (["O", "B-PER", "E-PER"], False),
        (["O", "B-PER", "B-"], False),
        (["NN", "VB", "B-PER"], False),
        (["o", "B-PER"], False),
        (["", "B-PER"], False),
    ],
)
def test_entity_labels_are_told_from_plain_tags(labels: list[str], expected: bool) -> None:
    assert is_iob2(labels) is expected


@pytest.mark.parametrize("mode", MODES)
def test_counts_of_sentences_add_up_to_the_counts_of_all(mode: str) -> None:
    counter = EntityCounter(labels=LABELS)
    for gold, predicted in CORPORA:
        tags = flatten(gold), flatten(predicted), starts(gold)
        whole = counter.count(*tags, mode)  # type: ignore[arg-type]
        parts = counter.count_by_sentence(*tags, mode)  # type: ignore[arg-type]
        assert parts.shape == (len(gold), len(TYPES), 3)
        for i, name in enumerate(counter.types):
            assert Counts(*parts[:, i].sum(0).tolist()) == whole[name]
        one = 7
        alone = counter.count(
            flatten(gold[one : one + 1]), flatten(predicted[one : one + 1]), starts(gold[one : one + 1]), mode
        )  # type: ignore[arg-type]
        assert Counts(*parts[one].sum(0).tolist()) == alone[""]


def test_sentences_without_entities_count_nothing() -> None:
    counter = EntityCounter(labels=LABELS)
    tags = flatten([["O", "O"], ["O"]])
    assert counter.count_by_sentence(tags, tags, starts([["O", "O"], ["O"]]), "strict").sum() == 0
