"""The end of a run on the terminal."""

from pathlib import Path

import pytest

from clozelab.record import Run
from clozelab.summary import print_result

METRICS = {
    "val/loss": 0.5, "val/f1_strict": 0.25, "val/f1_conlleval": 0.75, "val/f1_conlleval/PER": 0.8, "val/accuracy": 0.9,
    "val/precision_conlleval": 0.7, "val/recall_conlleval": 0.6, "test/loss": 0.123456, "test/accuracy": 1.0,
    "val/other": 3.0,
}  # fmt: skip


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A completed run."""
    run = Run(output_dir=tmp_path, study="s", name="n", cell="0123abcd", seed=1)
    with run.recording():
        run.complete(METRICS)
    return run


def test_the_table_has_a_row_a_metric_and_a_column_a_split(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    print_result(run, tmp_path)
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert rows[0] == ["metric", "validation", "test"]
    assert rows[1:-2] == [
        ["loss", "0.5000", "0.1235"], ["accuracy", "0.9000", "1.0000"], ["precision_conlleval", "0.7000", "-"],
        ["recall_conlleval", "0.6000", "-"], ["f1_conlleval", "0.7500", "-"], ["f1_strict", "0.2500", "-"],
        ["other", "3.0000", "-"], ["f1_conlleval/PER", "0.8000", "-"],
    ]  # fmt: skip
    assert rows[-2] == ["run", "directory", str(run.folder)]
    assert rows[-1] == ["model", str(run.folder / "model")]


def test_the_command_for_the_dashboard_is_shown_where_there_is_one(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "wandb").mkdir()
    print_result(run, tmp_path)
    assert f"wandb leet {tmp_path / 'wandb'}" in (out := capsys.readouterr().out)
    assert "tensorboard" not in out
    (tmp_path / "tensorboard").mkdir()
    print_result(run, tmp_path)
    assert f"tensorboard --logdir {tmp_path / 'tensorboard'}" in capsys.readouterr().out


def test_a_long_or_odd_path_is_printed_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(output_dir=tmp_path / ("long" * 50), study="s", name="n [brackets] :a: :smile:", cell="0123abcd", seed=1)
    with run.recording():
        run.complete({})
    print_result(run, tmp_path)
    assert f"run directory  {run.folder}\n" in capsys.readouterr().out
