"""A vocabulary of the corpus's own: the same from the same texts, in the form of BERT's."""

import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from transformers import AutoTokenizer, BertTokenizerFast

from clozelab.model.wordpiece import SPECIAL, _learn, wordpiece
from clozelab.types import Text

Run = Callable[..., tuple[int, str, str]]
DRAW = random.Random(0)
LETTERS = "abcdefgé"
WORDS = ["".join(DRAW.choices(LETTERS, k=DRAW.randint(2, 6))).capitalize() for _ in range(60)]


class Corpus:
    """Sentences of made-up words, most of which are about equally frequent, so that ties abound."""

    def __init__(self, name: str) -> None:
        self.name = name

    def texts(self, split: str, counts: Counter[str]) -> Iterator[Text]:
        draw = random.Random(1)
        for line in range(40):
            yield Text((" ".join(draw.choices(WORDS, k=8)) + " .", "[MASK] is a word"), "", line)

    def texts_key(self, split: str) -> dict[str, object]:
        return {"name": self.name, "split": split}


def learnt(name: str, vocab_size: int = 120, *, lowercase: bool = True) -> Path:
    return wordpiece(Corpus(name), vocab_size=vocab_size, lowercase=lowercase, max_length=64)


def test_a_learnt_tokenizer_is_bert_s_with_special_tokens_first() -> None:
    tokenizer = AutoTokenizer.from_pretrained(str(learnt("form")))
    assert isinstance(tokenizer, BertTokenizerFast)
    assert tokenizer.convert_ids_to_tokens(range(5)) == SPECIAL
    assert len(tokenizer) == 120
    assert tokenizer.model_max_length == 64
    assert tokenizer.tokenize(WORDS[0].upper()) == tokenizer.tokenize(WORDS[0])
    assert all(piece != "[UNK]" for word in WORDS for piece in tokenizer.tokenize(word))
    first = tokenizer("a b", "c")
    assert first["token_type_ids"][-1] == 1
    assert first["input_ids"][0] == tokenizer.cls_token_id


def test_upper_case_and_accents_are_kept_on_request() -> None:
    kept = AutoTokenizer.from_pretrained(str(learnt("cased", lowercase=False)))
    assert set("".join(kept.get_vocab())) & set("ABCDEFGÉé")
    lowered = AutoTokenizer.from_pretrained(str(learnt("uncased")))
    assert "é" not in "".join(lowered.get_vocab())


@pytest.mark.slow
def test_the_same_texts_give_the_same_vocabulary_in_every_process(tmp_path: Path) -> None:
    code = "from test_wordpiece import *; from clozelab.store.hashing import *; print(folder_digest(learnt('again')))"
    found = set()
    for number in range(3):
        environment = {
            **os.environ,
            "CLOZELAB_CACHE": str(tmp_path / str(number)),
            "PYTHONPATH": str(Path(__file__).parent),
        }
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        found.add(done.stdout)
    assert len(found) == 1


def test_it_is_learnt_once_and_anew_for_other_texts_or_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    first = learnt("once")
    with monkeypatch.context() as patch:
        patch.delattr(Corpus, "texts")
        assert learnt("once") == first
    assert len({learnt("other"), learnt("once", 110), learnt("once", lowercase=False), first}) == 4


def test_a_small_corpus_says_that_it_has_fewer_pieces(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        learnt("small", 5000)
    assert "asked were 5000; no more pieces occur twice" in caplog.text


def test_a_vocabulary_is_never_larger_than_asked_however_many_characters_there_are() -> None:
    texts = ["".join(map(chr, range(0x4E00, 0x4E00 + 300))) + " 一丁 一丁 一丁"] * 2
    vocabulary = _learn(lambda: texts, 100, lowercase=False, most=47)
    assert len(vocabulary) <= 100
    assert {"一", "##丁"} <= vocabulary.keys(), "the most frequent ones"
    tokenizer = BertTokenizerFast.from_pretrained(str(learnt("tiny", 15)))
    assert len(tokenizer) <= 15


def test_a_run_learns_saves_and_uses_a_vocabulary_of_its_own(clozelab: Run, tmp_path: Path) -> None:
    texts = tmp_path / "texts"
    texts.mkdir()
    draw = random.Random(2)
    for number in range(20):
        lines = [" ".join(draw.choices(WORDS, k=6)) + "." for _ in range(5)]
        (texts / f"{number}.txt").write_text(" ".join(lines), encoding="utf-8")
    arguments = [
        "train", "task=pretraining", "model=bert_tiny", "model.vocab_size=150", "model.max_length=64",
        "data=plain_files", f"data.train={texts}", "trainer.max_epochs=1", "logger=none", "num_threads=1",
        "callbacks.progress.enabled=false",
    ]  # fmt: skip
    code, _, err = clozelab(*arguments, f"output_dir={tmp_path / 'a'}")
    assert code == 0, err
    (run,) = (tmp_path / "a").glob("*/*/seed-*")
    config = json.loads((run / "model/config.json").read_text())
    tokenizer = AutoTokenizer.from_pretrained(str(run / "model"))
    assert config["vocab_size"] == len(tokenizer) <= 150
    assert clozelab("evaluate", str(run), "data.eval_batch_size=4")[0] == 0
    identity = json.loads((run / "run.json").read_text())["identity"]
    assert identity["model.vocab_size"] == 150
    code, _, err = clozelab("train", "model=bert_tiny", "model.vocab_size=5", "logger=none")
    assert (code, "model.vocab_size=5: must be null or an integer >= 100" in err) == (2, True)
