"""The verb: files in, files out, bad lines said with their number, mistakes in one line."""

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from clozelab.predict.load import load

Run = Callable[..., tuple[int, str, str]]
Runs = Callable[[str], Path]
Phrases = Callable[[int, int], list[str]]
HEAVY = "{'torch', 'transformers', 'pytorch_lightning'}"


def records(text: str) -> list[dict[str, Any]]:
    """Returns the objects of JSON Lines."""
    return [json.loads(line) for line in text.splitlines()]


def typed(monkeypatch: pytest.MonkeyPatch, text: bytes) -> None:
    """Puts bytes on the standard input."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))


def test_texts_of_the_command_line_are_answered_as_python_answers_them(clozelab: Run, run_of: Runs) -> None:
    code, out, err = clozelab(
        "predict", str(run_of("pairs")), "--text", "met", "--pair", "saw", "--text", "a", "--pair=b"
    )
    assert (code, err) == (0, "")
    assert records(out) == load(run_of("pairs")).predict([("met", "saw"), ("a", "b")])
    code, out, _ = clozelab("predict", str(run_of("masks")), "--text", "The [MASK] of Oslo", "--top", "2")
    assert records(out) == load(run_of("masks")).predict(["The [MASK] of Oslo"], top=2)
    code, out, _ = clozelab("predict", str(run_of("words")), "--text", "Ada met", "--embed", "cls")
    assert records(out) == load(run_of("words")).embed(["Ada met"], pooling="cls")


@pytest.mark.parametrize(
    ("kind", "ending"),
    [
        ("single", "txt"),
        ("single", "csv"),
        ("single", "parquet"),
        ("pairs", "txt"),
        ("pairs", "tsv"),
        ("pairs", "jsonl"),
    ],
)
def test_files_of_every_kind_give_the_same_answers(
    clozelab: Run, run_of: Runs, phrases: Phrases, kind: str, ending: str, tmp_path: Path
) -> None:
    first, second = [text.replace('"', "") for text in phrases(3, 9)], phrases(4, 9)
    columns = {"id": [str(i) for i in range(9)], "review": first} | ({"reply": second} if kind == "pairs" else {})
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    file = tmp_path / f"in.{ending}"
    texts = list(zip(first, second, strict=True)) if kind == "pairs" else first
    if ending == "txt":
        file.write_text("\n\n".join("\t".join(t) if isinstance(t, tuple) else t for t in texts) + "\n")
    elif ending == "parquet":
        pq.write_table(pa.table(columns), file)
    elif ending == "jsonl":
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        with open(file, "w", newline="") as target:
            writer = csv.DictWriter(target, columns, delimiter="\t" if ending == "tsv" else ",", quotechar='"')
            writer.writeheader()
            writer.writerows(rows)
    code, out, err = clozelab("predict", str(run_of(kind)), "--input", str(file))
    assert code == 0, err
    lines = {"txt": range(1, 18, 2), "parquet": range(1, 10), "jsonl": range(1, 10)}.get(ending, range(2, 11))
    found = records(out)
    assert [record.pop("line") for record in found] == list(lines)
    assert found == load(run_of(kind)).predict(texts)


@pytest.mark.parametrize(
    ("kind", "ending"), [("words", "jsonl"), ("words", "csv"), ("numbers", "tsv"), ("masks", "parquet")]
)
def test_answers_can_be_read_back_from_every_kind_of_file(
    clozelab: Run, run_of: Runs, kind: str, ending: str, tmp_path: Path
) -> None:
    texts = ["Ada [MASK] Oslo", "a [MASK], met"]
    (tmp_path / "in.txt").write_text("\n".join(texts))
    out = tmp_path / f"out.{ending}"
    for _ in range(2):  # the second time it replaces the first answers
        assert clozelab("predict", str(run_of(kind)), f"--input={tmp_path / 'in.txt'}", f"--output={out}") == (
            0,
            "",
            "",
        )
    expected = load(run_of(kind)).predict(texts)
    if ending == "jsonl":
        rows = records(out.read_text())
    elif ending == "parquet":
        rows = [{k: v for k, v in row.items() if v is not None} for row in pq.read_table(out).to_pylist()]
    else:
        with open(out, newline="") as file:
            table = list(csv.DictReader(file, delimiter="\t" if ending == "tsv" else ","))
        rows = [{k: v if k == "text" else json.loads(v) for k, v in row.items() if v} for row in table]
    assert rows == [{"line": number, **answer} for number, answer in enumerate(expected, 1)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.txt", f"out.{ending}"]


def test_conll_columns_go_in_and_out_word_for_word(
    clozelab: Run, run_of: Runs, conll_files: dict[str, Path], tmp_path: Path
) -> None:
    out = tmp_path / "out.conll"
    assert clozelab("predict", str(run_of("words")), f"--input={conll_files['test']}", f"--output={out}")[0] == 0
    given = [line.split(" ")[0] for line in conll_files["test"].read_text().splitlines()[2:]]
    assert [line.split(" ")[0] for line in out.read_text().splitlines()][: len(given)] == given
    code, _, err = clozelab("predict", str(run_of("single")), "--text=a", f"--output={out}")
    assert code == 2
    assert "only words with tags are written in CoNLL columns" in err


def test_a_bad_line_stops_the_job_or_is_skipped_and_both_say_which(
    clozelab: Run, run_of: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [b'{"text": "met"}', b"{", b'{"text": 3}', b'{"txt": "a"}', b'{"text": "\xff"}', b'{"text": " "}']
    lines.append(b'{"text": "saw"}')
    file = tmp_path / "in.jsonl"
    file.write_bytes(b"\n".join(lines))
    out = tmp_path / "out.jsonl"
    code, _, err = clozelab("predict", str(run_of("single")), "--input", str(file), "--output", str(out))
    assert code == 2
    assert f"clozelab: {file}:2: not JSON" in err
    assert f"(--on-error skip passes over it); {out}.partial holds the answers before it" in err
    assert not out.exists()
    assert [record["text"] for record in records(Path(f"{out}.partial").read_text())] == ["met"]
    typed(monkeypatch, file.read_bytes())
    code, said, err = clozelab("predict", str(run_of("single")), "--input=-", "--format=jsonl", "--on-error=skip")
    assert code == 0
    assert [(record["line"], record["text"]) for record in records(said)] == [(1, "met"), (7, "saw")]
    reasons = ["not JSON", "the text must be text, is 3", "no column 'text'. Columns: txt", "not UTF-8", "empty"]
    for number, (line, reason) in enumerate(zip(err.splitlines(), reasons, strict=False), 2):
        assert line.startswith(f"skipped: standard input:{number}: ")
        assert reason in line
    assert err.splitlines()[-1] == "skipped: 5 in all"


def test_if_every_line_is_skipped_the_exit_code_says_so(
    clozelab: Run, run_of: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed(monkeypatch, b"{\n[\n")
    code, out, err = clozelab("predict", str(run_of("single")), "--input=-", "--format=jsonl", "--on-error=skip")
    assert (code, out, err.splitlines()[-1]) == (1, "", "skipped: 2 in all")


def test_a_sentence_with_a_bad_line_is_skipped_whole(
    clozelab: Run, run_of: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed(monkeypatch, b"Ada\nmet\n\nfoo\n\xff\nbar\n\nOslo x\n")
    code, out, _ = clozelab("predict", str(run_of("words")), "--input=-", "--format=conll", "--on-error=skip")
    assert code == 0
    assert [(record["line"], record["text"]) for record in records(out)] == [(1, "Ada met"), (8, "Oslo")]


def test_texts_that_were_cut_are_said(clozelab: Run, run_of: Runs) -> None:
    code, _, err = clozelab("predict", str(run_of("single")), "--text", "a", "--text", "zebra " * 90)
    assert code == 0
    assert err == "cut to the 128 tokens that the model reads: 1 texts, first text 2\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--text or --input is needed"),
        (["--text=a", "--input=-"], "--text and --input: one of them only"),
        (["in.csv"], "in.csv: no such argument; --input in.csv reads a file"),
        (["--text="], "text 1: the text is empty\n"),
        (["--input=nowhere.txt"], "--input nowhere.txt: no such file"),
        (["--input=."], "--input .: a folder, not a file"),
        (["--input=in.dat"], "--input in.dat: of what kind is it? --format says it: txt, csv, tsv"),
        (["--input=-", "--format=parquet"], "cannot be read from the standard input"),
        (["--input=empty.txt"], "empty.txt: holds nothing to predict"),
        (["--input=in.dat", "--format=txt"], "in.dat:1: NUL character; the file is binary, or damaged"),
        (["--input=in.dat", "--format=parquet"], "not a readable Parquet file"),
        (["--input=in.csv"], "in.csv:2: which column holds the text? --text-column says it. Columns: first, label"),
        (["--input=in.csv", "--text-column=frist"], "no column 'frist'. Did you mean 'first'? Columns: first, label"),
        (["--input=in.csv", "--separator=;;"], "--separator ';;': must be one character"),
        (["--input=in.csv", "--output=in.csv"], "--output in.csv: is the input"),
        (["--text=a", "--output=a.xlsx"], "--output a.xlsx: must end in .jsonl"),
        (["--text=a", "--output=no/a.csv"], "no folder 'no'"),
        (["--text=a", "--pair=b", "--pair=c"], "--pair: 2 texts for 1 --text"),
        (["--input=in.csv", "--pair=c"], "--pair: goes with --text"),
        (["--text=a", "--on-error=ignore"], "--on-error: invalid choice: 'ignore'"),
        (["--texts=a"], "--texts=a: no such option. Did you mean '--text'? clozelab predict --help lists them"),
        (["Ada met."], "Ada met.: no such argument; a text goes behind --text: --text 'Ada met.'"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    clozelab: Run, run_of: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    run = str(run_of("single"))
    monkeypatch.chdir(tmp_path)
    Path("empty.txt").write_text("\n\n")
    Path("in.dat").write_bytes(b"\0\1\2")
    Path("in.csv").write_text("first,label\na,b\n")
    code, out, err = clozelab("predict", run, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("clozelab: ")
    assert message in err
    assert len(err.splitlines()) == 1


def test_help_and_what_is_wrong_with_the_arguments_need_no_torch(tmp_path: Path) -> None:
    probe = f"""import sys
from clozelab.cli import main
code = main(sys.argv[1:])
assert not {HEAVY} & set(sys.modules)
sys.exit(code)"""
    for arguments, code in ((["--help"], 0), ([], 2), (["run", "--top=x"], 2), ([str(tmp_path), "--text=a"], 2)):
        command = [sys.executable, "-c", probe, "predict", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=120)
        assert done.returncode == code, done.stderr
