"""Behaviour of the datamodule."""

import logging
from itertools import chain
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from clozelab.data.conll import Conll
from clozelab.data.module import SPLITS
from clozelab.data.words import Words
from clozelab.errors import ConfigError, DataError
from clozelab.store.local import Local

TAGS = ("B-LOC", "B-ORG", "B-PER", "I-LOC", "I-ORG", "I-PER", "O")


@pytest.fixture(scope="module")
def tokenizer(tiny_model: Path) -> PreTrainedTokenizerFast:
    return AutoTokenizer.from_pretrained(tiny_model)


def make(files: dict[str, Path], **changes: Any) -> Words:
    arguments: dict[str, Any] = {split: str(files[split]) for split in SPLITS}
    conll = Conll(columns=["word", "ner"], labels="ner")
    return Words(**{"source": Local(), "format": conll, **arguments, **changes})


def prepared(files: dict[str, Path], tokenizer: PreTrainedTokenizerFast, **changes: Any) -> Words:
    module = make(files, **changes)
    module.prepare(tokenizer=tokenizer, tokenizer_fingerprint="tiny", max_length=128, seed=5)
    module.use(packable=True)
    return module


def attached(module: Words, step: int) -> Words:
    module.trainer = SimpleNamespace(global_step=step)
    return module


def test_a_task_learns_labels_sizes_and_licence(
    conll_files: dict[str, Path], tokenizer: PreTrainedTokenizerFast
) -> None:
    module = prepared(conll_files, tokenizer, license="CC0", citation="me")
    assert module.spec.labels == TAGS
    assert module.spec.num_examples == {"train": 60, "validation": 20, "test": 20}
    assert module.spec.pad_token_id == tokenizer.pad_token_id
    assert module.spec.about == {"license": "CC0", "citation": "me"}


@pytest.mark.parametrize("limit", [None, 1, 7, 1000])
def test_the_words_of_a_split_are_those_of_its_file(
    limit: int | None, conll_files: dict[str, Path], tokenizer: PreTrainedTokenizerFast
) -> None:
    module = prepared(conll_files, tokenizer, limit=limit)
    for split in SPLITS:
        blocks = conll_files[split].read_text().strip().split("\n\n")[1:][:limit]
        assert module.num_targets(split) == sum(len(block.splitlines()) for block in blocks)
        assert len(module.chosen[split]) == len(blocks)
        targets = [tuple(pair) for batch in module.eval_dataloader(split) for pair in batch.target_ids.tolist()]
        assert len(set(targets)) == len(targets) == module.num_targets(split)


def test_evaluation_loaders_read_their_own_split(
    conll_files: dict[str, Path], tokenizer: PreTrainedTokenizerFast
) -> None:
    module = prepared(conll_files, tokenizer, eval_batch_size=6)
    for loader, split in ((module.val_dataloader(), "validation"), (module.test_dataloader(), "test")):
        assert sum(len(batch.targets) for batch in loader) == module.num_targets(split)
        assert [len(batch.example_ids) for batch in loader] == [6, 6, 6, 2]
    assert module.num_targets("validation") != module.num_targets("test")


def test_training_goes_on_at_the_trainers_step(
    conll_files: dict[str, Path], tokenizer: PreTrainedTokenizerFast
) -> None:
    module = prepared(conll_files, tokenizer, batch_size=8, micro_batches=2)
    fresh = [batch.example_ids.tolist() for batch in attached(module, 0).train_dataloader()]
    later = [batch.example_ids.tolist() for batch in attached(module, 3).train_dataloader()]
    assert sorted(chain(*fresh)) == list(range(60))
    assert later == fresh[6:]


def test_a_share_of_the_training_sentences_is_drawn_once_for_all_seeds(
    conll_files: dict[str, Path], tokenizer: PreTrainedTokenizerFast
) -> None:
    chosen = {}
    for fraction in (0.1, 0.25, 0.5, 1.0, 0.001):
        module = prepared(conll_files, tokenizer, fraction=fraction)
        chosen[fraction] = module.chosen["train"].tolist()
        module.prepare(tokenizer=tokenizer, tokenizer_fingerprint="tiny", max_length=128, seed=6)
        assert module.chosen["train"].tolist() == chosen[fraction]
        assert module.spec.num_examples == {"train": len(chosen[fraction]), "validation": 20, "test": 20}
    assert [len(numbers) for numbers in chosen.values()] == [6, 15, 30, 60, 1]
    assert set(chosen[0.1]) < set(chosen[0.25]) < set(chosen[0.5]), "a larger share contains the smaller"
    assert all(numbers == sorted(set(numbers)) for numbers in chosen.values())
    assert chosen[0.5] != list(range(30)), "not the first ones"


def test_limit_and_fraction_are_both_kept(conll_files: dict[str, Path], tokenizer: PreTrainedTokenizerFast) -> None:
    module = prepared(conll_files, tokenizer, fraction=0.5, limit=4)
    half = prepared(conll_files, tokenizer, fraction=0.5)
    assert module.chosen["train"].tolist() == half.chosen["train"][:4].tolist()
    assert module.spec.num_examples == {"train": 4, "validation": 4, "test": 4}


def test_training_reads_the_chosen_sentences_and_no_others(
    conll_files: dict[str, Path], tokenizer: PreTrainedTokenizerFast
) -> None:
    module = attached(prepared(conll_files, tokenizer, fraction=0.2, max_length=24, overlap=4), 0)
    sentences = [s for batch in module.train_dataloader() for s in batch.target_ids[:, 0].tolist()]
    assert sorted(set(sentences)) == module.chosen["train"].tolist()
    assert len(sentences) == module.num_targets("train")
    assert max(len(row) for row in module.splits["train"].input_ids) <= 24
    assert len(module.splits["train"].input_ids) > 60, "some sentences are longer than a window"


def test_a_label_that_training_lacks_is_announced_and_scored(
    conll_files: dict[str, Path], tokenizer: PreTrainedTokenizerFast, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = tmp_path / "other.conll"
    other.write_text("Ada B-DOG\nmet O\n")
    with caplog.at_level(logging.WARNING):
        module = prepared({**conll_files, "test": other}, tokenizer)
    assert "labels of the test split that training lacks, scored as errors: B-DOG" in caplog.text
    assert module.spec.labels == tuple(sorted((*TAGS, "B-DOG")))
    (batch,) = module.test_dataloader()
    assert [module.spec.labels[i] for i in batch.targets] == ["B-DOG", "O"]
    labels = {module.spec.labels[i] for b in module.eval_dataloader("train") for i in b.targets}
    assert labels == set(TAGS)


def test_words_that_needed_care_are_announced(
    conll_files: dict[str, Path], tokenizer: PreTrainedTokenizerFast, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    odd = tmp_path / "odd.conll"
    odd.write_text(f"\u200d O\n{'x' * 99} O\n")
    with caplog.at_level(logging.INFO):
        prepared({**conll_files, "train": odd}, tokenizer, max_length=72)
    counts = "1 words without piece, 1 words cut, 1 sentences windowed"
    assert f"train: 1 sentences, 2 words; in its file {counts}" in caplog.text
    assert "validation: 20 sentences, " in caplog.text


def test_a_window_over_the_encoders_limit_is_refused(
    conll_files: dict[str, Path], tokenizer: PreTrainedTokenizerFast
) -> None:
    with pytest.raises(ConfigError, match="max_length=129: the encoder takes 128 tokens at most"):
        prepared(conll_files, tokenizer, max_length=129)


@pytest.mark.parametrize("limit", [8, 16, 40, 128])
def test_an_encoder_of_any_length_leaves_room_beside_the_overlap(
    limit: int, conll_files: dict[str, Path], tokenizer: PreTrainedTokenizerFast
) -> None:
    module = make(conll_files)
    module.prepare(tokenizer=tokenizer, tokenizer_fingerprint="tiny", max_length=limit, seed=0)
    assert max(int(split.input_ids.lengths().max()) for split in module.splits.values()) <= limit


def test_a_changed_file_is_read_again(
    conll_files: dict[str, Path], tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    own = tmp_path / "train.conll"
    for text, num_units in (("a O\n\nb B-X\n", 2), ("a O\n\nb B-X\n\nc O\n", 3)):
        own.write_text(text)
        module = prepared({**conll_files, "train": own}, tokenizer)
        assert module.spec.num_examples["train"] == num_units


def test_another_column_or_tokenizer_makes_another_store(
    tokenizer: PreTrainedTokenizerFast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOZELAB_CACHE", str(tmp_path))
    files = dict.fromkeys(SPLITS, tmp_path / "data.conll")
    files["train"].write_text("Ada NNP B-PER\n")
    for number, (labels, fingerprint) in enumerate([("pos", "a"), ("ner", "a"), ("ner", "b"), ("pos", "a")], 1):
        module = make(files, format=Conll(columns=["word", "pos", "ner"], labels=labels))
        module.prepare(tokenizer=tokenizer, tokenizer_fingerprint=fingerprint, max_length=128, seed=0)
        assert module.spec.labels == (("NNP",) if labels == "pos" else ("B-PER",))
        stores = [path for path in (tmp_path / "stores").iterdir() if not path.name.startswith(".")]
        assert len(stores) == 2 * min(number, 3), (
            "one for the split that shows the scheme, one for those that follow it"
        )


def test_a_broken_file_is_an_error_that_names_it(
    conll_files: dict[str, Path], tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    own = tmp_path / "broken.conll"
    own.write_text("a O\nb\n")
    with pytest.raises(DataError, match=r"broken\.conll:2"):
        prepared({**conll_files, "validation": own}, tokenizer)


@pytest.mark.parametrize(
    ("key", "changes"),
    [
        ("batch_size", {"batch_size": 0}),
        ("batch_size", {"batch_size": -3}),
        ("micro_batches", {"micro_batches": 0}),
        ("micro_batches", {"micro_batches": 9, "batch_size": 8}),
        ("eval_batch_size", {"eval_batch_size": 0}),
        ("overlap", {"overlap": -1}),
        ("overlap", {"max_length": 71, "overlap": 32}),
        ("max_length", {"max_length": 7, "overlap": 0}),
        ("limit", {"limit": 0}),
        ("fraction", {"fraction": 0.0}),
        ("fraction", {"fraction": 1.1}),
        ("fraction", {"fraction": float("nan")}),
        ("train", {"train": "/absent/train.conll"}),
        ("validation", {"validation": "absent.conll"}),
        ("test", {"test": ""}),
    ],
)
def test_a_value_that_cannot_be_right_is_refused_by_name(
    key: str, changes: dict[str, Any], conll_files: dict[str, Path]
) -> None:
    with pytest.raises(ConfigError) as caught:
        make(conll_files, **changes)
    assert caught.value.key == key
    assert str(caught.value).startswith(f"{key}={changes[key]!r}")


@pytest.mark.parametrize("changes", [{"micro_batches": 8, "batch_size": 8}, {"max_length": 72}, {"fraction": 1e-9}])
def test_values_at_the_border_are_accepted(changes: dict[str, Any], conll_files: dict[str, Path]) -> None:
    make(conll_files, **changes)


def test_sentences_are_numbered_in_the_files_order(
    conll_files: dict[str, Path], tokenizer: PreTrainedTokenizerFast
) -> None:
    module = prepared(conll_files, tokenizer)
    blocks = conll_files["test"].read_text().strip().split("\n\n")[1:]
    for number in np.arange(20):
        assert module.splits["test"].parts(number) == [line.split()[0] for line in blocks[number].splitlines()]
