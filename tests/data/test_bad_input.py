"""Bad input is refused with file, line and reason, or handled and counted; nothing is guessed in silence."""

import gzip
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from transformers import AutoTokenizer

from clozelab.data.auto import Auto
from clozelab.data.words import Words
from clozelab.errors import DataError
from clozelab.store.local import Local

Run = Callable[..., tuple[int, str, str]]


def jsonl(*rows: Any) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def parquet(**columns: Any) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue().to_pybytes()


GOOD = {"tokens": ["Ada", "met"], "tags": ["B-PER", "O"]}

# (name of the file, content, overrides, line or 0, part of the reason)
REFUSED: dict[str, tuple[str, bytes, list[str], int, str]] = {
    "an empty file": ("a.conll", b"", [], 0, "the test split has no sentence"),
    "only blank lines": ("a.conll", b"\n \n\t\n\n", [], 0, "the test split has no sentence"),
    "only document borders": ("a.conll", b"-DOCSTART- O\n\n-DOCSTART- O\n", [], 0, "has no sentence"),
    "an empty jsonl": ("a.jsonl", b"\n", [], 0, "has no sentence"),
    "a csv with a header only": ("a.csv", b"tokens,tags\n", [], 0, "has no sentence"),
    "a missing column": ("a.conll", b"Ada B-PER\nmet\n", [], 2, "1 columns, expected 2"),
    "one column only": ("a.conll", b"\nAda\nmet\n", [], 2, "one column only"),
    "one column too many": ("a.conll", b"Ada B-PER\nmet VB O\n", [], 2, "3 columns, expected 2"),
    "tabs for a declared blank": ("a.conll", b"Ada\tO\n", ["data.format.separator=' '"], 1, "one column only"),
    "an empty tag": ("a.conll", b"a O\nAda \n", ["data.format.separator=' '"], 2, "empty tag"),
    "an empty word": ("a.conll", b"a O\n O\n", ["data.format.separator=' '"], 2, "empty word"),
    "invalid UTF-8": ("a.conll", b"a O\nZ\xfcrich B-LOC\n", [], 2, "not UTF-8"),
    "UTF-16": ("a.conll", "a O\n".encode("utf-16"), [], 1, "not UTF-8"),
    "a NUL": ("a.conll", b"a O\nb\0 O\n", [], 2, "NUL character"),
    "a tag of no scheme": ("a.conll", b"Ada B-PER\nmet X-PER\n", [], 2, "'X-PER' is no tag of the scheme iob2"),
    "a tag of another scheme": ("a.conll", b"a O\nAda E-PER\n", ["data.scheme=iob2"], 2, "of the scheme iob2"),
    "too few tags": ("a.jsonl", jsonl(GOOD, {"tokens": ["a", "b"], "tags": ["O"]}), [], 2, "2 words but 1 tags"),
    "more tags than words": ("a.csv", b"tokens,tags\na b,O O\na,O O\n", [], 3, "1 words but 2 tags"),
    "a row without the column": ("a.jsonl", jsonl(GOOD, {"tokens": ["a"]}), [], 2, "no column 'tags'"),
    "a misspelt column": ("a.jsonl", jsonl(GOOD), ["data.format.words=token"], 1, "Did you mean 'tokens'?"),
    "no column of words at all": ("a.jsonl", jsonl({"x": 1}), [], 1, "which column holds words"),
    "broken JSON": ("a.jsonl", jsonl(GOOD) + b"{'tokens'\n", [], 2, "not JSON"),
    "a JSON array": ("a.json", json.dumps([GOOD]).encode(), [], 1, "must be one JSON object a line"),
    "half of a surrogate pair": ("a.jsonl", b'{"tokens": ["\\ud800"], "tags": ["O"]}\n', [], 1, "surrogate"),
    "an escaped NUL": ("a.jsonl", b'{"tokens": ["a\\u0000"], "tags": ["O"]}\n', [], 1, "NUL"),
    "a word that is a number": ("a.jsonl", jsonl({"tokens": [1], "tags": ["O"]}), [], 1, "must be text, is 1"),
    "words that are text": ("a.jsonl", jsonl({"tokens": 5, "tags": ["O"]}), [], 1, "must be a list"),
    "no tag": ("a.jsonl", jsonl({"tokens": ["a"], "tags": [None]}), [], 1, "must be text or an integer, is None"),
    "an empty text as tag": ("a.jsonl", jsonl({"tokens": ["a"], "tags": [""]}), [], 1, "must be text or an integer"),
    "integers without names": ("a.jsonl", jsonl({"tokens": ["a"], "tags": [3]}), [], 1, "data.format.names"),
    "an integer without a name": (
        "a.jsonl", jsonl({"tokens": ["a"], "tags": [3]}), ["data.format.names=[O,B-PER]"], 1, "not among the 2 label"
    ),
    "a span outside the text": ("a.jsonl", jsonl({"text": "Ada", "spans": [[0, 9, "PER"]]}), [], 1, "is not within"),
    "a span without characters": ("a.jsonl", jsonl({"text": "Ada", "spans": [[1, 1, "PER"]]}), [], 1, "is not within"),
    "a label without end": ("a.jsonl", jsonl({"text": "a", "spans": [[0, 9, "X" * 9999]]}), [], 1, "is not within"),
    "a span of blanks": ("a.jsonl", jsonl({"text": "a  b", "spans": [[1, 3, "PER"]]}), [], 1, "holds no word"),
    "a span without a label": ("a.jsonl", jsonl({"text": "Ada", "spans": [[0, 3]]}), [], 1, "start, end, label"),
    "a span that is no number": ("a.jsonl", jsonl({"text": "Ada", "spans": [["0", 3, "X"]]}), [], 1, "start, end"),
    "a span without end": ("a.jsonl", jsonl({"text": "Ada", "spans": [{"start": 0, "label": "X"}]}), [], 1, "'end'"),
    "a column named twice": ("a.csv", b"tokens,tokens\na,O\n", [], 1, "names a column twice"),
    "a ragged row": ("a.csv", b"tokens,tags\na,O\na b,O O,x\n", [], 3, "3 columns, the header has 2"),
    "an open quote": ("a.csv", b'tokens,tags\n"a,O\n', [], 2, "not csv"),
    "a broken list": ("a.csv", b"tokens,tags\n[a b,O\n", [], 2, "not a list"),
    "no Parquet": ("a.parquet", b"PAR1 and no more", [], 0, "not a readable Parquet file"),
    "a Parquet with other columns": ("a.parquet", parquet(x=[1]), [], 1, "which column holds words"),
    "null in Parquet": ("a.parquet", parquet(tokens=[["a"], None], tags=[["O"], ["O"]]), [], 2, "must be a list"),
    "half a Parquet": ("a.parquet", parquet(tokens=[["a"]], tags=[["O"]])[:-9], [], 0, "not a readable Parquet file"),
    "UTF-16 without its mark": ("a.conll", "a O\n".encode("utf-16-le"), [], 1, "NUL character"),
    "line ends of old Macintoshs": ("a.conll", b"a O\rb B-PER\r\rc O\r", [], 1, "CR alone"),
    "a file that is packed": ("a.jsonl.gz", gzip.compress(jsonl(GOOD)), [], 1, "not UTF-8"),
    "a tag of 100,000 characters": ("a.conll", b"a O\nb X-" + b"x" * 100_000 + b"\n", [], 2, "is no tag of the scheme"),
    "JSON over many lines": ("a.json", json.dumps([GOOD], indent=1).encode(), [], 1, "a line must hold one object"),
    "too many brackets": ("a.jsonl", b"[" * 100_000 + b"\n", [], 1, "not JSON"),
    "a number without end": ("a.jsonl", b'{"tokens": ' + b"1" * 5000 + b"}\n", [], 1, "not JSON"),
    "a key named twice": ("a.jsonl", b'{"tokens": ["a"], "tokens": ["b"], "tags": ["O"]}\n', [], 1, "a key twice"),
    "half of a surrogate pair as tag": ("a.jsonl", b'{"tokens": ["a"], "tags": ["\\udc00"]}\n', [], 1, "in tags"),
    "an escaped NUL in a label": ("a.jsonl", b'{"text": "a", "spans": [[0, 1, "X\\u0000"]]}\n', [], 1, "NUL"),
    "another separator": ("a.csv", b"tokens;tags\na;O\n", [], 2, "data.format.separator"),
    "lists as numpy writes them": ("a.csv", b"tokens,tags\n['a' 'b'],['O' 'O']\n", [], 2, "a list without commas"),
    "an integer as text without a name": (
        "a.csv", b"tokens,tags\na b,0 2\n", ["data.format.names=[O,B-PER]"], 2, "tag 2 is not among the 2 label"
    ),
    "an integer below zero": (
        "a.jsonl", jsonl(GOOD, {"tokens": ["a"], "tags": [-100]}), ["data.format.names=[O,B-PER]"], 2, "tag -100 is not"
    ),
    "a misspelt column of sentences": (
        "a.csv", b"s,tokens,tags\n1,a,O\n1,b,O\n", ["data.format.sentence=sent"], 2, "no column 'sent'"
    ),
    "a row without a tag among those of a word each": (
        "a.csv", b"s,tokens,tags\n1,a,O\n,b,O\n\n,c,\n", ["data.format.sentence=s"], 5, "must be text or an integer"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_it_is_refused_with_file_line_and_reason_and_nothing_is_written(
    case: str, clozelab: Run, overrides: list[str], tmp_path: Path
) -> None:
    name, content, options, line, reason = REFUSED[case]
    path = tmp_path / name
    path.write_bytes(content)
    code, out, err = clozelab("train", *overrides, f"data.test={path}", *_shared(options, overrides, tmp_path))
    assert code == 2, out + err
    message = next(text for text in err.splitlines() if text.startswith("clozelab: "))
    assert message.startswith(f"clozelab: {path}:{line}: " if line else f"clozelab: {path}: "), message
    assert reason in message
    assert len(message) < len(str(path)) + 300
    assert "Traceback" not in err
    left = [p for p in (tmp_path / "outputs").rglob("*") if p.is_file()] if (tmp_path / "outputs").exists() else []
    assert left == []


def _shared(options: list[str], overrides: list[str], folder: Path) -> list[str]:
    """Returns overrides under which the other two splits are read well, too."""
    if not any(option.startswith("data.format.") for option in options):
        return options
    good = folder / "good.conll"
    good.write_text("Ada B-PER\nmet O\n")
    return [*options, f"data.train={good}", f"data.validation={good}"]


LONG = b"x" * 100_000
# (name of the file, content, words of its sentences, counts that are not zero)
HANDLED: dict[str, tuple[str, bytes, list[str], dict[str, int]]] = {
    "a byte order mark": ("a.conll", b"\xef\xbb\xbfAda B-PER\nmet O\n", ["Ada met"], {}),
    "a byte order mark in csv": ("a.csv", b"\xef\xbb\xbftokens,tags\nAda met,B-PER O\n", ["Ada met"], {}),
    "CRLF": ("a.conll", b"Ada B-PER\r\nmet O\r\n\r\nb O\r\n", ["Ada met", "b"], {}),
    "tabs and blanks": ("a.conll", b"Ada\tB-PER\nmet  O\n\t\nb \t O\n", ["Ada met", "b"], {}),
    "no newline at the end": ("a.conll", b"Ada B-PER\nmet O", ["Ada met"], {}),
    "I-PER after B-LOC": ("a.conll", b"Ada B-PER\nx B-LOC\ny I-PER\n", ["Ada x y"], {"tags_repaired": 1}),
    "I-PER at the start": ("a.conll", b"Ada I-PER\nx B-PER\ny B-LOC\n", ["Ada x y"], {"tags_repaired": 1}),
    "a word without a piece": ("a.conll", "\u200d O\nb B-X\n".encode(), ["\u200d b"], {"words_without_piece": 1}),
    "a word longer than a window": (
        "a.conll", b"a O\n" + LONG[:90] + b" B-X\n", ["a " + "x" * 90], {"words_cut": 1, "sentences_windowed": 1}
    ),
    "a word of 100,000 characters": ("a.conll", b"a B-X\n" + LONG + b" O\n", ["a " + "x" * 100_000], {}),
    "a repeated sentence": ("a.conll", b"Ada B-PER\n\nAda B-PER\n", ["Ada", "Ada"], {"sentences_repeated": 1}),
    "a repeated sentence with other tags": (
        "a.conll", b"Ada B-PER\n\nAda O\n\nAda B-PER\n", ["Ada"] * 3,
        {"sentences_repeated": 2, "sentences_repeated_with_other_tags": 1},
    ),
    "a span inside a word": (
        "a.jsonl", jsonl({"text": "Adas met", "spans": [[0, 3, "PER"]]}), ["Adas met"], {"spans_widened": 1}
    ),
    "a span over blanks beside its word": ("a.jsonl", jsonl({"text": " Ada ", "spans": [[0, 5, "PER"]]}), ["Ada"], {}),
    "overlapping spans": (
        "a.jsonl", jsonl({"text": "a b", "spans": [[2, 3, "X"], [0, 3, "LOC"]]}), ["a b"], {"spans_dropped": 1}
    ),
    "a row without words": ("a.jsonl", jsonl(GOOD, {"tokens": [], "tags": []}), ["Ada met"], {"sentences_empty": 1}),
    "a text of blanks": (
        "a.jsonl", jsonl({"text": "Ada", "spans": []}, {"text": " ", "spans": []}), ["Ada"], {"sentences_empty": 1}
    ),
    "an empty word in a list": (
        "a.jsonl", jsonl({"tokens": ["", "Ada"], "tags": ["O", "B-X"]}), [" Ada"], {"words_without_piece": 1}
    ),
    "a quotation mark in a column file": ("a.conll", b'" O\n"Ada B-PER\n', ['" "Ada'], {}),
    "a special token of the encoder": (
        "a.conll", b"[SEP] O\nb B-X\n", ["[SEP] b"], {"words_like_special_tokens": 1}
    ),
    "markup": ("a.conll", b"[bold] O\n<script> B-X\n", ["[bold] <script>"], {}),
    "a line separator inside a word": ("a.conll", "a\u2028b B-X\n".encode(), ["a\u2028b"], {}),
    "a text of many spans": (
        "a.jsonl", jsonl({"text": "Ada met Bo.", "spans": [[0, 3, "X"], [1, 2, "Y"], [8, 9, "X"], [3, 8, "X"]]}),
        ["Ada met Bo ."], {"spans_dropped": 1, "spans_widened": 1}
    ),
    "a cell over many lines": ("a.csv", b'tokens,tags\n"Ada\n met","[""B-X"",\n""O""]"\n', ["Ada met"], {}),
    "a no-break space in csv": ("a.csv", "tokens,tags\n10\u00a0000 b,O B-X\n".encode(), ["10\u00a0000 b"], {}),
    "blanks before a list": ("a.csv", b"tokens,tags\n\" ['a']\",\" ['O']\"\n", ["a"], {}),
    "blank lines between JSON lines": ("a.jsonl", b"\n \n" + jsonl(GOOD) + b"\n", ["Ada met"], {}),
}  # fmt: skip


def prepared(tiny_model: Path, train: Path, validation: Path, test: Path) -> Words:
    """Returns the three splits read and tokenised, in windows of 64 tokens."""
    module = Words(source=Local(), format=Auto(), train=str(train), validation=str(validation), test=str(test))
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    module.prepare(tokenizer=tokenizer, tokenizer_fingerprint="tiny", max_length=64, seed=0)
    module.use(packable=True)
    return module


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.conll"
    path.write_text("every B-PER\nriver O\n")
    return path


@pytest.mark.parametrize("case", HANDLED)
def test_it_is_handled_and_counted_and_every_word_is_scored_once(
    case: str, tiny_model: Path, good: Path, tmp_path: Path
) -> None:
    name, content, sentences, counts = HANDLED[case]
    path = tmp_path / name
    path.write_bytes(content)
    module = prepared(tiny_model, path, good, good)
    split = module.splits["train"]
    assert [" ".join(split.parts(i)) for i in range(split.num_units)] == sentences
    found = {key: count for key, count in module.counts["train"].items() if count and key != "documents"}
    assert found == counts
    places = [tuple(place) for batch in module.eval_dataloader("train") for place in batch.target_ids.tolist()]
    assert (
        len(set(places))
        == len(places)
        == module.num_targets("train")
        == sum(len(split.parts(i)) for i in range(len(sentences)))
    )


def test_sentences_of_a_split_that_training_has_too_are_counted_and_warned_of(
    tiny_model: Path, good: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = tmp_path / "other.conll"
    other.write_text("every O\nriver O\n\nnew B-PER\n\nold O\n")
    module = prepared(tiny_model, good, other, good)
    assert (module.counts["validation"]["sentences_in_train"], module.counts["test"]["sentences_in_train"]) == (1, 1)
    assert "leakage: 1 of the 3 validation sentences (33.3 %) are in the training split, too" in caplog.text
    assert "leakage: 1 of the 1 test sentences (100.0 %)" in caplog.text
    assert module.counts["test"]["sentences_in_validation"] == 1
    assert "test sentences (100.0 %) are in the validation split, too" in caplog.text


@pytest.mark.parametrize("tag", ["B-DOG", "I-DOG"])
def test_a_label_that_occurs_only_in_test_is_announced_and_scored(
    tag: str, tiny_model: Path, good: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = tmp_path / "other.conll"
    other.write_text(f"Ada {tag}\n")
    module = prepared(tiny_model, good, good, other)
    assert "labels of the test split that training lacks, scored as errors: B-DOG" in caplog.text
    assert module.spec.labels == ("B-DOG", "B-PER", "O")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    for ending in ("", ".jsonl", ".csv", ".parquet"):
        folder = tmp_path / f"folder{ending}"
        folder.mkdir()
        with pytest.raises(DataError) as caught:
            list(Auto().read(folder, Counter()))
        assert str(folder) in str(caught.value)


def test_a_corpus_of_such_files_trains_and_says_what_it_found(
    clozelab: Run, overrides: list[str], tmp_path: Path
) -> None:
    (tmp_path / "train.conll").write_bytes(b"\xef\xbb\xbfAda B-PER\r\nx B-LOC\r\ny I-PER\r\n\r\n" + LONG + b"\tO\r\n")
    (tmp_path / "dev.jsonl").write_bytes(jsonl({"text": "Adas met", "spans": [[0, 3, "PER"]]}))
    (tmp_path / "test.csv").write_bytes(b"id,tokens,tags\n1,Ada x y,B-PER O B-DOG\n2,,\n")
    files = [f"data.train={tmp_path}/train.conll", f"data.validation={tmp_path}/dev.jsonl"]
    code, _, err = clozelab("train", *overrides, *files, f"data.test={tmp_path}/test.csv", "trainer.max_epochs=1")
    assert code == 0, err
    assert "leakage: 1 of the 1 test sentences (100.0 %)" in err
    assert "labels of the test split that training lacks, scored as errors: B-DOG" in err
    for found in ("1 tags repaired", "1 spans widened", "1 sentences empty"):
        assert found in err
