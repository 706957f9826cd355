"""Curves: the same axes everywhere, and every row where it belongs."""

from collections.abc import Callable
from pathlib import Path

import pytest

from clozelab.callbacks.curves import Curves
from clozelab.errors import ConfigError
from clozelab.logger.history import read_history

Run = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize("micro_batches", [1, 2])
def test_rows_carry_steps_examples_and_tokens(
    clozelab: Run, overrides: list[str], tmp_path: Path, micro_batches: int
) -> None:
    options = [*overrides, "callbacks.curves.every_n_steps=3", f"data.micro_batches={micro_batches}"]
    assert clozelab("train", *options)[0] == 0
    (run,) = (tmp_path / "outputs").glob("*/*/seed-*")
    rows = read_history(run)
    assert [s for s, row in rows.items() if "train/loss" in row] == [3, 6, 9, 12, 15, 16]
    assert [s for s, row in rows.items() if "val/f1_conlleval" in row] == [8, 16]
    assert [rows[s]["progress/examples"] for s in (3, 8, 16)] == [24, 60, 120]
    assert rows[16]["progress/tokens"] == 2 * rows[8]["progress/tokens"]
    assert rows[16]["train/lr"] == pytest.approx(1e-3 / 14), "the rate of the step itself: 2 warm up, 14 decay"
    assert "perf" not in str(rows)


@pytest.mark.parametrize("freeze", ["none", "all"])
def test_the_learning_rate_is_the_optimizers_also_where_parts_learn_at_others(
    clozelab: Run, overrides: list[str], tmp_path: Path, freeze: str
) -> None:
    groups = ["optimizer.groups.layer_decay=0.5", "optimizer.groups.head_lr=0.02", f"model.freeze={freeze}"]
    assert clozelab("train", *overrides, *groups, "callbacks.curves.every_n_steps=1")[0] == 0
    (run,) = (tmp_path / "outputs").glob("*/*/seed-*")
    rates = [row["train/lr"] for row in read_history(run).values() if "train/lr" in row]
    assert rates == pytest.approx([0, 1e-3 / 2, *(1e-3 * (16 - step) / 14 for step in range(2, 16))])


def test_wrong_values_are_refused() -> None:
    with pytest.raises(ConfigError, match="every_n_steps"):
        Curves(every_n_steps=0)
