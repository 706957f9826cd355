"""Every architecture trains, windows and exports; packed where that is exact, padded where not, and said."""

import json
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transformers import AutoModelForTokenClassification, AutoTokenizer, PreTrainedTokenizerFast

from clozelab.data.alignment import special_tokens, windows, word_pieces
from clozelab.data.conll import Conll
from clozelab.errors import ConfigError
from clozelab.model.build import load_tokenizer

Run = Callable[..., tuple[int, str, str]]
Folder = Callable[[str], Path]

PACKED = ("bert", "electra", "distilbert", "albert", "roberta", "xlm-roberta", "modernbert")
PADDED = ("mpnet", "deberta-v2")
FIRST = ("bert", "roberta", "deberta-v2")
"""Of these, what the fast tests look at."""
METASPACE = tuple(f"metaspace {scheme}{end}" for scheme in ("always", "first", "never") for end in ("", " whole"))
NESTED = ("always behind white space", "never behind white space", "never behind punctuation", "bytes behind digits")
TOKENIZERS = (*PACKED, *PADDED, *METASPACE, *NESTED, "bytes", "bytes without a blank")

ODD = (
    "10\u00a0000",
    "\u00a0",
    "\u200d",
    "\ufe0f",
    "\u00ad",
    "\u0301",
    "\u2028",
    "👩\u200d👩\u200d👧",
    "antidis" * 12,
    "antidis" * 40,
)
WINDOW = 24


@pytest.fixture(scope="session")
def odd_file(conll_files: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The test split, and behind it sentences of odd words: without a piece, of white space only, very long."""
    file = tmp_path_factory.mktemp("odd") / "test.conll"
    odd = "".join(f"{word} O\n" for word in ODD)
    file.write_text(conll_files["test"].read_text() + f"\n{odd}\n\u200d O\n\n\u00a0 O\n", encoding="utf-8")
    return file


@pytest.mark.parametrize(
    "kind",
    [kind if kind in FIRST else pytest.param(kind, marks=pytest.mark.slow) for kind in (*PACKED, *PADDED)],
)
def test_an_architecture_trains_windows_and_exports_what_plain_transformers_computes(
    kind: str, clozelab: Run, overrides: list[str], encoder_folder: Folder, odd_file: Path, tmp_path: Path
) -> None:
    more = ["trainer.precision=32-true", "trainer.max_epochs=1", f"data.max_length={WINDOW}", f"data.test={odd_file}"]
    code, _, err = clozelab("train", *overrides, f"model.path={encoder_folder(kind)}", *more)
    assert code == 0, err
    (run,) = (tmp_path / "outputs").glob("*/*/seed-*")
    state = json.loads((run / "run.json").read_text())
    assert state["packed"] == (kind in PACKED)
    assert ("padded instead" in (run / "run.log").read_text()) == (kind in PADDED)
    assert state["data_counts"]["test"]["sentences_windowed"] > 0
    assert state["data_counts"]["test"]["words_cut"] > 0
    table = pq.read_table(run / "predictions" / "test.parquet").to_pydict()
    sentences = list(Conll(columns=["word", "ner"], labels="ner").read(odd_file, Counter()))
    assert [tuple(words) for words in table["words"]] == [s.words for s in sentences]
    assert [tuple(tags) for tags in table["gold"]] == [s.tags for s in sentences]
    assert [len(p) for p in table["prediction"]] == [len(s.words) for s in sentences]
    assert compare_with_plain(run / "model", table) > 5


def compare_with_plain(folder: Path, table: dict[str, list[Any]]) -> int:
    """Compares a run's predictions with those of its model in plain transformers; returns how many sentences."""
    model = AutoModelForTokenClassification.from_pretrained(str(folder)).eval()
    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    compared = 0
    for row, words in enumerate(table["words"]):
        encoded = tokenizer(words, is_split_into_words=True, return_tensors="pt")
        places = encoded.word_ids()
        if len(places) > WINDOW or not set(range(len(words))) <= set(places):
            continue  # windows, and words without a piece, are clozelab's alone
        with torch.no_grad():
            logits = model(**encoded).logits[0, [places.index(i) for i in range(len(words))]]
        probabilities = logits.softmax(-1)
        assert [model.config.id2label[int(i)] for i in probabilities.argmax(-1)] == table["prediction"][row]
        torch.testing.assert_close(probabilities.max(-1).values, torch.tensor(table["score"][row]), atol=1e-4, rtol=0)
        gold = torch.tensor([model.config.label2id[tag] for tag in table["gold"][row]])
        loss = torch.nn.functional.cross_entropy(logits, gold, reduction="sum")
        assert float(loss) == pytest.approx(float(torch.tensor(table["loss"][row]).sum()), abs=1e-3)
        compared += 1
    return compared


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_words_given_one_by_one_are_read_as_inside_a_sentence_after_reloading_too(
    kind: str, encoder_folder: Folder, tmp_path: Path
) -> None:
    folder = encoder_folder(kind)
    sentence = "Grace Hopper met 12 old company , x1 résumé in Oslo"
    inside = AutoTokenizer.from_pretrained(str(folder))(f"Grace {sentence}", add_special_tokens=False).tokens()
    tokenizer = load_tokenizer(folder)
    alone = tokenizer(sentence.split(), is_split_into_words=True, add_special_tokens=False).tokens()
    assert alone == inside[-len(alone) :]
    tokenizer.save_pretrained(str(tmp_path))
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    again = AutoTokenizer.from_pretrained(str(tmp_path))
    for text in (sentence.split(), list(ODD)):
        expected, found = tokenizer(text, is_split_into_words=True), again(text, is_split_into_words=True)
        assert dict(found) == dict(expected)
        assert found.word_ids() == expected.word_ids()


def test_a_tokenizer_that_reads_words_in_two_ways_is_refused(encoder_folder: Folder) -> None:
    """Behind white space, the scheme `first` marks the first word of a sentence alone."""
    with pytest.raises(ConfigError, match="otherwise than in a sentence"):
        load_tokenizer(encoder_folder("first behind white space"))


@pytest.fixture(scope="session")
def loaded(encoder_folder: Folder) -> Callable[[str], PreTrainedTokenizerFast]:
    """Loads a tokenizer, once."""
    return cache(lambda kind: load_tokenizer(encoder_folder(kind)))


ANY_WORD = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12),
    st.text(st.characters(categories=["Mn", "Cf", "Zs", "Zl", "So"]), min_size=1, max_size=4),
    st.sampled_from([*ODD, "<s>", "</s>x", "[SEP]", "[UNK]", "▁", "Ġ", "▁▁a", "##a", "ﬁ", "İ", "Oslo", "company", ","]),
    st.integers(20, 200).map(lambda n: "wa" * n),
)


@pytest.mark.parametrize("kind", TOKENIZERS)
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(words=st.lists(ANY_WORD, min_size=1, max_size=15), room=st.integers(1, 30), data=st.data())
def test_every_word_has_one_place_which_is_its_first_piece_or_the_unknown_token(
    kind: str, words: list[str], room: int, data: st.DataObject, loaded: Callable[[str], PreTrainedTokenizerFast]
) -> None:
    tokenizer = loaded(kind)
    counts: Counter[str] = Counter()
    (pieces,) = word_pieces(tokenizer, [words], counts)
    alone = [tokenizer([word], is_split_into_words=True, add_special_tokens=False)["input_ids"] for word in words]
    assert pieces == [ids or [tokenizer.unk_token_id] for ids in alone]
    assert counts["words_without_piece"] == sum(not ids for ids in alone)
    prefix, suffix = special_tokens(tokenizer)
    assert (prefix, suffix) == ([tokenizer.cls_token_id], [tokenizer.sep_token_id])
    overlap = data.draw(st.integers(0, room - 1))
    owned = []
    for window in windows(pieces, prefix, suffix, max_length=room + 2, overlap=overlap, counts=counts):
        owned += range(window.first_word, window.first_word + len(window.positions))
        first = [window.input_ids[place] for place in window.positions]
        assert first == [pieces[window.first_word + i][0] for i in range(len(first))]
    assert owned == list(range(len(words)))
