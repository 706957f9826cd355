"""The table of a sweep: every cell, what it varies, and the metric it was selected by."""

import json
from pathlib import Path

import pytest

from clozelab.record import Run
from clozelab.sweep.cell import Cell
from clozelab.sweep.view import View, duration


def cell(folder: Path, rate: str, seed: int) -> Cell:
    config = {"output_dir": str(folder), "trainer": {"max_epochs": 2}, "data": {"fraction": 0.5}}
    made = Cell(config=config, overrides=("model=m", f"optimizer.lr={rate}", f"seed={seed}"))
    made.run = Run(output_dir=folder, study="s", name="n", cell=f"0000000{rate[0]}", seed=seed)
    return made


def test_the_table_shows_what_varies_and_the_selected_metric(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cells = [cell(tmp_path, "1e-5", 1), cell(tmp_path, "2e-5", 1)]
    cells[0].state = "stored"
    cells[0].run.write_state(selection="val/f1_strict")
    cells[0].run.complete({"val/f1_strict": 0.5, "test/f1_strict": 0.25})
    cells[1].state, cells[1].message, cells[1].seconds = "failed", "boom\n[red]bang[/red]", 3700
    view = View(cells)
    view.finished(cells[1])
    view.print_table()
    out = capsys.readouterr().out
    assert "FAILED lr=2e-5  1h01  [red]bang[/red]" in out
    assert "stored" in out
    assert "0.5000" in out
    assert "0.2500" in out
    assert "val and test: f1_strict" in out
    assert "model" not in out.splitlines()[1], "only what varies is a column"
    assert f"comparison       clozelab compare {tmp_path / 's'}\n" in out


def test_a_share_of_work_follows_epochs_and_data(tmp_path: Path) -> None:
    assert cell(tmp_path, "1e-5", 1).epochs == 1.0


def test_the_line_counts_every_state_and_estimates_the_rest(tmp_path: Path) -> None:
    cells = [cell(tmp_path, f"{i}e-5", 1) for i in range(1, 5)]
    for made, state in zip(cells, ("done", "running", "failed", "left"), strict=True):
        made.state = state  # type: ignore[assignment]
    cells[1].run.folder.mkdir(parents=True)
    (cells[1].run.folder / "progress.json").write_text(json.dumps({"step": 5, "num_steps": 10}))
    line = View(cells)._line()
    assert line.startswith("1 done, 1 running, 1 failed, 1 left; about ")
    assert line.endswith("now lr=2e-5 50%")


@pytest.mark.parametrize(("seconds", "shown"), [(3, "3s"), (61, "1m01s"), (3700, "1h01")])
def testdurations_are_short(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


def test_cells_selected_by_different_metrics_say_by_which(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cells = [cell(tmp_path, "1e-5", 1), cell(tmp_path, "2e-5", 1)]
    for made, metric in zip(cells, ("loss", "accuracy"), strict=True):
        made.state = "done"
        made.run.write_state(selection=f"val/{metric}")
        made.run.complete({f"val/{metric}": 0.5, f"test/{metric}": 0.25})
    View(cells).print_table()
    rows = capsys.readouterr().out.splitlines()
    assert rows[0].split()[:5] == ["lr", "state", "metric", "val", "test"]
    assert [row.split()[2] for row in rows[1:3]] == ["loss", "accuracy"]
    assert not any("val and test" in row for row in rows)
