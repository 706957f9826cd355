"""Documents as data of a run: splits, sizes, what is refused, and what a cache entry depends on."""

import logging
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer, models
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from clozelab.data.documents import BLOCK, Documents
from clozelab.data.labelled import Labelled
from clozelab.data.masking import Masking
from clozelab.data.plain import Plain
from clozelab.data.repeats import fingerprint
from clozelab.data.texts import Texts
from clozelab.errors import ConfigError, DataError
from clozelab.store.local import Local
from clozelab.types import DataSpec

WORDS = "the river report game city old new small green company".split()  # noqa: SIM905


@pytest.fixture(scope="module")
def tokenizer(tiny_model: Path) -> PreTrainedTokenizerFast:
    return AutoTokenizer.from_pretrained(tiny_model)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """100 documents, one a line, of 3 to 8 sentences."""
    draw = random.Random(0)
    path = tmp_path_factory.mktemp("corpus") / "corpus.txt"
    lines = [
        " ".join(
            " ".join(draw.choices(WORDS, k=draw.randint(3, 9))).capitalize() + "." for _ in range(draw.randint(3, 8))
        )
        for _ in range(100)
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def documents(train: Path, **options: Any) -> Documents:
    options.setdefault("format", Plain(begins="line"))
    options.setdefault("masking", Masking())
    return Documents(source=Local(), train=str(train), **options)


def prepared(
    tokenizer: PreTrainedTokenizerFast, train: Path, *, max_length: int = 32, seed: int = 0, **options: Any
) -> Documents:
    module = documents(train, **options)
    module.prepare(tokenizer=tokenizer, tokenizer_fingerprint="tiny", max_length=max_length, seed=seed)
    module.use(packable=True)
    return module


def prints(module: Documents | Texts, split: str) -> list[int]:
    return module.splits[split].fingerprints()[module.chosen[split]].tolist()


def stores() -> set[str]:
    from clozelab.store.cache import cache_dir

    return {path.name for path in (cache_dir() / "stores").glob("*") if path.is_dir()}


@pytest.mark.parametrize("options", [{}, {"next_sentence": True}, {"join": True}])
def test_batches_are_of_all_examples_and_none_is_too_long(
    options: dict[str, Any], tokenizer: PreTrainedTokenizerFast, corpus: Path
) -> None:
    module = prepared(tokenizer, corpus, **options)
    for split in ("train", "validation", "test"):
        batches = list(module.eval_dataloader(split))
        examples, numbers = module.examples(split)
        assert sorted(i for batch in batches for i in batch.example_ids.tolist()) == numbers.tolist()
        assert sum(batch.num_step_targets for batch in batches) == module.num_targets(split)
        sizes = [len(examples.draw(number, epoch).input_ids) for number in numbers for epoch in (None, 0)]
        assert max(sizes) <= 32
        assert max(sizes) > 24, "and they are filled"
        assert all((len(batch.next_sentence) > 0) == bool(options.get("next_sentence")) for batch in batches)


def test_a_spec_says_what_there_is(tokenizer: PreTrainedTokenizerFast, corpus: Path) -> None:
    spec: DataSpec = prepared(tokenizer, corpus, next_sentence=True).spec
    assert (spec.kind, spec.next_sentence, spec.numbers) == ("documents", True, False)
    assert dict(spec.num_examples) == {"train": 70, "validation": 10, "test": 20}
    assert not prepared(tokenizer, corpus).spec.next_sentence


@pytest.mark.parametrize("options", [{}, {"limit": 9}, {"fraction": 0.3}])
def test_tokens_are_counted_in_the_chosen_documents_of_training(
    options: dict[str, Any], tokenizer: PreTrainedTokenizerFast, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clozelab.data.documents.BLOCK", 100)
    assert BLOCK > 100
    module = prepared(tokenizer, corpus, **options)
    texts = {fingerprint(line): line for line in corpus.read_text().splitlines()}
    ids = [tokenizer(texts[number], add_special_tokens=False)["input_ids"] for number in prints(module, "train")]
    assert list(module.spec.class_counts) == np.bincount(np.concatenate(ids), minlength=len(tokenizer)).tolist()
    assert len(module.target_names()) == len(module.spec.class_counts)
    assert module.target_names()[4] == "[MASK]"


def labelled(path: Path, number: int = 90) -> Path:
    """Writes texts of three labels of unlike frequency, some twice, some under two labels, some without a token."""
    rows = [("\u200d", f"{i % 3}") if i % 10 == 9 else (f"new x{i % 80} game", "aab"[i % 3]) for i in range(number)]
    path.write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in rows))
    return path


@pytest.mark.parametrize(
    "options", [{}, {"fold": 3}, {"test_share": 0.5, "validation_share": 0.3}, {"validation": "validation.csv"}]
)
def test_splits_are_those_that_texts_draw_of_the_same_file(
    options: dict[str, Any], tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    """Adapted to the training texts and then fine-tuned on them, a model has not seen the test texts."""
    train = labelled(tmp_path / "train.csv")
    if "validation" in options:
        options = {"validation": str(labelled(tmp_path / "validation.csv", 20))}
    unlabelled = prepared(tokenizer, train, format=Labelled(), **options)
    texts = Texts(source=Local(), format=Labelled(), train=str(train), **options)
    texts.prepare(tokenizer=tokenizer, tokenizer_fingerprint="tiny", max_length=32, seed=1)
    nothing = fingerprint("\u200d")
    for split in ("train", "validation", "test"):
        assert prints(unlabelled, split) == [number for number in prints(texts, split) if number != nothing]
    assert not set(prints(unlabelled, "train")) & set(prints(texts, "test"))


def test_texts_of_a_pair_are_documents_of_their_own_in_the_same_split(
    tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    rows = [f"the x{i} wants a city\tnew x{i} met the game\ta" for i in range(40)]
    (tmp_path / "pairs.tsv").write_text("\n".join(["sentence1\tsentence2\tlabel", *rows, "only one\t \ta"]) + "\n")
    module = prepared(tokenizer, tmp_path / "pairs.tsv", format=Labelled(pair="sentence2"), max_length=64)
    found = {split: prints(module, split) for split in ("train", "validation", "test")}
    assert sum(map(len, found.values())) == 2 * 40 + 1, "an empty text is none"
    assert all(len(found[split]) for split in found)
    for i in range(40):
        first, second = fingerprint(f"the x{i} wants a city"), fingerprint(f"new x{i} met the game")
        (split,) = [name for name, own in found.items() if first in own]
        assert second in found[split]


@pytest.mark.parametrize("name", ["general", "more.other"])
def test_a_share_of_a_corpus_beside_would_do_nothing_and_is_refused(name: str, corpus: Path) -> None:
    other = documents(corpus, fraction=0.5)
    beside = {"general": other} if name == "general" else {"more": {"other": other}}
    with pytest.raises(ConfigError, match=rf"{name}\.fraction=0\.5: must be 1, .*{name}\.limit takes the first ones"):
        documents(corpus, **beside)


def test_numbers_to_predict_are_no_strata(tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    path = tmp_path / "train.csv"
    path.write_text("text,label\n" + "".join(f"new x{i},{i / 7}\n" for i in range(60)))
    unlabelled = prepared(tokenizer, path, format=Labelled(numbers=True))
    texts = Texts(source=Local(), format=Labelled(numbers=True), train=str(path))
    texts.prepare(tokenizer=tokenizer, tokenizer_fingerprint="tiny", max_length=32, seed=1)
    assert all(prints(unlabelled, split) == prints(texts, split) for split in ("train", "validation", "test"))


def test_a_given_split_is_not_drawn(
    tokenizer: PreTrainedTokenizerFast, corpus: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    test = tmp_path / "test.txt"
    test.write_text("A game.\nA river.\n")
    with caplog.at_level(logging.INFO):
        module = prepared(tokenizer, corpus, test=str(test))
    assert dict(module.spec.num_examples) == {"train": 90, "validation": 10, "test": 2}
    assert "drawn from the training file by content: validation" in caplog.text


def test_a_limit_takes_the_first_documents_and_a_fraction_some_of_training(
    tokenizer: PreTrainedTokenizerFast, corpus: Path
) -> None:
    whole = prepared(tokenizer, corpus)
    limited = prepared(tokenizer, corpus, limit=5)
    part = prepared(tokenizer, corpus, fraction=0.1)
    for split in ("train", "validation", "test"):
        assert prints(limited, split) == prints(whole, split)[:5]
    assert len(prints(part, "train")) == 7
    assert set(prints(part, "train")) < set(prints(whole, "train"))
    assert prints(part, "test") == prints(whole, "test")
    assert len(part.examples("train")[1]) < len(whole.examples("train")[1]) / 5
    assert prints(prepared(tokenizer, corpus, fraction=0.1, seed=5), "train") == prints(part, "train")


def test_documents_in_two_splits_are_said(
    tokenizer: PreTrainedTokenizerFast, corpus: Path, caplog: pytest.LogCaptureFixture
) -> None:
    module = prepared(tokenizer, corpus, test=str(corpus), validation=str(corpus))
    assert module.counts["test"]["documents_in_train"] == 100
    assert "leakage: 100 of the 100 test documents" in caplog.text


def test_evaluation_is_the_same_whatever_the_seed(tokenizer: PreTrainedTokenizerFast, corpus: Path) -> None:
    one, other = (prepared(tokenizer, corpus, seed=seed, next_sentence=True) for seed in (0, 1))
    for a, b in zip(one.eval_dataloader("test"), other.eval_dataloader("test"), strict=True):
        assert a.input_ids.tolist() == b.input_ids.tolist()
        assert a.next_sentence.tolist() == b.next_sentence.tolist()


def test_empty_documents_are_counted_and_left_out(
    tokenizer: PreTrainedTokenizerFast, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "a.txt"
    path.write_text("A game.\n\n\u200d\nA river.\n")
    with caplog.at_level(logging.INFO):
        module = prepared(tokenizer, path, validation=str(path), test=str(path))
    assert module.spec.num_examples["train"] == 2
    assert (module.counts["train"]["texts_empty"], module.counts["train"]["documents_without_tokens"]) == (1, 1)
    assert "train: 2 documents; in its file 1 texts empty, 1 documents without tokens" in caplog.text


@pytest.mark.parametrize("content", ["A game.\nA river.\n", "\u200d\n\u00ad\n"])
def test_a_split_without_a_document_is_refused(
    content: str, tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    path = tmp_path / "a.txt"
    path.write_text(content)
    for _ in range(2):  # a store in the cache does not change that
        with pytest.raises(DataError, match=r"a.txt: the (train|validation) split has no document") as refused:
            prepared(tokenizer, path)
    assert ("and 2 without; data.format" in str(refused.value)) == ("game" not in content)
    assert ("data.validation may name a file of its own" in str(refused.value)) == ("game" in content)


def test_pairs_of_a_split_with_one_document_are_refused(
    tokenizer: PreTrainedTokenizerFast, corpus: Path, tmp_path: Path
) -> None:
    test = tmp_path / "test.txt"
    test.write_text("A game. A river.\n")
    assert prepared(tokenizer, corpus, test=str(test))
    for split, options in (("test", {"test": str(test)}), ("train", {"limit": 1})):
        with pytest.raises(DataError, match=rf"next_sentence=true: the {split} split has one document, or copies"):
            prepared(tokenizer, corpus, next_sentence=True, **options)


@pytest.mark.parametrize(("pairs", "least"), [(False, 3), (True, 5)])
def test_a_length_that_special_tokens_fill_is_refused(
    pairs: bool, least: int, tokenizer: PreTrainedTokenizerFast, corpus: Path
) -> None:
    with pytest.raises(ConfigError, match=rf"data.max_length={least - 1}: must be {least} at least, for \d special"):
        prepared(tokenizer, corpus, max_length=least - 1, next_sentence=pairs)
    module = prepared(tokenizer, corpus, max_length=least, next_sentence=pairs, short=1.0, limit=5)
    examples, numbers = module.examples("train")
    assert {len(examples.draw(number, 0).input_ids) for number in numbers} == {least}


def test_a_length_over_the_encoders_is_refused(tokenizer: PreTrainedTokenizerFast, corpus: Path) -> None:
    with pytest.raises(ConfigError, match=r"data.max_length=64: the encoder takes 32 tokens at most"):
        documents(corpus, max_length=64).prepare(
            tokenizer=tokenizer, tokenizer_fingerprint="tiny", max_length=32, seed=0
        )


def test_tokenizers_that_do_not_serve_are_refused_before_anything_is_tokenised(
    tokenizers: Mapping[str, PreTrainedTokenizerFast], corpus: Path
) -> None:
    before = stores()
    bare = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.WordLevel({"a": 0}, unk_token="a")))
    with pytest.raises(ConfigError, match="puts no special tokens around texts"):
        prepared(bare, corpus)
    maskless = PreTrainedTokenizerFast(
        tokenizer_object=tokenizers["word_piece"].backend_tokenizer, sep_token="[SEP]", pad_token="[PAD]"
    )
    with pytest.raises(ConfigError, match="has no mask token, which masked language modelling needs"):
        prepared(maskless, corpus)
    assert stores() == before


def test_a_vocabulary_may_have_gaps(tokenizers: Mapping[str, PreTrainedTokenizerFast], corpus: Path) -> None:
    import json

    state = json.loads(tokenizers["word_piece"].backend_tokenizer.to_str())
    state["model"]["vocab"] = {t: i if i < 5 else i + 50 for t, i in state["model"]["vocab"].items()}
    roles = {f"{role}_token": f"[{role.upper()}]" for role in ("pad", "unk", "cls", "sep", "mask")}
    gaps = PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(json.dumps(state)), **roles)
    module = documents(corpus, masking=Masking(random=0.2, replacement="uniform"))
    module.prepare(tokenizer=gaps, tokenizer_fingerprint="gaps", max_length=32, seed=0)
    examples, numbers = module.examples("train")
    seen = np.concatenate([examples.draw(number, 0).input_ids for number in numbers])
    assert not np.isin(seen, range(5, 55)).any()
    assert module.target_names()[5:55] == [""] * 50


def test_a_file_of_unknown_words_is_refused(tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    path = tmp_path / "greek.txt"
    path.write_text("".join(f"ΘΨ{'Ω' * i}\n" for i in range(30)))
    with pytest.raises(ConfigError, match="does the tokenizer fit its language"):
        prepared(tokenizer, path)


def test_a_file_to_be_scored_of_unknown_words_is_refused_and_many_are_warned_of(
    tokenizer: PreTrainedTokenizerFast, corpus: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "greek.txt"
    path.write_text("ΘΨ ΩΩ.\nThe river ΘΨ.\n".replace(".", ""))
    prepared(tokenizer, corpus, test=str(path))
    assert "test: 60.0 % of the tokens are unknown to the tokenizer" in caplog.text
    with pytest.raises(ConfigError, match="the validation split has no ordinary token"):
        prepared(tokenizer, corpus, validation=str(path), test=str(corpus), limit=1)


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"short": 1.5}, "short"),
        ({"short": -0.1}, "short"),
        ({"max_length": 7}, "max_length"),
        ({"limit": 0}, "limit"),
        ({"fraction": 0}, "fraction"),
        ({"fold": 5}, "fold"),
        ({"test_share": 0.6}, "test_share"),
        ({"train": "nowhere.txt"}, "train"),
    ],
)
def test_wrong_values_are_refused(options: dict[str, Any], key: str, corpus: Path) -> None:
    train = corpus.parent / options.pop("train") if "train" in options else corpus
    with pytest.raises(ConfigError) as caught:
        documents(train, **options)
    assert caught.value.key == key


def test_pairs_are_not_joined_and_only_they_are_shortened(corpus: Path) -> None:
    assert not documents(corpus, next_sentence=True, join=True).join
    assert documents(corpus, next_sentence=False, short=0.5).short == 0


@pytest.mark.parametrize(
    ("options", "new"),
    [
        ({}, 0),
        ({"seed": 3}, 0),
        ({"batch_size": 4, "micro_batches": 2}, 0),
        ({"masking": Masking(rate=0.3, whole_words=True)}, 0),
        ({"limit": 1000}, 0),
        ({"max_length": 24}, 3),
        ({"join": True}, 3),
        ({"next_sentence": True}, 3),
        ({"next_sentence": True, "short": 0.3}, 3),
        ({"limit": 5}, 3),
        ({"fraction": 0.5}, 1),
        ({"fold": 1}, 6),
        ({"split_seed": 1}, 6),
        ({"validation_share": 0.3}, 6),
        ({"format": Plain(begins="file")}, None),
        ({"tokenizer_fingerprint": "other"}, 6),
    ],
)
def test_a_cache_entry_depends_on_what_is_in_it_and_on_nothing_else(
    options: dict[str, Any], new: int | None, tokenizer: PreTrainedTokenizerFast, corpus: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Three splits have tokenised documents and places of examples each."""
    monkeypatch.setenv("CLOZELAB_CACHE", str(tmp_path / "cache"))

    def run(**values: Any) -> None:
        told = {"tokenizer_fingerprint": "tiny", "max_length": 32, "seed": 0}
        told.update({name: values.pop(name) for name in list(values) if name in told})
        documents(corpus, **values).prepare(tokenizer=tokenizer, **told)

    run()
    before = stores()
    assert len(before) == 6
    if new is None:  # one document is not enough for three splits
        with pytest.raises(DataError, match="no document"):
            run(**options)
        return
    run(**options)
    assert len(stores() - before) == new


def test_a_file_that_changes_is_tokenised_anew(tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("".join(f"A game {i}.\n" for i in range(30)))
    first = prepared(tokenizer, path).spec
    path.write_text("".join(f"A game {i}. A river.\n" for i in range(30)))
    assert sum(prepared(tokenizer, path).spec.class_counts) > sum(first.class_counts)


def test_further_corpora_join_every_split(tokenizer: PreTrainedTokenizerFast, corpus: Path, tmp_path: Path) -> None:
    more = {name: tmp_path / f"{name}.txt" for name in ("train", "validation", "test")}
    for number, (name, path) in enumerate(more.items()):
        path.write_text("".join(f"{WORDS[number]} {WORDS[line]} {name}.\n" for line in range(number + 2)))
    files = {split: str(path) for split, path in more.items()}
    further = Documents(source=Local(), format=Plain(begins="line"), masking=Masking(), **files)
    alone, joined = prepared(tokenizer, corpus), prepared(tokenizer, corpus, more={"further": further})
    for number, split in enumerate(more):
        own = alone.splits[split].num_units
        assert joined.splits[split].num_units == own + number + 2
        ids, all_ids = (module.splits[split].store["input_ids"] for module in (alone, joined))
        assert np.array_equal(ids.values, all_ids.values[: len(ids.values)]), "its own first"
    assert alone.texts_key("train") != joined.texts_key("train")


def test_a_general_corpus_is_scored_by_its_test_split_up_to_its_own_limit(
    tokenizer: PreTrainedTokenizerFast, corpus: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.txt"
    other.write_text("".join(f"{word} river.\n" for word in WORDS))
    general = Documents(
        source=Local(), format=Plain(begins="line"), masking=Masking(), train=str(corpus),
        test=str(other), limit=3,
    )  # fmt: skip
    module = prepared(tokenizer, corpus, general=general, limit=2)
    assert tuple(module.evaluated) == ("validation", "test", "general")
    assert len(module.chosen["general"]) == 3
    assert tuple(documents(corpus).evaluated) == ("validation", "test")
    assert module.counts["general"] == {"documents_in_train": 0}
    examples, numbers = module.examples("general")
    assert [examples.draw(number, None).number for number in numbers.tolist()] == [0, 1, 2]
    assert module.num_targets("general") == 3


def test_general_documents_that_are_trained_on_are_said(
    tokenizer: PreTrainedTokenizerFast, corpus: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is forgotten of what is learnt."""
    general = Documents(
        source=Local(), format=Plain(begins="line"), masking=Masking(), train=str(corpus), test=str(corpus), limit=30
    )
    module = prepared(tokenizer, corpus, general=general)
    shared = module.counts["general"]["documents_in_train"]
    assert 0 < shared < 30
    assert f"leakage: {shared} of the 30 general documents" in caplog.text


def test_a_further_corpus_has_a_limit_of_its_own(tokenizer: PreTrainedTokenizerFast, corpus: Path) -> None:
    options: dict[str, Any] = {"source": Local(), "format": Plain(begins="line"), "masking": Masking()}
    further = Documents(**options, train=str(corpus), limit=3)
    joined = prepared(tokenizer, corpus, more={"further": further})
    assert joined.splits["train"].num_units == prepared(tokenizer, corpus).splits["train"].num_units + 3


def test_the_unigram_distribution_has_no_special_tokens(tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    path = tmp_path / "unknown.txt"
    path.write_text("".join(f"the river {word} 日本 日本.\n" for word in WORDS))
    module = documents(path, validation=str(path), test=str(path))
    spec = module.prepare(tokenizer=tokenizer, tokenizer_fingerprint="tiny", max_length=32, seed=0)
    assert sum(spec.class_counts) > 0
    assert [spec.class_counts[number] for number in tokenizer.all_special_ids] == [0] * len(tokenizer.all_special_ids)
