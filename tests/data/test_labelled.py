"""Texts and pairs from files with named columns."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import datasets
import pytest

from clozelab.data.labelled import Labelled
from clozelab.errors import ConfigError, DataError
from clozelab.types import Text


def read(path: Path, counts: Counter[str] | None = None, **options: Any) -> list[Text]:
    return list(Labelled(**options).read(path, Counter() if counts is None else counts))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", 'sentence1,sentence2,label\n"one, two",three,yes\nfour,"f ""i"" ve",no\n'),
        ("a.tsv", "label\tsentence2\tsentence1\nyes\tthree\tone, two\nno\tf \"i\" ve\tfour\n"),
        ("a.txt", "label\tsentence2\tsentence1\r\nyes\tthree\tone, two\r\nno\tf \"i\" ve\tfour\r\n"),
        ("a.jsonl", "".join(json.dumps({"sentence1": a, "sentence2": b, "label": c}) + "\n" for a, b, c in
                            (("one, two", "three", "yes"), ("four", 'f "i" ve', "no")))),
    ],
)  # fmt: skip
def test_pairs_are_read_from_every_kind_of_file(name: str, content: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(b"\xef\xbb\xbf" + content.encode())
    found = read(path)
    assert [(text.segments, text.label) for text in found] == [
        (("one, two", "three"), "yes"),
        (("four", 'f "i" ve'), "no"),
    ]


def test_an_empty_name_reads_no_pair(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("sentence1,sentence2,label\na,b,1\n")
    assert read(path, pair="") == [Text(("a",), "1", 2)]


def test_quotes_of_a_tab_separated_file_are_plain_characters(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text('Quality\t#1 String\t#2 String\n1\t"Open\tnever "closed\n0\tb\tc\n')
    found = read(path, text="#1 String", pair="#2 String", label="Quality")
    assert [text.segments for text in found] == [('"Open', 'never "closed'), ("b", "c")]


def test_ratings_become_classes_or_stay_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text("id\tsentiment\ttext\n1\t-2.5\tbad\n2\t0.1\tso\n3\t3\tgood\n")
    classes = read(path, label="sentiment", names=["-", "0", "+"], thresholds=[-0.5, 0.5])
    assert [text.label for text in classes] == ["-", "0", "+"]
    assert [text.label for text in read(path, label="sentiment", numbers=True)] == [-2.5, 0.1, 3.0]


def test_classes_are_named_as_a_dataset_of_the_hub_says(tmp_path: Path) -> None:
    kinds = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["neg", "pos"])})
    datasets.Dataset.from_dict({"text": ["a"], "label": [1]}, features=kinds).to_parquet(str(tmp_path / "a.parquet"))
    assert read(tmp_path / "a.parquet") == [Text(("a",), "pos", 1)]


def test_rows_without_any_text_are_counted_and_skipped(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label\n ,1\na,0\n")
    counts = Counter[str]()
    assert [text.segments for text in read(path, counts)] == [("a",)]
    assert counts == {"texts_empty": 1}


@pytest.mark.parametrize(
    ("content", "options", "line", "reason"),
    [
        ("text,label\na,\n", {}, 2, "no label"),
        ("x,y\na,b\n", {}, 2, "which column holds the text?"),
        ("text,y\na,b\n", {}, 2, "which column holds the label?"),
        ("text,label\na,b\n", {"text": "txt"}, 2, "Did you mean 'text'?"),
        ("text,label\na,b\n", {"numbers": True}, 2, "not a number"),
        ("text,label\na,7\n", {"names": ["n", "y"]}, 2, "not among the 2 names"),
        ("text,label\na,1\nb\n", {}, 3, "1 columns, the header has 2"),
    ],
)
def test_a_bad_row_is_refused_with_file_line_and_reason(
    content: str, options: dict[str, Any], line: int, reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.csv"
    path.write_text(content)
    with pytest.raises(DataError) as caught:
        read(path, **options)
    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("options", "key"), [({"kind": "xml"}, "kind"), ({"separator": "||"}, "separator"), ({"names": []}, "names")]
)
def test_wrong_options_are_refused(options: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Labelled(**options)
    assert caught.value.key == key


def test_an_empty_name_reads_no_label(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("text,label\none,yes\ntwo,\n")
    assert [(text.segments, text.label) for text in read(file, label="")] == [(("one",), ""), (("two",), "")]
    file.write_text("text,stars\none,3\n")
    with pytest.raises(DataError, match=r"which column holds the label\? .* \('' reads no label\)"):
        read(file)
