"""The run directory tells how a run ended, whatever ended it, and one process at a time writes it."""

import json
import logging
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest
from filelock import FileLock

from clozelab.errors import ConfigError, DataError, RunLockedError
from clozelab.record import Run, check_numerics


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A new run."""
    return make(tmp_path)


def make(output_dir: Path, name: str = "data-model", seed: int = 1) -> Run:
    return Run(output_dir=output_dir, study="a study", name=name, cell="0123abcd", seed=seed)


def test_a_run_that_was_only_asked_about_leaves_nothing(run: Run, tmp_path: Path) -> None:
    assert (run.status, run.state(), run.id) == ("new", {}, "a_study-0123abcd-seed-1")
    assert run.folder == tmp_path / "a study" / "data-model-0123abcd" / "seed-1"
    assert list(tmp_path.iterdir()) == []


def test_a_cell_is_found_by_its_hash_under_any_name(run: Run, tmp_path: Path) -> None:
    with run.recording():
        run.complete({"val/f1": 0.5})
    other = make(tmp_path, name="another name")
    assert other.folder == run.folder
    assert other.metrics() == {"val/f1": 0.5}
    assert make(tmp_path, name="another name", seed=2).folder == run.folder.parent / "seed-2"


def test_a_run_that_ends_is_completed(run: Run) -> None:
    with run.recording():
        assert run.status == "running"
        run.complete({"val/f1": 0.5, "test/loss": 1.25})
    state = run.state()
    assert state["status"] == "completed"
    assert state["error"] is None
    assert state["started"] <= state["finished"]
    assert run.metrics() == {"val/f1": 0.5, "test/loss": 1.25}


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ZeroDivisionError("boom"), "failed"),
        (MemoryError(), "failed"),
        (DataError("no file"), "failed"),
        (KeyboardInterrupt(), "interrupted"),
        (SystemExit(1), "interrupted"),
        (SystemExit(0), "interrupted"),
    ],
)
def test_how_a_run_ended_is_recorded_and_passed_on(run: Run, error: BaseException, status: str) -> None:
    run.folder.mkdir(parents=True)
    (run.folder / "progress.json").write_text("{}")
    (run.folder / "history.csv").write_text("step\n")
    with pytest.raises(type(error)), run.recording():
        raise error
    state = run.state()
    assert state["status"] == status
    assert state["error"] == f"{type(error).__name__}: {error}"
    assert not (run.folder / "progress.json").exists()
    assert "Traceback" in (run.folder / "run.log").read_text()


def test_a_users_mistake_before_anything_was_computed_leaves_no_directory(run: Run, tmp_path: Path) -> None:
    with pytest.raises(DataError), run.locked(), run.recording():
        raise DataError("no file")
    assert run.status == "new"
    assert not [path for path in tmp_path.rglob("*") if run.group in path.parts or path.is_file()]


def test_a_users_mistake_in_a_run_that_has_a_past_is_recorded(run: Run) -> None:
    with pytest.raises(ZeroDivisionError), run.recording():
        raise ZeroDivisionError
    with pytest.raises(DataError), run.recording():
        raise DataError("no file")
    assert run.state()["error"] == "DataError: no file"


def test_a_failed_run_may_be_recorded_again_and_its_error_goes(run: Run) -> None:
    with pytest.raises(ZeroDivisionError), run.recording():
        raise ZeroDivisionError
    with run.recording():
        assert run.state()["error"] is None
    assert run.status == "completed"
    assert "ZeroDivisionError" in (run.folder / "run.log").read_text(), "the log goes on where it was"


def talk_and_fail() -> None:
    logging.getLogger("clozelab.experiment").info("on both")
    logging.getLogger("some.library").info("in the log only")
    raise ZeroDivisionError("boom")


def test_the_traceback_goes_to_the_log_and_not_to_the_terminal(run: Run, capfd: pytest.CaptureFixture[str]) -> None:
    from clozelab.cli import _console

    logging.basicConfig(level=logging.INFO, handlers=[_console()], force=True)
    with pytest.raises(ZeroDivisionError), run.recording():
        talk_and_fail()
    out, err = capfd.readouterr()
    assert (out, err) == ("", "on both\n")
    log = (run.folder / "run.log").read_text()
    assert "on both" in log
    assert "in the log only" in log
    assert "Traceback (most recent call last)" in log
    assert "ZeroDivisionError: boom" in log


def test_warnings_go_to_the_log_while_recording(run: Run) -> None:
    code = """
        import logging, warnings
        from pathlib import Path
        from clozelab.record import Run
        logging.basicConfig(level=logging.INFO, handlers=[logging.NullHandler()])
        run = Run(output_dir=Path("."), study="a study", name="data-model", cell="0123abcd", seed=1)
        with run.recording():
            warnings.warn("a library says")
    """
    folder = run.folder.parents[2]
    command = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder)
    assert done.stderr == ""
    assert "a library says" in (run.folder / "run.log").read_text()


def test_the_loggers_are_as_before_when_a_run_has_ended(run: Run) -> None:
    before = list(logging.getLogger().handlers)
    with run.recording():
        assert len(logging.getLogger().handlers) == len(before) + 1
    assert logging.getLogger().handlers == before


def test_a_second_process_is_refused_and_changes_nothing(run: Run, clozelab_lock: str) -> None:
    with run.recording():
        state = (run.folder / "run.json").read_bytes()
        command = [sys.executable, "-c", clozelab_lock]
        folder = run.folder.parents[2]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
        assert done.returncode == 7, done.stderr
        assert "is being run by another process; wait for it, or choose another study" in done.stdout
        assert str(run.folder.name) in done.stdout
        assert (run.folder / "run.json").read_bytes() == state
    assert run.status == "completed"


@pytest.fixture
def clozelab_lock() -> str:
    """Code that records the same run from its working directory and exits with 7 if it is locked."""
    return textwrap.dedent("""
        import sys
        from pathlib import Path
        from clozelab.errors import RunLockedError, UserError
        from clozelab.record import Run
        run = Run(output_dir=Path("."), study="a study", name="x", cell="0123abcd", seed=1)
        assert run.status == "running"
        try:
            with run.recording():
                pass
        except RunLockedError as error:
            assert isinstance(error, UserError)
            print(error)
            sys.exit(7)
    """)


def test_the_lock_goes_with_the_process_that_held_it(run: Run, clozelab_lock: str) -> None:
    code = clozelab_lock.replace('assert run.status == "running"', "").replace("pass", "import os; os._exit(9)")
    folder = run.folder.parents[2]
    done = subprocess.run([sys.executable, "-c", code], check=False, cwd=folder)
    assert done.returncode == 9
    killed = make(folder)
    assert killed.status == "running", "a killed process cannot say more"
    with killed.recording():
        pass
    assert killed.status == "completed"


def test_a_look_at_the_lock_does_not_refuse_a_run_that_starts(run: Run) -> None:
    run.folder.mkdir(parents=True)
    look = FileLock(run.folder / ".lock", thread_local=False)
    look.acquire()
    threading.Timer(0.1, look.release).start()
    with run.locked():
        pass


def test_a_process_may_enter_its_own_run_again(run: Run, tmp_path: Path) -> None:
    with run.locked():
        assert run.status == "new", "holding is not running"
        with run.recording(), pytest.raises(RunLockedError), make(tmp_path).locked():
            pass
        with pytest.raises(RunLockedError), make(tmp_path).locked():
            pass
    with make(tmp_path).locked():
        pass


def test_a_seed_is_found_where_it_is_even_if_its_cell_has_two_folders(tmp_path: Path) -> None:
    for name, seed in (("b", 1), ("a", 2)):
        (tmp_path / "a study" / f"{name}-0123abcd" / f"seed-{seed}").mkdir(parents=True)
    assert [make(tmp_path, seed=seed).group[0] for seed in (1, 2, 3)] == ["b", "a", "a"]


def test_what_a_killed_attempt_left_half_written_is_removed(run: Run) -> None:
    (run.folder / "checkpoints").mkdir(parents=True)
    for name in (".last.ckpt.17.tmp", "last.ckpt"):
        (run.folder / "checkpoints" / name).write_text("x")
    with run.recording():
        assert [path.name for path in (run.folder / "checkpoints").iterdir()] == ["last.ckpt"]


def test_two_recordings_in_one_process_exclude_each_other(run: Run, tmp_path: Path) -> None:
    with run.recording(), pytest.raises(RunLockedError), make(tmp_path).recording():
        pass
    assert run.status == "completed"


def test_seeds_of_a_cell_do_not_lock_each_other(run: Run, tmp_path: Path) -> None:
    with run.recording(), make(tmp_path, seed=2).recording():
        pass


def test_the_state_file_is_replaced_whole(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run.write_state(status="running", note="é")
    whole = (run.folder / "run.json").read_bytes()

    def die(*args: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.replace", die)
        with pytest.raises(OSError, match="No space left"):
            run.write_state(status="completed")
    assert (run.folder / "run.json").read_bytes() == whole
    assert [path.name for path in run.folder.iterdir()] == ["run.json"]
    assert "é" in whole.decode()


def test_writing_the_state_keeps_what_is_there(run: Run) -> None:
    run.write_state(a=1, b=2)
    run.write_state(b=3)
    assert run.state() == {"a": 1, "b": 3}


def test_the_config_file_is_plain_yaml_that_reads_back_the_same(run: Run) -> None:
    import yaml

    config = {
        "optimizer": {"lr": 5e-05, "betas": [0.9, 0.999]},
        "name": None,
        "study": "é: x",
        "seed": 1,
        "rerun": False,
    }
    run.write_config(config)
    text = (run.folder / "config.yaml").read_text()
    assert yaml.safe_load(text) == config
    assert list(yaml.safe_load(text)) == list(config), "in its own order"
    assert "!!" not in text


def test_starting_over_keeps_the_log_only(run: Run) -> None:
    with run.recording():
        for name in ("metrics.json", "history.csv", "timings.csv", "checkpoints/last.ckpt", "model/x", "predictions/y"):
            path = run.folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_text("old")
        run.start_over()
        left = {path.name for path in run.folder.iterdir()}
    assert left - {".lock"} == {"run.log", "run.json"}


def test_other_numerics_are_refused_with_both_values() -> None:
    stored = {"num_threads": 2, "package.torch": "2.13.0", "same": 1}
    check_numerics(stored, dict(reversed(stored.items())), Path("x"))
    with pytest.raises(ConfigError) as caught:
        check_numerics(stored, {"num_threads": 4, "same": 1, "trainer.devices": 2}, Path("runs/x"))
    message = str(caught.value)
    assert message.startswith("runs/x was interrupted under other numerics (")
    for words in ("num_threads was 2, is 4", "package.torch was '2.13.0', is None", "trainer.devices was None, is 2"):
        assert words in message
    assert "same" not in message.partition("(")[2].partition(")")[0]
    assert "rerun=true" in message


def test_run_json_is_readable_by_others(run: Run) -> None:
    with run.recording():
        run.write_state(metrics={"a": 0.1})
    assert json.loads((run.folder / "run.json").read_text())["metrics"] == {"a": 0.1}


def test_what_a_killed_save_left_behind_is_removed(tmp_path: Path) -> None:
    run = Run(output_dir=tmp_path, study="s", name="n", cell="0123abcd", seed=1)
    left = run.folder / "checkpoints" / ".last.ckpt.0123456789ab.tmp"
    left.parent.mkdir(parents=True)
    left.write_text("half")
    with run.recording():
        assert not left.exists()
