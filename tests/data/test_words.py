"""Behaviour of tokenised sentences in their store."""

import random
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from clozelab.data.conll import Conll
from clozelab.data.rescoring import Rescoring
from clozelab.data.split import Split
from clozelab.data.words import COUNTS, Words, build, read_split
from clozelab.errors import DataError
from clozelab.store.local import Local
from clozelab.types import Sentence

SIZES = {"scheme": "plain", "file": "f", "max_length": 32, "overlap": 8, "context": 0}
KEY = {"source": "made up"}
ODD = ["\u200d", "10\u00a0000", "日本", "x" * 300, "a\u2028b", "İ", "[SEP]"]


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A cache of the test's own."""
    monkeypatch.setenv("CLOZELAB_CACHE", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="module")
def tokenizer(tiny_model: Path) -> PreTrainedTokenizerFast:
    return AutoTokenizer.from_pretrained(tiny_model)


@pytest.fixture(scope="module")
def sentences() -> list[Sentence]:
    """Thirty sentences of 1 to 60 words, some of them odd."""
    draw = random.Random(0)
    vocabulary = ["the", "met", "river", "unknown", "q", *ODD]
    result = []
    for _ in range(30):
        words = tuple(draw.choice(vocabulary) for _ in range(draw.randint(1, 60)))
        result.append(Sentence(words, tuple(draw.choice(["O", "B-X", "I-X"]) for _ in words), 0))
    return result


def make(sentences: list[Sentence], tokenizer: PreTrainedTokenizerFast, **changes: Any) -> Split:
    arguments = {"key": KEY, **SIZES, **changes}
    return Split(store=build(lambda counts: sentences, tokenizer, **arguments), labels=["O", "B-X", "I-X"])


def test_words_and_tags_come_back_as_the_file_has_them(
    sentences: list[Sentence], tokenizer: PreTrainedTokenizerFast
) -> None:
    split = make(sentences, tokenizer)
    assert split.num_units == len(sentences)
    for i, sentence in enumerate(sentences):
        assert tuple(split.parts(i)) == sentence.words
        assert [("O", "B-X", "I-X")[label] for label in split.targets_of(i)] == list(sentence.tags)


def test_every_word_belongs_to_one_window_whose_target_is_its_tag(
    sentences: list[Sentence], tokenizer: PreTrainedTokenizerFast
) -> None:
    split = make(sentences, tokenizer)
    seen: list[tuple[int, int]] = []
    for window in range(len(split.input_ids)):
        sentence, words = split.owned(window)
        assert window in split.examples_of[sentence]
        assert len(words) == len(split.positions[window]) > 0
        assert split.targets(window).tolist() == [split.targets_of(sentence)[word] for word in words]
        assert len(split.input_ids[window]) <= 32
        seen += [(sentence, word) for word in words]
    assert seen == [(i, word) for i, sentence in enumerate(sentences) for word in range(len(sentence.words))]


def test_a_words_position_holds_its_first_piece(sentences: list[Sentence], tokenizer: PreTrainedTokenizerFast) -> None:
    split = make(sentences, tokenizer)
    for window in range(len(split.input_ids)):
        sentence, words = split.owned(window)
        for word, position in zip(words, split.positions[window], strict=True):
            alone = tokenizer(sentences[sentence].words[word], add_special_tokens=False)["input_ids"]
            assert split.input_ids[window][position] == (alone or [tokenizer.unk_token_id])[0]


def test_what_had_to_be_done_to_words_is_counted(tokenizer: PreTrainedTokenizerFast) -> None:
    words = ("the", "\u200d", "x" * 90, "met", "\u00ad")
    split = make([Sentence(words, ("O",) * 5, 0), Sentence(("the",), ("O",), 0)], tokenizer)
    counts = {"words_without_piece": 2, "words_cut": 1, "sentences_windowed": 1, "documents": 1}
    assert split.store.header["counts"] == {**dict.fromkeys(COUNTS, 0), **counts}


def test_label_ids_follow_the_labels_of_the_whole_data_not_of_the_split(tokenizer: PreTrainedTokenizerFast) -> None:
    sentences = [Sentence(("a", "b"), ("I-X", "O"), 0)]
    store = build(lambda counts: sentences, tokenizer, KEY, **SIZES)
    for labels in (["O", "I-X"], ["B-Y", "I-X", "B-X", "O"]):
        split = Split(store=store, labels=labels)
        assert split.targets_of(0).tolist() == [labels.index("I-X"), labels.index("O")]
        assert split.targets(0).dtype == np.int64


def test_a_label_that_is_not_among_the_labels_is_an_error(tokenizer: PreTrainedTokenizerFast) -> None:
    sentences = [Sentence(("a",), ("B-Z",), 0)]
    store = build(lambda counts: sentences, tokenizer, KEY, **SIZES)
    with pytest.raises(ValueError, match="B-Z"):
        Split(store=store, labels=["O"])


def test_the_second_time_nothing_is_read(sentences: list[Sentence], tokenizer: PreTrainedTokenizerFast) -> None:
    calls = []

    def read(counts: Counter[str]) -> list[Sentence]:
        calls.append(1)
        return sentences

    for _ in range(2):
        build(read, tokenizer, KEY, **SIZES)
    assert len(calls) == 1


@pytest.mark.parametrize("change", [{"key": {"source": "other"}}, {"max_length": 33}, {"overlap": 7}, {"context": 3}])
def test_whatever_changes_the_store_makes_another(
    change: dict[str, Any], sentences: list[Sentence], tokenizer: PreTrainedTokenizerFast, folder: Path
) -> None:
    make(sentences, tokenizer)
    make(sentences[:1], tokenizer, **change)
    stores = [path for path in (folder / "stores").iterdir() if not path.name.startswith(".")]
    assert len(stores) == 2
    assert make(sentences, tokenizer).num_units == len(sentences)
    assert make([], tokenizer, **change).num_units == 1


def test_a_reader_that_fails_leaves_no_store(
    sentences: list[Sentence], tokenizer: PreTrainedTokenizerFast, folder: Path
) -> None:
    def fail(counts: Counter[str]) -> list[Sentence]:
        raise DataError("broken")

    with pytest.raises(DataError, match="broken"):
        build(fail, tokenizer, KEY, **SIZES)
    assert not [path for path in (folder / "stores").iterdir() if not path.name.endswith(".lock")]
    assert make(sentences, tokenizer).num_units == len(sentences)


def test_a_split_without_a_sentence_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "empty.conll"
    path.write_text("-DOCSTART- O\n\n")
    with pytest.raises(DataError, match="the validation split has no sentence") as caught:
        read_split(Conll(columns=["word", "ner"], labels="ner"), path, "validation", Counter())
    assert str(path) in str(caught.value)


def test_a_run_that_finds_a_corpus_in_the_cache_hears_the_same_warnings(
    tokenizer: PreTrainedTokenizerFast, caplog: pytest.LogCaptureFixture
) -> None:
    odd = [Sentence(("a", "b"), ("B-X", "slip"), 0)]
    for _ in range(2):
        caplog.clear()
        build(lambda counts: odd, tokenizer, KEY, **{**SIZES, "scheme": None})
        assert "'slip' (sentence 1) has no prefix" in caplog.text


def test_of_other_data_only_what_is_scored_is_tokenised_in_the_scheme_that_the_training_split_shows(
    tokenizer: PreTrainedTokenizerFast, folder: Path
) -> None:
    # Alone, the test split looks like IOB2 with two entities of one word.
    texts = {"train": "a I-X\nb I-X\nc B-X\n", "validation": "a I-Y\n", "test": "a I-X\nb I-X\n\nc B-Y\n"}
    for split, text in texts.items():
        (folder / f"{split}.conll").write_text(text)
    files = {split: str(folder / f"{split}.conll") for split in texts}
    found = {}
    for model in (None, Rescoring(labels=["B-X", "B-Y", "I-X", "O"], splits=("test",), is_own=False)):
        module = Words(source=Local(), format=Conll(columns=["word", "ner"], labels="ner"), **files)
        module.prepare(tokenizer=tokenizer, tokenizer_fingerprint="t", max_length=32, seed=0, rescoring=model)
        split = module.splits["test"]
        found[model is None] = [[module.spec.labels[i] for i in split.targets_of(unit)] for unit in range(2)]
        assert list(module.splits) == (["test"] if model else ["train", "validation", "test"])
    assert found[True] == found[False] == [["B-X", "I-X"], ["B-Y"]]


def test_a_mapping_may_name_a_type_that_only_another_split_has(
    tokenizer: PreTrainedTokenizerFast, folder: Path
) -> None:
    for split, tag in (("train", "B-X"), ("validation", "B-Z"), ("test", "B-X")):
        (folder / f"{split}.conll").write_text(f"a {tag}\nb O\n")
    files = {split: str(folder / f"{split}.conll") for split in ("train", "validation", "test")}
    module = Words(source=Local(), format=Conll(columns=["word", "ner"], labels="ner"), **files)
    model = Rescoring(labels=["B-P", "O"], mapping={"X": "P", "Z": "P"}, splits=("test",), is_own=False)
    module.prepare(tokenizer=tokenizer, tokenizer_fingerprint="t", max_length=32, seed=0, rescoring=model)
    assert list(module.splits) == ["test"]
