"""Behaviour of the error analysis: every entity counted once, under the right name, as a slow reading has it."""

import json
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clozelab.metrics.entities import entity_metrics
from clozelab.metrics.errors import (
    Tagged,
    analyse,
    compare,
    hardest_words,
    scores_by_familiarity,
    surface_forms,
)

TYPES = ("A", "B", "C")
KINDS = ("too_long", "too_short", "shifted", "split", "merged")
LABELS = ("B-LOC", "B-PER", "I-LOC", "I-PER", "O")
Span = tuple[int, int, int]
patient = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def disjoint(draw: st.DrawFn) -> list[Span]:
    """Draws spans over some twenty words, in order: gaps and lengths by turns."""
    spans, place = [], 0
    for gap, length, kind in draw(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 4), st.integers(0, 2)))):
        spans.append((kind, place + gap, place + gap + length))
        place += gap + length
    return spans


def words_in(span: Span) -> set[int]:
    return set(range(span[1], span[2]))


def category(span: Span, gold: Sequence[Span], predicted: Sequence[Span]) -> str:
    """Returns what became of a gold entity, by looking at every word of every entity."""
    touching = [other for other in predicted if words_in(other) & words_in(span)]
    if not touching:
        return "missed"
    if len(touching) > 1:
        return "split"
    (other,) = touching
    if words_in(other) == words_in(span):
        return f"{TYPES[span[0]]} {TYPES[other[0]]}"
    if sum(bool(words_in(own) & words_in(other)) for own in gold) > 1:
        return "merged"
    if words_in(other) > words_in(span):
        return "too_long"
    return "too_short" if words_in(other) < words_in(span) else "shifted"


@patient
@given(disjoint(), disjoint())
def test_every_gold_entity_is_in_the_one_category_that_a_word_by_word_reading_gives(
    gold: list[Span], predicted: list[Span]
) -> None:
    confusion, boundaries = compare(gold, predicted, TYPES)
    expected = Counter(category(span, gold, predicted) for span in gold)
    for kind in KINDS:
        assert boundaries[kind] == expected[kind]
    for row in TYPES:
        missed = [s for s in gold if TYPES[s[0]] == row and category(s, gold, predicted) == "missed"]
        assert confusion[row, "-"] == len(missed)
        for column in TYPES:
            assert confusion[row, column] == expected[f"{row} {column}"]
    found = sum(count for (row, _), count in confusion.items() if row != "-") + boundaries.total()
    assert found == len(gold), "each once"


@patient
@given(disjoint(), disjoint())
def test_every_spurious_entity_is_counted_once_under_its_type(gold: list[Span], predicted: list[Span]) -> None:
    confusion, _ = compare(gold, predicted, TYPES)
    taken = set().union(*map(words_in, gold))
    for number, name in enumerate(TYPES):
        assert confusion["-", name] == sum(s[0] == number and not words_in(s) & taken for s in predicted)
    assert confusion["-", "-"] == 0


@pytest.mark.parametrize(
    ("gold", "predicted", "confusion", "boundaries"),
    [
        ([(0, 2, 4)], [(0, 2, 4)], {("A", "A"): 1}, {}),
        ([(0, 2, 4)], [(1, 2, 4)], {("A", "B"): 1}, {}),
        ([(0, 2, 4)], [], {("A", "-"): 1}, {}),
        ([], [(2, 2, 4)], {("-", "C"): 1}, {}),
        ([(0, 2, 4)], [(0, 4, 6)], {("A", "-"): 1, ("-", "A"): 1}, {}),  # side by side is no overlap
        ([(0, 2, 4)], [(0, 2, 5)], {}, {"too_long": 1}),
        ([(0, 2, 4)], [(1, 1, 5)], {}, {"too_long": 1}),
        ([(0, 2, 5)], [(0, 2, 4)], {}, {"too_short": 1}),
        ([(0, 2, 5)], [(0, 3, 4)], {}, {"too_short": 1}),
        ([(0, 2, 4)], [(0, 3, 5)], {}, {"shifted": 1}),
        ([(0, 2, 4)], [(0, 1, 3)], {}, {"shifted": 1}),
        ([(0, 2, 4)], [(0, 2, 3), (0, 3, 4)], {}, {"split": 1}),
        ([(0, 2, 4), (0, 4, 6)], [(0, 2, 6)], {}, {"merged": 2}),
        ([(0, 2, 4), (1, 5, 6)], [(0, 3, 7)], {}, {"merged": 2}),
        # The first is split, the second shares its only prediction with the first.
        ([(0, 0, 4), (0, 4, 6)], [(0, 0, 2), (0, 3, 6)], {}, {"split": 1, "merged": 1}),
    ],
)
def test_examples_of_every_kind_are_named_as_they_should_be(
    gold: list[Span],
    predicted: list[Span],
    confusion: dict[tuple[str, str], int],
    boundaries: dict[str, int],
) -> None:
    assert compare(gold, predicted, TYPES) == (confusion, {**dict.fromkeys(KINDS, 0), **boundaries})


@patient
@given(disjoint(), disjoint(), st.sets(st.integers(0, 4)))
def test_the_parts_of_entities_by_familiarity_sum_to_the_whole(
    gold: list[Span], predicted: list[Span], known: set[int]
) -> None:
    words = [f"w{i % 5}" for i in range(1000)]
    seen = frozenset((f"w{i}",) for i in known) | {("w0", "w1"), ("w2", "w3", "w4")}
    parts = scores_by_familiarity(gold, predicted, words, seen)
    assert list(parts) == ["in_train", "out_of_train"]
    wholes = {"gold": len(gold), "predicted": len(predicted), "correct": len(set(gold) & set(predicted))}
    for name, whole in wholes.items():
        assert sum(part[name] for part in parts.values()) == whole
    own = [s for s in gold if tuple(words[s[1] : s[2]]) in seen]
    assert parts["in_train"]["gold"] == len(own)
    right = [s for s in own if s in predicted]
    assert parts["in_train"]["recall"] == (len(right) / len(own) if own else 0.0)


def tagged(text: str, *, loss: Sequence[float] = (), labels: Sequence[str] = LABELS) -> Tagged:
    """Reads `word/gold/predicted` triples; | parts sentences."""
    sentences = [[word.rsplit("/", 2) for word in part.split()] for part in text.split("|") if part.strip()]
    rows = [row for sentence in sentences for row in sentence]
    gold, predicted = (np.array([labels.index(row[i]) for row in rows], dtype=np.int64) for i in (1, 2))
    starts = np.array([i == 0 for sentence in sentences for i in range(len(sentence))], dtype=np.bool_)
    losses = np.array(loss or [0.0] * len(rows), dtype=np.float32)
    return Tagged(labels, gold, predicted, starts, [row[0] for row in rows], losses)


SPLIT = tagged(
    "Ada/B-PER/B-PER Byron/I-PER/O met/O/O Oslo/B-LOC/B-PER | Paris/B-LOC/B-LOC left/O/B-PER | Ada/B-PER/O",
    loss=[0.1, 3, 0.2, 5, 0.1, 3, 4],
)


def test_a_split_is_analysed_over_entities_and_no_entity_crosses_a_sentence() -> None:
    errors = analyse(SPLIT, frozenset({("Ada",), ("Paris",)}), num_hardest=2)
    assert errors["confusion"] == {"-": {"PER": 1}, "LOC": {"LOC": 1, "PER": 1}, "PER": {"-": 1}}
    assert errors["boundaries"] == {**dict.fromkeys(KINDS, 0), "too_short": 1}
    counts = {part: [scores[n] for n in ("gold", "predicted", "correct")] for part, scores in errors["seen"].items()}
    assert counts == {"in_train": [2, 2, 1], "out_of_train": [2, 2, 0]}
    assert [item["word"] for item in errors["hardest"]] == ["Oslo", "Ada"]
    assert json.loads(json.dumps(errors)) == errors, "plain values"


def test_the_counts_agree_with_the_metrics() -> None:
    errors = analyse(SPLIT, frozenset())
    whole = entity_metrics(LABELS, SPLIT.gold, SPLIT.predicted, SPLIT.starts)
    assert errors["seen"]["out_of_train"]["f1"] == whole["f1_conlleval"]
    diagonal = sum(row.get(name, 0) for name, row in errors["confusion"].items())
    assert diagonal == errors["seen"]["out_of_train"]["correct"]


def test_the_hardest_words_come_first_with_their_own_sentence() -> None:
    found = hardest_words(SPLIT, 4)
    assert [(item["word"], item["loss"]) for item in found] == [("Oslo", 5), ("Ada", 4), ("Byron", 3), ("left", 3)]
    assert [(item["place"], item["sentence"]) for item in found] == [
        (3, ["Ada", "Byron", "met", "Oslo"]), (0, ["Ada"]), (1, ["Ada", "Byron", "met", "Oslo"]),
        (1, ["Paris", "left"]),
    ]  # fmt: skip
    assert (found[0]["gold"], found[0]["predicted"]) == ("B-LOC", "B-PER")
    assert len(hardest_words(SPLIT, 100)) == 7
    assert all(item["sentence"][item["place"]] == item["word"] for item in hardest_words(SPLIT, 100))


def test_plain_tags_have_a_confusion_of_words_and_no_entities() -> None:
    split = tagged("a/DT/DT dog/NN/VB barks/VB/VB | a/DT/NN", labels=("DT", "NN", "VB"))
    errors = analyse(split, frozenset())
    assert errors.keys() == {"confusion", "hardest"}
    assert errors["confusion"] == {"DT": {"DT": 1, "NN": 1}, "NN": {"VB": 1}, "VB": {"VB": 1}}


@pytest.mark.parametrize("text", ["a/O/O dog/O/O | barks/O/O", ""])
def test_a_split_without_entities_has_no_errors(text: str) -> None:
    errors = analyse(tagged(text), frozenset({("Ada",)}))
    assert errors["confusion"] == {}
    assert errors["boundaries"] == dict.fromkeys(KINDS, 0)
    assert {scores["f1"] for scores in errors["seen"].values()} == {0.0}
    assert len(errors["hardest"]) == len(text.replace("|", "").split())


def test_surface_forms_are_the_distinct_entities_whatever_their_type_case_included() -> None:
    split = tagged("Ada/B-PER/O Byron/I-PER/O Ada/I-LOC/O ada/B-PER/O | Ada/B-LOC/O of/O/O Ada/B-PER/O")
    found = surface_forms(split.gold, split.starts, split.words, LABELS)
    assert found == {("Ada", "Byron"), ("Ada",), ("ada",)}
    plain = tagged("a/DT/DT", labels=("DT",))
    assert surface_forms(plain.gold, plain.starts, plain.words, plain.labels) == frozenset()


def test_words_that_look_like_markup_or_code_are_kept_as_they_are() -> None:
    words = ["[bold]", "[/red]", '"', "\\", "{0}", "%s", "\u202e", "🙂", ":smile:"]
    errors = analyse(tagged(" ".join(f"{word}/B-PER/O" for word in words)), frozenset())
    assert [item["word"] for item in errors["hardest"]] == words
    assert json.loads(json.dumps(errors, ensure_ascii=False))["hardest"][0]["sentence"] == words
