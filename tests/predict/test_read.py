"""Files as questions: packed ones, damaged ones, and how far reading has come."""

import gzip
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import clozelab as package
from clozelab.errors import ConfigError
from clozelab.predict.columns import Columns
from clozelab.predict.read import Input

Run = Callable[..., tuple[int, str, str]]
Runs = Callable[[str], Path]


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.txt", "met\n\nsaw\n"), ("a.jsonl", '{"text": "met"}\n{"text": "saw"}\n'), ("a.csv", "text\nmet\nsaw\n")],
)
def test_a_gzip_file_says_what_the_file_in_it_says(
    run_of: Runs, clozelab: Run, tmp_path: Path, name: str, content: str
) -> None:
    (tmp_path / name).write_text(content)
    (tmp_path / f"{name}.gz").write_bytes(gzip.compress(content.encode()))
    plain = clozelab("predict", str(run_of("single")), "--input", str(tmp_path / name))
    assert plain[0] == 0
    assert plain == clozelab("predict", str(run_of("single")), "--input", str(tmp_path / f"{name}.gz"))


@pytest.mark.parametrize("content", [b"met\n", gzip.compress(b"met\n" * 50)[:-12]], ids=["plain", "cut off"])
def test_what_is_no_whole_gzip_file_is_one_message(run_of: Runs, clozelab: Run, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "a.txt.gz"
    file.write_bytes(content)
    code, _, err = clozelab("predict", str(run_of("single")), "--input", str(file))
    assert code == 2
    assert err.startswith(f"clozelab: {file}: not a whole gzip file")


@pytest.mark.parametrize("ending", ["txt", "txt.gz", "parquet"])
def test_how_far_reading_has_come_ends_at_the_size(run_of: Runs, tmp_path: Path, ending: str) -> None:
    texts = ["met saw"] * 100
    file = tmp_path / f"a.{ending}"
    if ending == "parquet":
        pq.write_table(pa.table({"text": texts}), file)
    else:
        content = "".join(f"{text}\n" for text in texts).encode()
        file.write_bytes(gzip.compress(content) if ending.endswith("gz") else content)
    asked = Input(path=str(file), kind=None, columns=Columns())
    model = package.load(run_of("single"))
    assert sum(1 for _ in asked.items(model.question())) == 100
    assert asked.done == asked.size > 0


def test_a_pipe_is_read_as_a_file_is(run_of: Runs, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    asked = Input(path=str(pipe), kind="txt", columns=Columns())
    threading.Thread(target=lambda: pipe.write_text("met\nsaw\n"), daemon=True).start()
    model = package.load(run_of("single"))
    assert [item.segments for item in asked.items(model.question())] == [("met",), ("saw",)]  # type: ignore[union-attr]
    assert asked.size == 0, "nobody knows"
    with pytest.raises(ConfigError, match="cannot be read from the standard input or a pipe"):
        Input(path=str(pipe), kind="parquet", columns=Columns())


def test_a_closed_standard_input_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(ConfigError, match="the standard input is closed"):
        Input(path="-", kind=None, columns=Columns())


def test_a_file_that_cannot_be_read_to_its_end_leaves_the_answers_before_it(
    run_of: Runs, clozelab: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clozelab.predict.predictor.WINDOW", 4)
    whole = gzip.compress(os.urandom(20_000).hex().encode(), compresslevel=1)
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(b"met\n" * 9) + whole[:-12])
    code, _, err = clozelab(
        "predict", str(run_of("single")), f"--input={tmp_path / 'a.txt.gz'}", f"--output={tmp_path / 'o.jsonl'}"
    )
    assert code == 2
    assert "not a whole gzip file" in err
    assert f"; {tmp_path / 'o.jsonl'}.partial holds the answers before it" in err
    assert len((tmp_path / "o.jsonl.partial").read_text().splitlines()) == 8


def test_parquet_in_gzip_is_refused(run_of: Runs, clozelab: Run, tmp_path: Path) -> None:
    (tmp_path / "a.parquet.gz").write_bytes(b"")
    code, _, err = clozelab("predict", str(run_of("single")), "--input", str(tmp_path / "a.parquet.gz"))
    assert code == 2
    assert "Parquet packs its own columns; unpack the file" in err
