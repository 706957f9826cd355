"""Texts and pairs as examples: tokens, segments, truncation, drawn splits, numbers."""

import logging
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import processors
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from clozelab.data.labelled import Labelled
from clozelab.data.rescoring import Rescoring
from clozelab.data.texts import Texts
from clozelab.errors import ConfigError, DataError
from clozelab.store.local import Local


@pytest.fixture(scope="module")
def tokenizer(tiny_model: Path) -> PreTrainedTokenizerFast:
    return AutoTokenizer.from_pretrained(tiny_model)


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.tsv"
    rows = [
        f"{'new river ' * (i % 5 + 1)}\t{'old game ' * (i % 7)}x{i}\t{'no' if i % 4 else 'yes'}" for i in range(100)
    ]
    path.write_text("\n".join(["text\ttext_pair\tlabel", *rows]) + "\n")
    return path


def prepared(tokenizer: PreTrainedTokenizerFast, train: Path, max_length: int = 64, **options: Any) -> Texts:
    form = options.pop("format", Labelled())
    module = Texts(source=Local(), format=form, train=str(train), **options)
    module.prepare(tokenizer=tokenizer, tokenizer_fingerprint="tiny", max_length=max_length, seed=0)
    module.use(packable=True)
    return module


def test_an_example_is_what_the_tokenizer_makes_of_the_pair(tokenizer: PreTrainedTokenizerFast, pairs: Path) -> None:
    module = prepared(tokenizer, pairs)
    for split in ("train", "validation", "test"):
        for batch in module.eval_dataloader(split):
            for row, (place, example) in enumerate(
                zip(batch.first_token.tolist(), batch.example_ids.tolist(), strict=True)
            ):
                data = module.splits[split]
                expected = tokenizer(*data.parts(example))
                found = slice(place[1], place[1] + len(expected["input_ids"]))
                assert batch.input_ids[place[0], found].tolist() == expected["input_ids"]
                assert batch.token_type_ids[place[0], found].tolist() == expected["token_type_ids"]
                assert batch.target_lengths[row] == len(expected["input_ids"])
                assert batch.target_ids[row].tolist() == [example, 0]
                width = batch.input_ids.shape[1]
                assert batch.target_positions[row] == place[0] * width + place[1], "[CLS] carries the target"


def test_splits_that_are_not_given_are_drawn_and_every_text_is_in_one(
    tokenizer: PreTrainedTokenizerFast, pairs: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        module = prepared(tokenizer, pairs)
    assert dict(module.spec.num_examples) == {"train": 70, "validation": 10, "test": 20}
    assert "drawn from the training file by content: test, validation" in caplog.text
    texts = [tuple(split.parts(i)) for split in module.splits.values() for i in range(split.num_units)]
    assert len(set(texts)) == 100
    others = prepared(tokenizer, pairs, fold=1)
    assert not {tuple(others.splits["test"].parts(i)) for i in range(20)} & {
        tuple(module.splits["test"].parts(i)) for i in range(20)
    }


def test_another_split_seed_gives_other_splits_of_the_same_sizes(
    tokenizer: PreTrainedTokenizerFast, pairs: Path
) -> None:
    first, again, other = (prepared(tokenizer, pairs, split_seed=seed) for seed in (1, 1, 2))
    tests = [{tuple(m.splits["test"].parts(i)) for i in range(20)} for m in (first, again, other)]
    assert tests[0] == tests[1] != tests[2]
    assert dict(other.spec.num_examples) == {"train": 70, "validation": 10, "test": 20}


def test_a_given_split_is_not_drawn(tokenizer: PreTrainedTokenizerFast, pairs: Path, tmp_path: Path) -> None:
    test = tmp_path / "test.tsv"
    test.write_text("text\ttext_pair\tlabel\na\tb\tno\n")
    module = prepared(tokenizer, pairs, test=str(test))
    assert dict(module.spec.num_examples) == {"train": 90, "validation": 10, "test": 1}


@pytest.mark.parametrize("max_length", [8, 12, 20])
def test_longer_texts_are_cut_the_longer_segment_first_and_counted(
    max_length: int, tokenizer: PreTrainedTokenizerFast, pairs: Path
) -> None:
    module = prepared(tokenizer, pairs, max_length=max_length)
    cut = 0
    for split in module.splits.values():
        for i in range(split.num_units):
            whole = tokenizer(*split.parts(i))["input_ids"]
            kept = tokenizer(*split.parts(i), truncation="longest_first", max_length=max_length)
            assert split.input_ids[i].tolist() == kept["input_ids"]
            cut += len(whole) > max_length
    tokenizer.backend_tokenizer.no_truncation()
    assert sum(counts["texts_truncated"] for counts in module.counts.values()) == cut > 0


def test_numbers_are_targets_as_they_are(tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label\n" + "".join(f"new x{i},{i / 4}\n" for i in range(20)))
    module = prepared(tokenizer, path, format=Labelled(numbers=True))
    assert (module.spec.labels, module.spec.numbers, module.spec.class_counts) == (("value",), True, ())
    batches = [batch for split in module.splits for batch in module.eval_dataloader(split)]
    assert {batch.targets.dtype for batch in batches} == {torch.float32}
    assert sorted(value for batch in batches for value in batch.targets.tolist()) == [i / 4 for i in range(20)]


def test_a_label_that_limit_leaves_out_of_training_is_said(
    tokenizer: PreTrainedTokenizerFast, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label\n" + "".join(f"new x{i},{'abc'[i // 20]}\n" for i in range(60)))  # sorted
    module = prepared(tokenizer, path, limit=20)
    assert module.spec.class_counts == (14, 6, 0)
    assert "labels of the test split that training lacks, scored as errors: c" in caplog.text


def test_numbers_that_are_taken_for_classes_are_said(
    tokenizer: PreTrainedTokenizerFast, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label\n" + "".join(f"new x{i},{i % 2 + 0.5}\n" for i in range(40)))
    prepared(tokenizer, path)
    assert "the labels are numbers (0.5, 1.5 ...), taken for 2 classes; data.format.numbers=true" in caplog.text


def test_classes_are_counted_in_training(tokenizer: PreTrainedTokenizerFast, pairs: Path) -> None:
    module = prepared(tokenizer, pairs)
    assert module.spec.labels == ("no", "yes")
    assert sum(module.spec.class_counts) == 70
    assert abs(module.spec.class_counts[0] - 52) <= 1


def test_a_tokenizer_without_special_tokens_is_refused(tiny_model: Path, pairs: Path) -> None:
    bare = AutoTokenizer.from_pretrained(tiny_model)
    bare.backend_tokenizer.post_processor = processors.Sequence([])
    assert bare("\u200d")["input_ids"] == [], "nothing to read this text from"
    with pytest.raises(ConfigError, match="puts no special token before a text"):
        prepared(bare, pairs)


def test_a_split_without_a_text_is_refused(tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label\na,1\n")
    drawn = (
        "the validation split has no text, drawn with data.validation_share=0.1 and data.test_share=0.2 of each label"
    )
    with pytest.raises(DataError, match=drawn):
        prepared(tokenizer, path)


def test_files_of_which_one_has_pairs_and_another_has_not_are_refused(
    tokenizer: PreTrainedTokenizerFast, pairs: Path, tmp_path: Path
) -> None:
    test = tmp_path / "test.tsv"
    test.write_text("text\tlabel\na\tno\n")
    with pytest.raises(DataError, match=r"the train split has pairs of texts, the test split \(.*test.tsv\) has not"):
        prepared(tokenizer, pairs, test=str(test))


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"fold": 5}, "fold"),
        ({"fold": -1}, "fold"),
        ({"split_seed": -1}, "split_seed"),
        ({"test": "pairs.tsv", "fold": 1}, "fold"),
        ({"test": "pairs.tsv", "validation": "pairs.tsv", "split_seed": 1}, "split_seed"),
        ({"test_share": 0.6}, "test_share"),
        ({"validation_share": 0}, "validation_share"),
    ],
)
def test_wrong_values_are_refused(
    options: dict[str, Any], key: str, pairs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(pairs.parent)
    with pytest.raises(ConfigError) as caught:
        Texts(source=Local(), format=Labelled(), train=str(pairs), **options)
    assert caught.value.key == key


def test_of_other_data_only_what_is_scored_is_tokenised_and_as_it_would_be_drawn_from_the_file(
    tokenizer: PreTrainedTokenizerFast, pairs: Path
) -> None:
    drawn = prepared(tokenizer, pairs).splits["test"]
    for split in ("all", "test"):
        module = Texts(source=Local(), format=Labelled(), train=str(pairs))
        model = Rescoring(labels=["no", "yes"], splits=(split,), is_own=False)
        module.prepare(tokenizer=tokenizer, tokenizer_fingerprint="tiny", max_length=64, seed=0, rescoring=model)
        assert list(module.splits) == [split]
        assert module.splits[split].num_units == (100 if split == "all" else drawn.num_units)
    again = module.splits["test"]
    assert [again.parts(i) for i in range(again.num_units)] == [drawn.parts(i) for i in range(drawn.num_units)]


def test_a_mapping_may_name_what_only_another_split_has_and_nothing_that_none_has(
    tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    for split, labels in (("train", "ab"), ("test", "a")):
        (tmp_path / f"{split}.csv").write_text("text,label\n" + "".join(f"{label},{label}\n" for label in labels))
    for theirs, message in (("b", ""), ("c", "labels.c: the data have no such label. They have a, b")):
        files = {split: str(tmp_path / f"{split}.csv") for split in ("train", "test")}
        module = Texts(source=Local(), format=Labelled(), validation=files["test"], **files)
        model = Rescoring(labels=["a", "x"], mapping={theirs: "x"}, splits=("test",), is_own=False)
        with pytest.raises(ConfigError, match=message) if message else nullcontext():
            module.prepare(tokenizer=tokenizer, tokenizer_fingerprint="tiny", max_length=64, seed=0, rescoring=model)
