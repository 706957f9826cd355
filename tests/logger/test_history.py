"""Curves on disk: whole files, clock values apart, and the same file after a resume."""

from pathlib import Path

from clozelab.logger.history import History, read_history


def test_rows_of_one_step_are_merged_and_read_back_exactly(tmp_path: Path) -> None:
    history = History(folder=tmp_path)
    history.log_metrics({"train/loss": 0.1 + 0.2}, 10)
    history.log_metrics({"val/f1_conlleval": 1 / 3}, 10)
    history.finalize("success")
    assert read_history(tmp_path) == {10: {"train/loss": 0.1 + 0.2, "val/f1_conlleval": 1 / 3}}


def test_clock_values_are_kept_apart(tmp_path: Path) -> None:
    history = History(folder=tmp_path)
    history.log_metrics({"train/loss": 1.0, "perf/tokens_per_second": 123.0}, 1)
    history.finalize("success")
    assert "perf" not in (tmp_path / "history.csv").read_text()
    assert "123.0" in (tmp_path / "timings.csv").read_text()


def test_a_resumed_run_drops_what_came_after_and_ends_with_the_same_file(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    for folder in (whole, cut):
        folder.mkdir()
        history = History(folder=folder)
        for step in range(1, 8):
            history.log_metrics({"train/loss": step / 7}, step)
        history.finalize("failed")
    resumed = History(folder=cut)
    resumed.resume_from(4)
    assert sorted(resumed.rows) == [1, 2, 3, 4]
    for step in range(5, 8):
        resumed.log_metrics({"train/loss": step / 7}, step)
    resumed.finalize("success")
    assert (cut / "history.csv").read_text() == (whole / "history.csv").read_text()


def test_validation_is_written_at_once(tmp_path: Path) -> None:
    History(folder=tmp_path).log_metrics({"val/loss": 2.0}, 3)
    assert read_history(tmp_path) == {3: {"val/loss": 2.0}}
