"""Every run is shown as it stands, in 80 columns, a thousand at once without torch."""

import csv
import io
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from clozelab.housekeeping.listing import Row, list_runs, write

MakeRun = Callable[..., Path]


def test_a_row_holds_what_a_run_came_to(make_run: MakeRun) -> None:
    folder = make_run(seed=7)
    (row,) = list_runs(Path("outputs"))
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert row == Row(
        folder=str(folder), study="grid", cell="texts-0123abcd", seed=7, status="completed", metric="f1",
        validation=0.75, test=0.5, started="2026-11-01T10:00:00+00:00", finished="2026-11-01T10:01:30+00:00",
        seconds=90.0, bytes=size, error=None,
    )  # fmt: skip
    assert size > 1000


def test_a_run_says_running_only_while_a_process_holds_it(make_run: MakeRun, hold: Callable[[Path], Any]) -> None:
    folder = make_run(status="running")
    with hold(folder):
        (row,) = list_runs(folder)
        assert row.status == "running"
        assert row.seconds is not None
    (row,) = list_runs(folder)
    assert (row.status, row.seconds, row.finished) == ("interrupted", None, None), "nobody knows when it was killed"


def test_the_end_of_an_earlier_attempt_is_not_that_of_the_last(make_run: MakeRun) -> None:
    make_run(status="running", finished="2026-10-31T10:00:00+00:00")
    (row,) = list_runs(Path("outputs"))
    assert (row.finished, row.seconds) == (None, None)


def test_damaged_and_odd_runs_are_shown_and_hide_no_other(make_run: MakeRun, capsys: Any) -> None:
    make_run(seed=1)
    (make_run(seed=2) / "run.json").write_text("{")
    (make_run(seed=3) / "metrics.json").write_text('{"val/f1": NaN}')
    make_run(seed=4, started=17, finished="yesterday")
    make_run(seed=5, status="failed", error="ValueError: [red]no[/red] markup\nsecond line")
    make_run(seed=6, selection=None)
    rows = list_runs(Path("outputs"))
    assert [row.status for row in rows] == ["completed", "damaged", "completed", "completed", "failed", "completed"]
    assert (rows[2].validation, rows[2].test) == (None, None)
    write(rows, "table")
    out = capsys.readouterr().out
    assert "seed-5: ValueError: [red]no[/red] markup\n" in out
    assert "second line" not in out
    assert "6 runs (4 completed, 1 damaged, 1 failed)" in out


def test_the_table_fits_80_columns_and_tells_cells_apart(
    make_run: MakeRun, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    long = "conll2003-minilm_l6-max_epochs=3-lr=5e-05-with_a_name_that_never_ends-"
    for name in (long + "a" * 8, long + "b" * 8, "一个没有尽头的名字" * 5 + "-" + "c" * 8):
        make_run(name=name, status="interrupted", finished="2026-11-09T10:00:00+00:00")
    make_run(study="another", seed=12345)
    write(list_runs(Path("outputs")), "table")
    out = capsys.readouterr().out
    assert all(cell_len(line) <= 80 for line in out.splitlines() if "@" not in line)
    assert "aaaaaaaa" in out
    assert "bbbbbbbb" in out
    assert "cccccccc" in out
    assert "val and test: f1, what each run was selected by" in out
    assert "2 studies: 4 runs (3 interrupted, 1 completed)" in out


def test_json_and_csv_hold_the_same_rows_in_full(make_run: MakeRun, capsys: Any) -> None:
    make_run(seed=1)
    make_run(seed=2, status="failed", error='a "quoted", word')
    rows = list_runs(Path("outputs"))
    write(rows, "json")
    found = json.loads(capsys.readouterr().out)
    write(rows, "csv")
    table = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["status"] for row in found] == [row["status"] for row in table] == ["completed", "failed"]
    assert found[0]["validation"] == float(table[0]["validation"]) == 0.75
    assert table[1]["error"] == 'a "quoted", word'


def test_a_thousand_runs_are_listed_within_seconds_and_without_torch(make_run: MakeRun) -> None:
    for i in range(1000):
        make_run(name=f"c-{i // 4:08x}", seed=1 + i % 4, status="running" if i % 10 == 0 else "completed")
    code = """import sys
from clozelab.cli import main
code = main(sys.argv[1:])
assert not {'torch', 'transformers', 'pytorch_lightning', 'scipy', 'pandas', 'numpy'} & set(sys.modules)
sys.exit(code)"""
    started = time.monotonic()
    command = [sys.executable, "-c", code, "runs", "list"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "1000 runs (900 completed, 100 interrupted)" in done.stdout
    assert time.monotonic() - started < 10, "about 2 s on an idle machine"
