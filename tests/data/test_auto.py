"""The format of a file is known by its ending and its first lines."""

import json
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
