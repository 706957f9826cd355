"""What is printed: every value that differs, every metric that matters, and a verdict that is not misread."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from clozelab.compare.cells import Cell
from clozelab.compare.read import Record
from clozelab.reproduce.differences import Difference
from clozelab.reproduce.originals import Original
from clozelab.reproduce.outcome import Outcome
from clozelab.reproduce.view import View

Capture = pytest.CaptureFixture[str]
TORCH = Difference("packages.torch", "2.12", "2.13")
CORES = Difference("hardware.cores", "2", "4", counts=False)


@pytest.fixture(autouse=True)
def width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")


def differing(found: Sequence[Sequence[Difference]], capsys: Capture) -> list[str]:
    """Returns the lines about what differs."""
    View(num_runs=len(found)).print_differences([f"c/seed-{i}" for i in range(len(found))], found)
    return [line.rstrip() for line in capsys.readouterr().out.splitlines()]


def test_what_cannot_change_a_number_is_told_apart(capsys: Capture) -> None:
    assert differing([[]], capsys) == ["what differs: nothing", ""]
    lines = differing([[CORES]], capsys)
    assert lines[:2] == ["what differs: nothing", "what differs, but can change no number"]
    assert lines[3].split() == ["hardware.cores", "2", "4"]
    lines = differing([[TORCH, CORES]], capsys)
    assert (lines[0], lines[2].split()) == ("what differs", ["packages.torch", "2.12", "2.13"])
    assert lines[3] == "what differs, but can change no number"


def test_runs_for_which_the_same_differs_are_one_table(capsys: Capture) -> None:
    lines = differing([[TORCH], [], [TORCH]], capsys)
    assert lines[0] == "what differs (2 of 3 runs: c/seed-0, c/seed-2)"
    assert "what differs (1 of 3 runs: c/seed-1): nothing" in lines
    assert sum(line.startswith("packages.torch") for line in lines) == 1


@pytest.mark.parametrize(
    ("key", "advice"),
    [("identity.data.train", "the right files are named by their key"), ("identity.seed", "config.yaml")],
)
def test_another_identity_says_what_may_be_the_reason(key: str, advice: str, capsys: Capture) -> None:
    lines = differing([[Difference(key, "a", "b")]], capsys)
    assert "would be another run: it is not launched" in lines[-3]
    assert advice in lines[-2]


def outcomes(*found: Outcome, num_runs: int = 1, capsys: Capture) -> str:
    """Returns what is said of one run's metrics."""
    record = Record(Path("s/c/seed-1"), 1, "completed", {}, {})
    one: Any = SimpleNamespace(original=Original(record, {}, Cell("s", "c", (record,))),
                               run=SimpleNamespace(folder=Path("out/seed-1")))  # fmt: skip
    View(num_runs=num_runs).print_outcomes(one, found, differs=False, tolerance=None)
    return capsys.readouterr().out


EQUAL, OTHER = Outcome("val/f1", 0.5, 0.5, 0.0, True), Outcome("val/loss", 0.5, 0.5 + 1e-9, 0.0, True)


def test_of_one_run_every_metric_is_shown_of_several_what_is_not_equal(capsys: Capture) -> None:
    out = outcomes(EQUAL, OTHER, capsys=capsys)
    assert ["val/f1", "0.5", "0.5", "0", "0.0e+00", "equal"] in [line.split() for line in out.splitlines()]
    out = outcomes(EQUAL, OTHER, num_runs=2, capsys=capsys)
    assert "what came out  c/seed-1" in out
    assert "val/f1" not in out
    (row,) = [line.split() for line in out.splitlines() if line.startswith("val/loss")]
    assert row == ["val/loss", "0.5", "0.5", "1.0e-09", "0.0e+00", "different"]
    assert "2 metrics: 1 equal, 1 different" in out


def test_what_decides_is_marked_where_not_everything_does(capsys: Capture) -> None:
    beside = Outcome("val/loss", 0.5, 0.7, 0.0, False)
    out = outcomes(EQUAL, beside, capsys=capsys)
    assert "* val/f1" in out
    assert "* val/loss" not in out
    assert "2 metrics: 1 equal, 1 different; * decide" in out
    assert "\nreproduced  out/seed-1" in out
    assert "\nNOT reproduced  out/seed-1" in outcomes(OTHER, capsys=capsys)


@pytest.mark.parametrize(
    ("num_runs", "good", "other", "lost", "said"),
    [
        (1, 1, 0, 0, ""),
        (1, 0, 1, 0, "NOT reproduced: not launched\n"),
        (3, 3, 0, 0, "reproduced: 3 of 3 runs\n"),
        (3, 1, 2, 0, "reproduced: 1 of 3 runs; 2 not launched\n"),
        (1, 1, 0, 1, "reproduced: 1 of 2 runs; 1 cannot be launched again\n"),
    ],
)
def test_the_verdict_counts_every_finished_run(
    num_runs: int, good: int, other: int, lost: int, said: str, capsys: Capture
) -> None:
    View(num_runs=num_runs).print_verdict(good, num_other=other, num_lost=lost)
    assert capsys.readouterr().out == said


def test_reasons_are_said_once_and_text_is_never_markup(capsys: Capture) -> None:
    view = View(num_runs=1)
    view.print_left_out(["[b]a", "[b]a"])
    view.print_places([])
    assert capsys.readouterr().out == "left out  [b]a\ndry run: nothing trained; there is nothing to train\n"
