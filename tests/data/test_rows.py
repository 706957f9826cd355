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

from clozelab.data.rows import Kind, label_names, read_rows, try_rows
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
    ("kind", "content"),
    [
        ("jsonl", "[1]\n"),
        ("jsonl", "{\n"),
        ("jsonl", "[\n  {}\n]\n"),
        ("jsonl", "[" * 100_000),
        ("jsonl", "{} {}"),
        ("jsonl", '{"a": ' + "1" * 5000 + "}"),
        ("jsonl", '{"a": 1, "a": 2}'),
        ("jsonl", '{"b": {"a": 1, "a": 1}}'),
        ("csv", 'a\n"b\n'),
        ("csv", 'a\n"b"c\n'),
        ("csv", "a,b\n1,2,3\n"),
        ("csv", "a,b\n1\n"),
        ("csv", "a,b,a\n"),
        ("csv", "a\rb\r"),
        ("tsv", "a\ta\n"),
        ("tsv", "a\tb\n1 2\n"),
    ],
)
def test_what_is_no_such_file_is_an_error_with_its_line(kind: Kind, content: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text(content)
    with pytest.raises(DataError, match=r"file:[12]: ") as caught:
        list(read_rows(path, kind))
    assert len(str(caught.value)) < len(str(path)) + 300


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


def test_a_json_document_over_many_lines_is_refused_with_what_is_expected(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text(json.dumps([{"tokens": ["a"]}], indent=2))
    with pytest.raises(DataError, match=r"file:1: not JSON \(.*; a line must hold one object\): '\['"):
        list(read_rows(path, "jsonl"))


def parquet(path: Path, table: pa.Table, features: Any = None) -> Path:
    metadata = {} if features is None else {"huggingface": features}
    pq.write_table(table.replace_schema_metadata(metadata), path)
    return path


@pytest.mark.parametrize(
    "feature",
    [
        {"names": ["O", "X"], "_type": "ClassLabel"},
        [{"names": ["O", "X"], "_type": "ClassLabel"}],
        {"feature": {"names": ["O", "X"], "_type": "ClassLabel"}, "_type": "Sequence"},
        {"feature": {"feature": {"names": ["O", "X"], "_type": "ClassLabel"}, "_type": "List"}, "_type": "LargeList"},
    ],
)
def test_names_are_found_as_every_version_of_the_datasets_library_writes_them(feature: Any, tmp_path: Path) -> None:
    features = json.dumps({"info": {"features": {"tags": feature}}})
    assert label_names(parquet(tmp_path / "file", pa.table({"tags": [[0]]}), features), "tags") == ["O", "X"]


@pytest.mark.parametrize(
    "features",
    [
        "", "{x", "null", "[]", "7", '"names"', "{}", '{"info": null}', '{"info": {"features": null}}',
        '{"info": {"features": {"tags": null}}}', '{"info": {"features": {"tags": []}}}',
        '{"info": {"features": {"tags": {"feature": 1}}}}', '{"info": {"features": {"tags": {"names": null}}}}',
    ],
)  # fmt: skip
def test_metadata_that_say_something_else_name_no_label(features: str, tmp_path: Path) -> None:
    assert label_names(parquet(tmp_path / "file", pa.table({"tags": [[0]]}), features), "tags") is None


def test_a_parquet_file_that_cannot_be_read_is_refused_with_its_name(tmp_path: Path) -> None:
    good = parquet(tmp_path / "good", pa.table({"a": ["x"] * 100})).read_bytes()
    column = pa.array(["x"])
    tables = {
        "twice": pa.table([column, column], names=["a", "a"]),
        "dates": pa.table({"a": pa.array([10**13], pa.timestamp("s"))}),
        "no text": pa.table({"a": pa.array([b"\xff"]).view(pa.string())}),
    }
    contents = {name: parquet(tmp_path / "bad", table).read_bytes() for name, table in tables.items()}
    contents |= {"empty": b"", "no end": good[:-9], "no start": good[9:], "half": good[: len(good) // 2]}
    for name, content in contents.items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(DataError) as caught:
            list(read_rows(path, "parquet"))
        assert str(caught.value).startswith(f"{path}: "), name


def test_a_bad_row_is_an_error_in_its_place_and_the_rows_after_it_are_read() -> None:
    lines = [
        "a,b",
        "1,2",
        "1",
        DataError("f:4: not UTF-8"),
        '"x"y,2',
        "3,4",
        '"5',
        DataError("f:8: not UTF-8"),
        '",6',
        "7,8",
    ]
    found = [str(row) if isinstance(row, DataError) else row for row in try_rows(lines, "f", "csv")]
    assert found == [
        (2, {"a": "1", "b": "2"}), "f:3: 1 columns, the header has 2", "f:4: not UTF-8",
        """f:5: not csv: ',' expected after '"'""", (6, {"a": "3", "b": "4"}), "f:8: not UTF-8",
        (10, {"a": "7", "b": "8"}),
    ]  # fmt: skip
    with pytest.raises(DataError, match="f:1: not UTF-8"):
        list(try_rows([DataError("f:1: not UTF-8"), "1,2"], "f", "csv"))
