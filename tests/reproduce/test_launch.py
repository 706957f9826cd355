"""Launching: one run in this process, several as a sweep, and what is completed not at all."""

import logging
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from clozelab import experiment
from clozelab.errors import RunFailedError
from clozelab.reproduce import launch as module
from clozelab.reproduce.launch import launch


def rebuilt(seed: int, *, is_done: bool = False) -> Any:
    """Returns what `launch` looks at of a run that is ready to be launched."""
    run = SimpleNamespace(
        id=f"s-0a1b-seed-{seed}", folder=Path(f"seed-{seed}"), state=lambda: {"code": {"commit": "x"}}
    )
    cell = SimpleNamespace(hash="0a1b")
    return SimpleNamespace(
        run=run, config={"seed": seed}, identity=object(), is_done=is_done, original=SimpleNamespace(cell=cell)
    )


@pytest.fixture
def executed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What was executed in this process."""
    calls: list[tuple[Any, ...]] = []
    monkeypatch.setattr(experiment, "execute", lambda *arguments: calls.append(arguments))
    return calls


def test_one_run_is_executed_in_this_process(executed: list[tuple[Any, ...]]) -> None:
    one = rebuilt(1)
    assert launch([one]) == {}
    assert executed == [(one.run, one.config, one.identity)]


def test_a_completed_one_is_not_and_that_other_code_made_it_is_said(
    executed: list[tuple[Any, ...]], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert launch([rebuilt(1, is_done=True)]) == {}
    assert executed == []
    assert "seed-1 was made by other code (x)" in caplog.text


def test_several_are_a_sweep_that_names_cell_and_seed_and_the_failed_are_returned(
    executed: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def sweep(cells: Sequence[Any]) -> list[float | BaseException]:
        for cell in cells:
            cell.run = SimpleNamespace(id=f"s-0a1b-seed-{cell.config['seed']}")
        assert [cell.overrides for cell in cells] == [("cell=0a1b", "seed=1"), ("cell=0a1b", "seed=2")]
        return [0.5, RunFailedError("seed-2 failed: out of memory")]

    monkeypatch.setattr(module, "run_sweep", sweep)
    assert launch([rebuilt(1), rebuilt(2)]) == {"s-0a1b-seed-2": "seed-2 failed: out of memory"}
    assert executed == []


def test_nothing_is_no_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "run_sweep", None)
    assert launch([]) == {}
