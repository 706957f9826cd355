"""A comparison in every format: readable in 80 columns, and readable for programs."""

import csv
import io
import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.cells import cell_len

from clozelab.compare.comparison import Comparison, compare
from clozelab.compare.table import FORMATS, print_terminal

MakeRun = Callable[..., Path]


@pytest.fixture(autouse=True)
def width(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")


def printed(comparison: Comparison, capsys: pytest.CaptureFixture[str]) -> str:
    print_terminal(comparison)
    out = capsys.readouterr().out
    assert max(map(cell_len, out.splitlines())) <= 80
    assert "…" not in out, "nothing is cut"
    return "\n".join(line.rstrip() for line in out.splitlines())


def test_a_row_is_a_cell_with_mean_spread_and_interval(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(compare([study]), capsys).splitlines()
    assert lines[0].split() == ["cell", "lr", "n", "val/accuracy", "test/accuracy", "notes"]
    assert lines[1].split() == ["00000003", "*", "3e-05", "3", *["0.8583", "±", "0.0236"] * 2]
    assert lines[2].split() == ["[0.8400,", "0.8850]"] * 2
    assert lines[7].split()[:5] == ["00000005", "5e-05", "1", "0.5000", "0.4000"], "one seed has no interval"


def test_what_to_report_and_how_to_read_it_stand_below(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = " ".join(printed(compare([study]), capsys).split())
    assert "95 % percentile bootstrap interval of the mean, 10,000 resamples of the seeds; too narrow" in out
    assert "* selected by val/accuracy: 00000003, test/accuracy = 0.8583 ± 0.0236 [0.8400, 0.8850], n = 3" in out


def test_tests_against_a_cell_are_a_second_table(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = printed(compare([study], against="00000001"), capsys)
    rows = [line.split() for line in out.splitlines()]
    start = rows.index(["cell", "difference", "bootstrap", "random.", "d", "t", "permut."])
    assert rows[start + 1] == ["00000003", "+0.2233", "0.0002*", "0.0002*", "+15.47", "0.0028*", "0.5000"]
    assert rows[start + 5] == ["00000005", "-0.2350", "-", "-", "-", "-", "-"]
    words = " ".join(out.split())
    assert "each cell minus 00000001; p values, two-sided, adjusted for the number of cells by Holm" in words
    assert "paired bootstrap (Koehn 2004)" in words
    assert "Cohen's d, Welch or paired t test, permutation test" in words
    assert "of so few seeds the permutation test cannot give less than 0.25 before adjusting" in words
    assert "00000005: no predictions" in words


def test_tests_of_several_metrics_name_them(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in study.glob("*/*/metrics.json"):
        metrics = json.loads(path.read_text())
        path.write_text(json.dumps(metrics | {"test/loss": 0.25}))
    out = printed(compare([study], metrics=["test/accuracy", "test/loss"], against="00000001"), capsys)
    assert "test/accuracy: each cell minus 00000001" in out
    assert "test/loss (less is better): each cell minus 00000001" in out
    assert ["00000005", "+0.0000"] in [line.split()[:2] for line in out.splitlines()]
    assert out.count("Koehn") == 1


def test_more_keys_than_there_is_room_for_share_a_column(
    tmp_path: Path, make_run: MakeRun, capsys: pytest.CaptureFixture[str]
) -> None:
    for i in range(3):
        identity = {f"data.quite_a_long_key_{k}": f"value-{i}-{k}" for k in range(6)}
        for seed in (1, 2):
            make_run(tmp_path, f"a-0000000{i}", seed, identity=identity)
    out = printed(compare([tmp_path]), capsys)
    assert out.splitlines()[0].split() == ["cell", "config", "n", "val/accuracy", "test/accuracy"]
    assert "quite_a_long_key_5=value-2-5" in out


def test_more_metrics_than_there_is_room_for_share_a_column(
    tmp_path: Path, make_run: MakeRun, capsys: pytest.CaptureFixture[str]
) -> None:
    for i in range(2):
        for seed in (1, 2):
            metrics = {
                f"{split}/{name}": seed / 7 for split in ("val", "test") for name in ("accuracy", "macro_f1", "mcc")
            }
            identity = {"optimizer.lr": i, "data.train": f"a-file-of-a-long-name-{i}.txt"}
            make_run(tmp_path, f"a-0000000{i}", seed, identity=identity, metrics=metrics)
    out = printed(compare([tmp_path], metrics=["accuracy", "macro_f1", "mcc"]), capsys)
    assert out.splitlines()[0].split() == ["cell", "config", "n", "metrics"]
    for name in ("val/accuracy", "test/macro_f1", "test/mcc"):
        assert f"{name} 0.2143 ± 0.1010" in out
    assert "train=a-file-of-a-long-name-1.txt" in out


def test_words_that_look_like_markup_are_printed_as_they_are(
    tmp_path: Path, make_run: MakeRun, capsys: pytest.CaptureFixture[str]
) -> None:
    for i, value in enumerate(("[bold]", ":smile:", "<script>")):
        make_run(tmp_path, f"a-0000000{i}", 1, identity={"a.b": value})
    out = printed(compare([tmp_path]), capsys)
    assert all(value in out for value in ("[bold]", ":smile:", "<script>"))


def test_han_characters_take_two_columns_each(
    tmp_path: Path, make_run: MakeRun, capsys: pytest.CaptureFixture[str]
) -> None:
    for i in range(2):
        make_run(
            tmp_path, f"a-0000000{i}", 1, identity={"data.train": f"語料庫{i}.txt", "data.test": f"測試語料{i}.txt"}
        )
    out = printed(compare([tmp_path]), capsys)
    assert "語料庫1.txt" in out
    assert "測試語料1.txt" in out


def test_large_values_and_missing_ones_have_their_place(
    tmp_path: Path, make_run: MakeRun, capsys: pytest.CaptureFixture[str]
) -> None:
    make_run(tmp_path, "a-00000001", 1, metrics={"val/perplexity": 58144.42, "val/accuracy": math.inf})
    make_run(tmp_path, "a-00000002", 1, metrics={"val/accuracy": math.nan})
    out = printed(compare([tmp_path], metrics=["perplexity", "accuracy"]), capsys)
    rows = [line.split() for line in out.splitlines()]
    assert rows[1][1:] == ["*", "1", "58144.4", "inf", "n", "=", "1"]
    assert rows[2][1:4] == ["1", "-", "nan"]


def test_csv_is_read_back(study: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(FORMATS["csv"](compare([study], against="00000001")))))
    assert [row["cell"][-1] for row in rows] == ["3", "2", "1", "5"]
    assert float(rows[0]["test/accuracy p bootstrap"]) < 0.01
    assert rows[3]["test/accuracy std"] == "", "no number where there is none"


def test_json_has_whole_keys_and_every_seed(study: Path) -> None:
    rows = json.loads(FORMATS["json"](compare([study], against="00000001")))
    assert (rows[0]["config"], rows[0]["group"]) == ({"optimizer.lr": 3e-5}, 1)
    assert rows[0]["metrics"]["val/accuracy"]["values"] == [0.85, 0.885, 0.84]
    assert rows[0]["against"]["test/accuracy"]["p bootstrap"] < 0.01
    assert "against" not in rows[2], "the baseline itself"
    assert rows[3]["metrics"]["val/accuracy"]["std"] is None


def test_markdown_has_a_rule_and_as_many_pipes_in_every_row(study: Path) -> None:
    lines = FORMATS["markdown"](compare([study], against="00000001")).splitlines()
    assert lines[1] == "| --- | --- | ---: | ---: | ---: | --- |"
    assert {line.count("|") for line in lines[:6]} == {7}
    assert r"| 00000003 \* | 3e-05 | 3 | 0.8583 ± 0.0236 [0.8400, 0.8850] |" in lines[2]


def test_markdown_reads_nothing_into_settings_marks_and_lines_below(tmp_path: Path, make_run: MakeRun) -> None:
    for i, value in enumerate(("*.txt|*.csv", "<b>", r"`\d`")):
        make_run(tmp_path, f"a-0000000{i}", 1, identity={"a.b": value}, metrics={"val/accuracy": i})
    text = FORMATS["markdown"](compare([tmp_path]))
    for escaped in (r"| \*.txt\|\*.csv |", r"| \<b> |", r"| \`\\d\` |", r"- \* selected by val/accuracy: 00000002"):
        assert escaped in text


def test_latex_escapes_what_it_would_read(tmp_path: Path, make_run: MakeRun) -> None:
    for i, value in enumerate((r"a_b&c%\d", "[x]", "{#$}")):
        make_run(tmp_path, f"a-0000000{i}", 1, identity={"a.max_epochs": value})
    text = FORMATS["latex"](compare([tmp_path]))
    assert r"cell & max\_epochs & n" in text
    assert r"a\_b\&c\%\textbackslash{}d" in text
    assert "{[x]}" in text
    assert r"\{\#\$\}" in text
    assert text.startswith("\\begin{tabular}{llrrrl}\n\\toprule\n")
