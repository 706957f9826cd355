"""The format of a file is known by its ending and its first lines."""

import json
import logging
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from clozelab.data.auto import Auto
from clozelab.errors import ConfigError, DataError

EXPECTED = [(("Ada", "met"), ("B-PER", "O")), (("x",), ("O",))]


def read(path: Path, **options: Any) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    return [(s.words, s.tags) for s in Auto(**options).read(path, Counter())]


@pytest.mark.parametrize("name", ["a", "a.txt", "a.conll", "a.iob", "a.tsv", "a.bio2"])
@pytest.mark.parametrize("separator", [" ", "\t", "  "])
@pytest.mark.parametrize("between", [[], ["NNP"], ["NNP", "I-NP"]], ids=len)
def test_of_conll_columns_the_first_is_the_word_and_the_last_the_tag(
    name: str, separator: str, between: list[str], tmp_path: Path
) -> None:
    lines = [
        ["-DOCSTART-", *between, "O"],
        [],
        ["Ada", *between, "B-PER"],
        ["met", *between, "O"],
        [],
        ["x", *between, "O"],
    ]
    (tmp_path / name).write_text("\n".join(separator.join(line) for line in lines) + "\n")
    assert read(tmp_path / name) == EXPECTED


def test_named_columns_may_stand_in_any_order(tmp_path: Path) -> None:
    path = tmp_path / "a.conll"
    path.write_text("B-PER;NNP;Ada\nO;V;met\n\nO;x;x\n")
    assert read(path, columns=["ner", "pos", "word"], labels="ner", separator=";") == EXPECTED
    assert [tags for _, tags in read(path, columns=["ner", "pos", "word"], separator=";")] == [("NNP", "V"), ("x",)]


def test_comments_are_skipped_where_they_are_declared(tmp_path: Path) -> None:
    path = tmp_path / "a.conll"
    path.write_text("# id 7\nAda B-PER\nmet O\n\n# id 8 x\nx O\n")
    assert read(path, comment="# ") == EXPECTED
    with pytest.raises(DataError, match=r"a\.conll:2: 2 columns, expected 3"):
        read(path)


@pytest.mark.parametrize("name", ["a.jsonl", "a.JSON", "a.ndjson", "a.csv", "a.parquet"])
def test_other_endings_are_those_of_files_with_named_columns(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    rows = [{"tokens": list(words), "ner_tags": list(tags)} for words, tags in EXPECTED]
    if name.endswith("parquet"):
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif name.endswith("csv"):
        cells = [f"{' '.join(row['tokens'])},{' '.join(row['ner_tags'])}" for row in rows]
        path.write_text("\n".join(["tokens,ner_tags", *cells]))
    else:
        path.write_text("\n".join(map(json.dumps, rows)))
    assert read(path) == EXPECTED


def test_a_tsv_is_a_table_if_its_columns_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text("w\tt\nAda met\tB-PER O\nx\tO\n")
    assert read(path, words="w", labels="t") == EXPECTED
    assert read(path, kind="tsv", words="w", labels="t") == EXPECTED


def test_a_kind_that_is_given_goes_before_the_ending(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("Ada B-PER\nmet O\n\nx O\n")
    assert read(path, kind="conll") == EXPECTED


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"kind": "xml"}, "kind"),
        ({"columns": ["a", "b"]}, "columns"),
        ({"columns": ["word"]}, "labels"),
        ({"columns": ["word", "ner"], "labels": "pos"}, "labels"),
        ({"separator": ""}, "separator"),
        ({"comment": ""}, "comment"),
        ({"words": "a", "text": "b"}, "text"),
    ],
)
def test_what_no_format_takes_is_refused_before_any_file_is_read(options: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Auto(**options)
    assert caught.value.key == key


@pytest.mark.parametrize("option", ["words", "spans", "sentence", "document"])
def test_any_column_that_is_named_makes_a_table_of_a_tsv(option: str, tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text("tokens\ttags\nAda met\tB-PER O\n")
    if option == "words":
        assert read(path, words="tokens") == EXPECTED[:1]
    else:
        with pytest.raises(DataError, match=r"a\.tsv:2: (no column 'absent'|which column holds text)"):
            read(path, **{option: "absent"})


@pytest.mark.parametrize(
    ("name", "options", "unused"),
    [
        ("a.conll", {"names": ["O", "X"]}, "names"),
        ("a.txt", {"document": "doc"}, "document"),
        ("a.jsonl", {"columns": ["word", "ner"]}, "columns"),
        ("a.jsonl", {"comment": "#"}, "comment"),
    ],
)
def test_an_option_that_a_kind_has_no_use_for_is_not_passed_over_in_silence(
    name: str, options: dict[str, Any], unused: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / name
    path.write_text('{"tokens": ["a"], "tags": ["O"]}\n' if name.endswith("jsonl") else "a O\n")
    with caplog.at_level(logging.WARNING):
        assert read(path, **options) == [(("a",), ("O",))]
    assert (
        f"{path}: read as {'jsonl' if name.endswith('jsonl') else 'conll'}, where data.format.{unused}" in caplog.text
    )


SPANS = {"text": "Ada met\u00a0Bo", "spans": [[0, 3, "PER"], [8, 10, "PER"]]}
WHOLE: dict[str, bytes] = {
    "a.conll": b"Ada B-PER\nmet O\n\nBo B-PER\n",
    "a.jsonl": b'{"tokens": ["Ada", "met"], "tags": ["B-PER", "O"]}\n' * 2,
    "b.jsonl": (json.dumps(SPANS) + "\n").encode() * 2,
    "a.csv": b'tokens,tags\n"[\'Ada\', \'met\']",B-PER O\n"[""Bo""]",O\n',
    "b.csv": b'text,spans\n"Ada, met","[(0, 3, \'PER\')]"\n',
}


def broken(content: bytes, draw: random.Random) -> bytes:
    """Returns the content with a few bytes taken out, put in or changed."""
    result = bytearray(content)
    for _ in range(draw.randint(1, 4)):
        place = draw.randrange(len(result))
        value = draw.choice([draw.randrange(256), *b'\r\n\t\0 "[]{},\\0\xff'])
        result[place : place + draw.randint(0, 2)] = bytes([value]) * draw.randint(0, 2)
    return bytes(result)


@pytest.mark.parametrize("name", [*WHOLE, "a.parquet"])
def test_whatever_is_broken_in_a_file_it_is_read_or_refused_with_its_name(name: str, tmp_path: Path) -> None:
    path, draw = tmp_path / name, random.Random(0)
    if name == "a.parquet":
        pq.write_table(pa.table({"tokens": [["Ada", "met"]] * 9, "tags": [["B-PER", "O"]] * 9}), path)
    whole = WHOLE.get(name) or path.read_bytes()
    for _ in range(150):
        content = broken(whole, draw)
        path.write_bytes(content)
        try:
            sentences = list(Auto().read(path, Counter()))
        except DataError as error:
            message = str(error)
            assert (message.startswith(f"{path}:"), len(message) < len(str(path)) + 300) == (True, True), content
        else:
            for sentence in sentences:
                assert len(sentence.words) == len(sentence.tags) > 0
                assert "\0" not in "".join((*sentence.words, *sentence.tags)).encode().decode()


def test_a_column_without_a_name_cannot_be_asked_for_by_name(tmp_path: Path) -> None:
    path = tmp_path / "a.conll"
    path.write_text("EU NNP I-NP B-ORG\n")
    with pytest.raises(ConfigError, match=r"data\.format\.labels='pos'.*data\.format\.columns"):
        read(path, labels="pos")


def test_how_columns_were_understood_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "a.conll"
    path.write_text("EU NNP B-ORG\n")
    with caplog.at_level("INFO"):
        read(path)
    assert "CoNLL, 3 columns: the first is the word ('EU'), the last the tag ('B-ORG')" in caplog.text
