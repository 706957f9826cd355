"""Answers in every kind of file: whole or not there, and what cannot be written is said in one line."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from clozelab.errors import ConfigError
from clozelab.predict.write import check_output, output

SCHEMA = pa.schema([("text", pa.string()), ("scores", pa.list_(pa.float64())), ("similarity", pa.float64())])
ANSWERS: list[dict[str, Any]] = [
    {"text": 'é, "a"\n', "scores": [0.5, 1e-9], "similarity": 0.25},
    {"text": "🙂\tb", "scores": []},
]
WORDS = pa.schema([("words", pa.list_(pa.struct([("word", pa.string()), ("tag", pa.string())])))])


def read(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    if path.suffix == ".parquet":
        return [{k: v for k, v in row.items() if v is not None} for row in pq.read_table(path).to_pylist()]
    with open(path, newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file, delimiter="\t" if path.suffix == ".tsv" else ","))
    return [{k: v if k == "text" else json.loads(v) for k, v in row.items() if v} for row in table]


@pytest.mark.parametrize("ending", ["jsonl", "csv", "tsv", "parquet"])
def test_answers_are_read_back_as_they_were_and_the_name_comes_last(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"out.{ending}"
    with output(str(path), ending, SCHEMA) as write:
        for answer in ANSWERS:
            write([answer])
        assert [found.name for found in tmp_path.iterdir()] == [f"out.{ending}.partial"]
    assert read(path) == ANSWERS
    assert [found.name for found in tmp_path.iterdir()] == [f"out.{ending}"]


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_a_job_that_fails_leaves_earlier_answers_alone(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"out.{ending}"
    path.write_text("of yesterday")

    def fails() -> None:
        with output(str(path), ending, SCHEMA) as write:
            write(ANSWERS)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert path.read_text() == "of yesterday"
    assert read(Path(f"{path}.partial").rename(tmp_path / f"half.{ending}")) == ANSWERS


def test_tagged_words_are_conll_columns_and_nothing_else_is(tmp_path: Path) -> None:
    path = tmp_path / "out.conll"
    with output(str(path), "conll", WORDS) as write:
        write([{"words": [{"word": "Ada", "tag": "B-PER"}, {"word": ".", "tag": "O"}]}])
        write([{"words": [{"word": "é", "tag": "O"}]}])
    assert path.read_text(encoding="utf-8") == "Ada B-PER\n. O\n\né O\n\n"
    with pytest.raises(ConfigError, match="only words with tags"), output(str(path), "conll", SCHEMA):
        pass


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("out.xlsx", "must end in .jsonl, .csv, .tsv, .parquet, .conll"),
        ("out", "must end in .jsonl"),
        ("no/out.csv", "no folder 'no'"),
        ("folder.csv", "a folder, not a file"),
        ("in.csv", "is the input"),
        ("link.csv", "is the input"),
    ],
)
def test_an_output_that_cannot_be_is_refused_before_anything_is_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in.csv").touch()
    Path("link.csv").symlink_to("in.csv")
    Path("folder.csv").mkdir()
    with pytest.raises(ConfigError, match=message):
        check_output(path, "in.csv")
    assert check_output("OUT.CSV", "in.csv") == "csv"
    assert check_output("-", "in.csv") == "jsonl"


def test_a_full_disk_and_a_folder_of_others_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        pytest.raises(ConfigError, match="No such file"),
        output("nowhere/out.jsonl", "jsonl", SCHEMA),
    ):
        pass
    with open("/dev/full", "w", encoding="utf-8") as full:
        monkeypatch.setattr("sys.stdout", full)
        with pytest.raises(ConfigError, match="--output -: No space left"), output("-", "jsonl", SCHEMA) as write:
            write(ANSWERS)
        monkeypatch.undo()
        with pytest.raises(OSError, match="No space left"):
            full.close()


def test_a_reader_that_has_gone_is_no_mistake_of_the_users() -> None:
    with pytest.raises(BrokenPipeError), output("-", "jsonl", SCHEMA):
        raise BrokenPipeError


def test_a_closed_standard_output_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", None)
    with pytest.raises(ConfigError, match="the standard output is closed"):
        check_output("-", None)


@pytest.mark.parametrize(("encoding", "written"), [("utf-8", "é"), ("ascii", "\\u00e9"), ("cp1252", "\\u00e9")])
def test_a_terminal_of_another_encoding_gets_the_same_json_escaped(
    monkeypatch: pytest.MonkeyPatch, encoding: str, written: str
) -> None:
    stream = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(stream, encoding=encoding))
    with output("-", "jsonl", SCHEMA) as write:
        write(ANSWERS)
    text = stream.getvalue().decode(encoding)
    assert written in text
    assert [json.loads(line) for line in text.splitlines()] == ANSWERS
