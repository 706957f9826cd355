"""Pairs of sentences of one document: half are neighbours, and nothing but the pairing tells which."""

from collections import Counter, defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer

from clozelab.data.coherence import Coherence
from clozelab.data.plain import Plain
from clozelab.data.texts import Texts
from clozelab.errors import ConfigError
from clozelab.store.local import Local
from clozelab.types import Text


def pairs_of(path: Path, counts: Counter[str] | None = None, sentences: int | None = None) -> list[Text]:
    form = Coherence(documents=Plain(begins="line"), sentences=sentences)
    return list(form.read(path, Counter() if counts is None else counts))


def write(folder: Path, lengths: list[int]) -> Path:
    """Writes a document a line, each of as many sentences, which say where they stand."""
    path = folder / "documents.txt"
    path.write_text("\n".join(" ".join(f"D{d} says {i}." for i in range(n)) for d, n in enumerate(lengths)))
    return path


def place(sentence: str) -> tuple[int, int]:
    document, _, number = sentence.rstrip(".").split()
    return int(document[1:]), int(number)


@given(st.lists(st.integers(1, 12), min_size=1, max_size=12))
def test_half_are_neighbours_in_order_and_the_others_are_not_next_to_each_other(
    tmp_path_factory: pytest.TempPathFactory, lengths: list[int]
) -> None:
    counts = Counter[str]()
    found = pairs_of(write(tmp_path_factory.mktemp("documents"), lengths), counts)
    for text in found:
        (document, first), (other, second) = map(place, text.segments)
        assert document == other
        assert (second == first + 1) if text.label == "coherent" else abs(second - first) > 1
    for number, length in enumerate(lengths):
        own = [text for text in found if place(text.segments[0])[0] == number]
        assert Counter(t.label for t in own) == (
            {"coherent": length - 1, "incoherent": length - 1} if length >= 5 else {}
        )
        for segment in (0, 1):  # each sentence stands in each place as often in either kind
            stand = [sorted(t.segments[segment] for t in own if t.label == kind) for kind in ("coherent", "incoherent")]
            assert stand[0] == stand[1]
    assert counts["documents_too_short"] == sum(length < 5 for length in lengths)


def test_the_pairs_follow_from_the_content_and_differ_between_documents(tmp_path: Path) -> None:
    path = write(tmp_path, [9] * 20)
    assert pairs_of(path) == pairs_of(path)
    distances = {place(t.segments[1])[1] - place(t.segments[0])[1] for t in pairs_of(path) if t.label == "incoherent"}
    assert len(distances) > 5
    assert {place(s)[1] for t in pairs_of(path, sentences=5) for s in t.segments} == set(range(5))


def test_no_sentence_is_in_two_splits_whatever_the_fold(tiny_model: Path, tmp_path: Path) -> None:
    path = write(tmp_path, [5, 6, 7, 8] * 10)
    for fold, split_seed in ((0, 0), (3, 0), (0, 5)):
        data = Texts(
            source=Local(), format=Coherence(documents=Plain(begins="line")), train=str(path), fold=fold,
            split_seed=split_seed,
        )  # fmt: skip
        tokenizer = AutoTokenizer.from_pretrained(tiny_model)
        spec = data.prepare(tokenizer=tokenizer, tokenizer_fingerprint="tiny", max_length=64, seed=0)
        assert spec.labels == ("coherent", "incoherent")
        assert spec.class_counts[0] == spec.class_counts[1]
        splits_of = defaultdict(set)
        for split, texts in data.splits.items():
            for i in range(texts.num_units):
                splits_of[place(texts.parts(i)[0])[0]].add(split)
        assert len(splits_of) == 40
        assert all(len(splits) == 1 for splits in splits_of.values())
        assert Counter(next(iter(s)) for s in splits_of.values()) == {"train": 28, "validation": 4, "test": 8}


def test_another_format_of_the_documents_is_another_key_of_the_cache() -> None:
    keys = []
    for ending in (".txt", ".md"):
        form = Coherence(documents=Plain(begins="file", ending=ending))
        keys.append(Texts(source=Local(), format=form, train=__file__).texts_key("train")["format"])
    assert keys[0]["documents"] == {
        "name": "Plain",
        "begins": "file",
        "pattern": None,
        "ending": ".txt",
        "fallback": None,
    }
    assert keys[0] != keys[1]


@pytest.mark.parametrize("sentences", [4, 0, -1])
def test_too_few_sentences_are_refused(sentences: int) -> None:
    with pytest.raises(ConfigError, match="sentences="):
        Coherence(documents=Plain(begins="file"), sentences=sentences)
