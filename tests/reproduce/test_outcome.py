"""What came out: tolerance is 0 where nothing differs, else what the seeds say, and never more without saying so."""

import math
from pathlib import Path
from typing import Any

import pytest

from clozelab.compare.cells import Cell
from clozelab.compare.read import Record
from clozelab.reproduce.originals import Original
from clozelab.reproduce.outcome import basis, is_reproduced, judge

THEN = {"val/f1": 0.8, "test/f1": 0.7, "val/f1/PER": 0.5, "test/loss": math.nan}


def original(*others: dict[str, float], selection: str | None = "val/f1", **state: Any) -> Original:
    """Returns a run among those with other seeds."""
    runs = [
        Record(Path(f"study/cell/seed-{i}"), i, "completed", {"selection": selection, **state}, metrics)
        for i, metrics in enumerate([THEN, *others])
    ]
    return Original(runs[0], {}, Cell("study", "cell", tuple(runs)))


def verdicts(now: dict[str, float], of: Original, **options: Any) -> dict[str, str]:
    return {o.metric: o.verdict for o in judge(of, {**THEN, **now}, **options)}


def test_equal_metrics_are_equal_and_nan_is_nan() -> None:
    outcomes = judge(original(), dict(THEN), differs=False)
    assert {o.verdict for o in outcomes} == {"equal"}
    assert is_reproduced(outcomes)
    assert not is_reproduced(judge(original(), {**THEN, "test/loss": 1.0}, differs=False))


def test_where_nothing_differs_every_last_bit_of_every_metric_counts() -> None:
    for name in ("val/f1", "val/f1/PER"):
        outcomes = judge(original({"val/f1": 0.1}), {**THEN, name: math.nextafter(THEN[name], 1)}, differs=False)
        assert [o.metric for o in outcomes if o.verdict == "different"] == [name]
        assert not is_reproduced(outcomes)


def test_where_something_differs_two_standard_deviations_over_the_seeds_are_allowed() -> None:
    of = original({"val/f1": 0.82, "test/f1": 0.7, "val/f1/PER": 0.5})  # std 0.01414 of val/f1, 0 of the others
    assert verdicts({"val/f1": 0.8282}, of, differs=True)["val/f1"] == "within"
    assert verdicts({"val/f1": 0.8284}, of, differs=True)["val/f1"] == "different"
    assert verdicts({"val/f1": 0.7718}, of, differs=True)["val/f1"] == "within"
    assert verdicts({"test/f1": 0.7001}, of, differs=True)["test/f1"] == "different"
    assert "2 standard deviations over the 2 seeds" in basis(of, differs=True, tolerance=None)


def test_without_other_seeds_only_rounding_is_allowed_and_that_is_said() -> None:
    of = original()
    assert verdicts({"val/f1": 0.8 + 7e-7}, of, differs=True)["val/f1"] == "within"
    assert verdicts({"val/f1": 0.8 + 9e-7}, of, differs=True)["val/f1"] == "different"
    assert "no run with another seed" in basis(of, differs=True, tolerance=None)


@pytest.mark.parametrize(
    ("metric", "selection", "reproduced"),
    [
        ("val/f1", "val/f1", False), ("test/f1", "val/f1", False), ("val/f1/PER", "val/f1", True),
        ("val/f1/PER", "val/unknown", False), ("val/f1/PER", None, False),
    ],
)  # fmt: skip
def test_where_something_differs_the_metrics_that_are_reported_decide(
    metric: str, selection: str | None, reproduced: bool
) -> None:
    outcomes = judge(original(selection=selection), {**THEN, metric: 0.0}, differs=True)
    assert is_reproduced(outcomes) == reproduced
    assert [o.metric for o in outcomes if o.verdict == "different"] == [metric]


def test_a_tolerance_that_is_given_holds_for_every_metric() -> None:
    for differs in (True, False):
        assert verdicts({"val/f1": 0.85}, original(), differs=differs, tolerance=0.06)["val/f1"] == "within"
        assert verdicts({"val/f1": 0.87}, original(), differs=differs, tolerance=0.06)["val/f1"] == "different"
    assert basis(original(), differs=True, tolerance=0.06) == "tolerance: 0.06, as given"


def test_a_metric_that_is_gone_is_different() -> None:
    now = {name: value for name, value in THEN.items() if name != "test/f1"}
    outcomes = judge(original(), now, differs=True, tolerance=10.0)
    assert [o.metric for o in outcomes if o.verdict == "different"] == ["test/f1"]
    assert not is_reproduced(outcomes)
