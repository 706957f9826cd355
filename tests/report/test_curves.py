"""Curves are the mean and the spread over the seeds at every step; cost is what was recorded."""

import statistics
from collections.abc import Callable
from pathlib import Path

import pytest

from clozelab.compare.cells import make_cells
from clozelab.compare.read import read_runs
from clozelab.errors import ConfigError
from clozelab.report import curves

RunAt = Callable[..., Path]


def rows(values: dict[int, float], tokens: int) -> list[dict[str, float]]:
    return [
        {
            "step": s,
            "progress/examples": 8 * s,
            "progress/tokens": tokens * s,
            "epoch": 0,
            "val/loss": v,
            "val/f1/one": v,
        }
        for s, v in values.items()
    ]


def averages(folder: Path) -> dict[str, curves.Curve]:
    (cell,) = make_cells(read_runs([folder]))
    return curves.averages(cell)


def test_a_curve_has_mean_and_standard_deviation_of_the_seeds_that_reach_a_step(tmp_path: Path, run_at: RunAt) -> None:
    values = {1: {10: 1.0, 20: 0.5}, 2: {10: 2.0, 20: 0.7, 30: 0.4}}
    for seed, own in values.items():
        run_at(tmp_path / "s" / "c", seed, identity={}, metrics={"val/loss": 1.0}, history=rows(own, 100 + seed))
    (name,) = found = averages(tmp_path)
    assert name == "val/loss"  # neither x-axes nor metrics of a single class
    curve = found[name]
    assert curve["steps"] == [10, 20, 30]
    assert curve["examples"] == [80, 160, 240]
    assert curve["tokens"] == [1015, 2030, 3060]  # where seeds have other lengths, their mean
    assert curve["mean"] == pytest.approx([1.5, 0.6, 0.4])
    assert curve["std"] == pytest.approx([statistics.stdev([1, 2]), statistics.stdev([0.5, 0.7]), 0.0])


def test_one_seed_has_no_band(tmp_path: Path, run_at: RunAt) -> None:
    run_at(tmp_path / "s" / "c", 1, identity={}, metrics={"val/loss": 1.0}, history=rows({10: 1.0}, 1))
    assert "std" not in averages(tmp_path)["val/loss"]


def test_a_run_that_failed_does_not_bend_the_curve_of_those_that_finished(tmp_path: Path, run_at: RunAt) -> None:
    run_at(tmp_path / "s" / "c", 1, identity={}, history=rows({10: 9.0}, 1))
    assert averages(tmp_path)["val/loss"]["mean"] == [9.0]  # better than nothing
    run_at(tmp_path / "s" / "c", 2, identity={}, metrics={"val/loss": 1.0}, history=rows({10: 1.0}, 1))
    assert averages(tmp_path)["val/loss"]["mean"] == [1.0]


def test_a_run_without_curves_is_no_error_and_a_damaged_file_is_named(tmp_path: Path, run_at: RunAt) -> None:
    run = run_at(tmp_path / "s" / "c", 1, identity={}, metrics={"val/loss": 1.0})
    assert averages(tmp_path) == {}
    (run / "history.csv").write_text("step,val/loss\nten,1.0\n")
    with pytest.raises(ConfigError, match=r"history.csv': damaged"):
        averages(tmp_path)


def test_long_curves_are_thinned_evenly_and_keep_both_ends() -> None:
    long = {name: [float(i) for i in range(10_000)] for name in ("steps", "mean", "std")}
    ((_, curve),) = curves.thinned([{"train/loss": long}])[0].items()
    assert len(curve["mean"]) == curves.POINTS
    assert (curve["steps"][0], curve["steps"][-1]) == (0, 9_999)
    gaps = {b - a for a, b in zip(curve["steps"], curve["steps"][1:], strict=False)}
    assert gaps <= {50, 51}
    many = curves.thinned([{"train/loss": long}] * 1_000)
    assert sum(len(own["train/loss"]["mean"]) for own in many) <= curves.MAX_POINTS
    assert curves.thinned([{"train/loss": {"mean": [1 / 3]}}])[0]["train/loss"]["mean"] == [0.333333]


def test_cost_is_averaged_over_the_seeds(tmp_path: Path, run_at: RunAt) -> None:
    for seed in (1, 3):
        run_at(tmp_path / "s" / "c", seed, identity={}, metrics={"val/loss": 1.0}, history=rows({10: 1.0}, 1))
    run_at(tmp_path / "s" / "c", 4, identity={})
    (cell,) = make_cells(read_runs([tmp_path]))
    assert curves.cost(cell) == {"seconds": 62.0, "steps": 30.0, "speed": 2000.0, "machine": "one, 2 threads"}


def test_a_single_thread_is_one(tmp_path: Path, run_at: RunAt) -> None:
    run_at(tmp_path / "s" / "c", 1, identity={}, metrics={"val/loss": 1.0}, numerics={"num_threads": 1})
    (cell,) = make_cells(read_runs([tmp_path]))
    assert curves.cost(cell)["machine"] == "one, 1 thread"


def test_what_was_not_recorded_is_none(tmp_path: Path, run_at: RunAt) -> None:
    run_at(tmp_path / "s" / "c", 1, identity={}, metrics={"val/loss": 1.0}, fit_seconds=None, hardware={}, numerics={})
    (cell,) = make_cells(read_runs([tmp_path]))
    assert curves.cost(cell) == {"seconds": None, "steps": 30.0, "speed": None, "machine": ""}
