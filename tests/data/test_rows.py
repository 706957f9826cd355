"""Rows of files with named columns come back as they were written, with the line they stand in."""

import csv
import json
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clozelab.data.rows import Kind, label_names, read_rows
from clozelab.errors import DataError

CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\ufeff"), max_size=8)


@given(rows=st.lists(st.tuples(CELL, CELL).filter(any), max_size=6))
def test_csv_is_what_the_csv_module_wrote_line_breaks_and_quotes_included(
    rows: list[tuple[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("rows") / "file.csv"
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([("a", "b"), *rows])
    found = list(read_rows(path, "csv"))
    assert [(row["a"], row["b"]) for _, row in found] == rows


@given(
    rows=st.lists(st.dictionaries(st.sampled_from("abc"), st.one_of(CELL, st.integers(), st.lists(CELL))), max_size=6)
)
def test_jsonl_is_what_the_json_module_wrote(
    rows: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("rows") / "file.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert list(read_rows(path, "jsonl")) == list(enumerate(rows, 1))


def test_a_line_is_where_its_row_begins(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text('a,b\n1,"two\nlines"\n\n3,4\n')
    assert [(line, row["a"]) for line, row in read_rows(path, "csv")] == [(2, "1"), (5, "3")]


@pytest.mark.parametrize(("kind", "separator"), [("tsv", None), ("tsv", ";"), ("csv", "|")])
def test_another_separator_may_part_the_columns(kind: Kind, separator: str | None, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text((separator or "\t").join("ab") + "\n" + (separator or "\t").join("12") + "\n")
    assert list(read_rows(path, kind, separator)) == [(2, {"a": "1", "b": "2"})]


def test_in_tsv_quotes_are_plain_characters(tmp_path: Path) -> None:
    path = tmp_path / "file.tsv"
    path.write_text('a\tb\n"1\t2 "quoted" 3\n4"\t5\n')
    assert [row for _, row in read_rows(path, "tsv")] == [{"a": '"1', "b": '2 "quoted" 3'}, {"a": '4"', "b": "5"}]


def test_a_cell_may_be_longer_than_the_csv_module_likes(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text("a\n" + "x" * 300_000 + "\n")
    ((_, row),) = read_rows(path, "csv")
    assert len(row["a"]) == 300_000


def test_parquet_is_read_in_order_over_all_its_batches(tmp_path: Path) -> None:
    path = tmp_path / "file.parquet"
    pq.write_table(pa.table({"a": list(range(2500))}), path)
    assert [(number, row["a"]) for number, row in read_rows(path, "parquet")] == [(i + 1, i) for i in range(2500)]


@pytest.mark.parametrize(
    ("kind", "content"), [("jsonl", "[1]\n"), ("jsonl", "{\n"), ("csv", 'a\n"b\n'), ("tsv", "a\ta\n")]
)
def test_what_is_no_such_file_is_an_error_with_its_line(kind: Kind, content: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text(content)
    with pytest.raises(DataError, match=r"file:[12]: "):
        list(read_rows(path, kind))


def test_names_of_labels_are_found_in_a_parquet_file_of_the_datasets_library(tmp_path: Path) -> None:
    names = ["O", "B-X"]
    label = datasets.ClassLabel(names=names)
    kinds = datasets.Features({"flat": label, "list": datasets.List(label), "plain": datasets.Value("int64")})
    rows = datasets.Dataset.from_dict({"flat": [0], "list": [[1, 0]], "plain": [1]}, features=kinds)
    rows.to_parquet(str(tmp_path / "file.parquet"))
    found = {column: label_names(tmp_path / "file.parquet", column) for column in ("flat", "list", "plain", "absent")}
    assert found == {"flat": names, "list": names, "plain": None, "absent": None}


def test_a_parquet_file_of_somebody_else_has_no_names(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1]}), tmp_path / "file.parquet")
    assert label_names(tmp_path / "file.parquet", "a") is None
