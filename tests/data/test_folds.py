"""Drawn splits: a pure function of content, without overlap, stratified, and with folds that cover everything."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from clozelab.data.folds import Subset, assign, texts_in
from clozelab.data.repeats import fingerprint
from clozelab.types import Text

CORPORA = st.lists(st.tuples(st.integers(0, 60), st.sampled_from("ab")), min_size=1, max_size=120)
SPLITS = ("train", "validation", "test")


def split(corpus: list[tuple[int, object]], fold: int = 0, seed: int = 0) -> dict[str, list[bool]]:
    prints = [fingerprint(str(text)) for text, _ in corpus]
    labels = [label for _, label in corpus]
    return {name: assign(prints, labels, Subset(name, 0.1, 0.2, fold, seed)) for name in SPLITS}


@given(CORPORA, st.integers(0, 4), st.integers(0, 3))
def test_every_text_is_in_one_split_and_equal_texts_in_the_same(
    corpus: list[tuple[int, object]], fold: int, seed: int
) -> None:
    found = split(corpus, fold, seed)
    where = [[name for name in SPLITS if found[name][i]] for i in range(len(corpus))]
    assert all(len(names) == 1 for names in where)
    assert len({(text, names[0]) for (text, _), names in zip(corpus, where, strict=True)}) == len(
        {t for t, _ in corpus}
    )


@settings(max_examples=50)
@given(CORPORA, st.randoms(use_true_random=False))
def test_neither_the_order_nor_repetition_decides(corpus: list[tuple[int, object]], draw: object) -> None:
    shuffled = [*corpus, *corpus[:3]]
    draw.shuffle(shuffled)  # type: ignore[attr-defined]
    first, second = split(corpus), split(shuffled)
    place = {text: [name for name in SPLITS if first[name][i]] for i, (text, _) in enumerate(corpus)}
    assert all(second[place[text][0]][i] for i, (text, _) in enumerate(shuffled))


@given(CORPORA, st.integers(0, 3))
def test_the_test_splits_of_all_folds_cover_every_text_once(corpus: list[tuple[int, object]], seed: int) -> None:
    times = [sum(split(corpus, fold, seed)["test"][i] for fold in range(5)) for i in range(len(corpus))]
    assert set(times) == {1}


def test_each_label_has_its_share() -> None:
    corpus: list[tuple[int, object]] = [(i, "spam" if i % 10 == 0 else "ham") for i in range(1000)]
    for fold in range(5):
        found = split(corpus, fold)
        for name, share in (("test", 0.2), ("validation", 0.1), ("train", 0.7)):
            counts = Counter(label for (_, label), is_in in zip(corpus, found[name], strict=True) if is_in)
            assert counts == {"ham": round(900 * share), "spam": round(100 * share)}


def test_numbers_are_no_strata() -> None:
    found = split([(i, float(i)) for i in range(100)])
    assert [sum(found[name]) for name in SPLITS] == [70, 10, 20]


def test_a_split_with_a_file_of_its_own_takes_nothing() -> None:
    prints = [fingerprint(str(i)) for i in range(100)]
    train = assign(prints, ["a"] * 100, Subset("train", 0.0, 0.2, 1))
    assert sum(train) == 80
    assert not any(assign(prints, ["a"] * 100, Subset("validation", 0.0, 0.2, 1)))


def test_another_split_seed_is_another_split_of_the_same_sizes_and_as_good_as_any_other() -> None:
    corpus: list[tuple[int, object]] = [(i, "spam" if i % 10 == 0 else "ham") for i in range(1000)]
    tests = [split(corpus, 0, seed)["test"] for seed in range(6)]
    assert tests[3] == split(corpus, 0, 3)["test"]
    assert {sum(test) for test in tests} == {200}
    for number, one in enumerate(tests):
        for other in tests[:number]:  # 40 texts in both are expected by chance
            assert 20 < sum(a and b for a, b in zip(one, other, strict=True)) < 60


def test_split_seed_0_is_the_order_of_the_fingerprints() -> None:
    prints = [fingerprint(str(i)) for i in range(100)]
    taken = [number for number, is_in in zip(prints, assign(prints, ["a"] * 100, TEST), strict=True) if is_in]
    assert sorted(taken) == sorted(prints)[:20]


TEST = Subset("test", 0.1, 0.2, 0)


class Grouped:
    """Ten texts, two of each group."""

    def read(self, path: Path, counts: Counter[str]) -> Iterator[Text]:
        for i in range(10):
            yield Text((f"text {i}",), "ab"[i % 2], i, (f"group {i // 2}",))


def test_texts_of_one_group_stay_together_whatever_their_labels() -> None:
    for seed in range(5):
        lines = [text.line for text in texts_in(Path(), Grouped(), Subset("test", 0.1, 0.2, 0, seed), Counter())]
        assert len(lines) == 2
        assert lines[0] // 2 == lines[1] // 2
