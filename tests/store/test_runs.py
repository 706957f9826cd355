"""The model of a finished run as a source: what is no such run is refused with the way out."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from clozelab.errors import ConfigError
from clozelab.store.runs import Runs, is_held, read_config, read_rows, read_run, run_directory, standing


def make_run(folder: Path, tiny_model: Path, status: str = "completed") -> Path:
    """Makes the directory of a run that ended as `status`."""
    shutil.copytree(tiny_model, folder / "model")
    (folder / "run.json").write_text(json.dumps({"status": status}))
    return folder


@pytest.fixture
def run(tiny_model: Path, tmp_path: Path) -> Path:
    return make_run(tmp_path / "outputs/study/cell/seed-1", tiny_model)


def test_a_run_stands_for_its_model_folder_and_the_model_folder_for_itself(run: Path) -> None:
    for path in (run, run / "model"):
        Runs().check(str(path))
        assert Runs().locate(str(path)) == run / "model"
        assert run_directory(f"{path}/") == run


def test_the_home_directory_may_be_written_short(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(run.parent))
    assert Runs().locate("~/seed-1") == run / "model"


@pytest.mark.parametrize("path", ["nowhere/seed-1", "", "~nobody-of-this-name/seed-1", "x" * 300])
def test_a_folder_that_is_not_there_is_refused(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="give the directory of a run, outputs/<study>/<name>/seed-<n>"):
        Runs().check(path)


def test_a_file_is_refused(run: Path) -> None:
    with pytest.raises(ConfigError, match="no such folder"):
        Runs().check(str(run / "run.json"))


def test_of_a_cell_one_seed_has_to_be_chosen(run: Path) -> None:
    for seed in (10, 2):
        (run.parent / f"seed-{seed}").mkdir()
    seeds = ", ".join(str(run.parent / f"seed-{seed}") for seed in (1, 2, 10))
    with pytest.raises(ConfigError) as caught:
        Runs().check(str(run.parent))
    assert str(caught.value).endswith(f"choose one of its seeds: {seeds}")


def test_of_a_study_or_of_all_outputs_a_run_is_named(run: Path) -> None:
    for folder in (run.parents[1], run.parents[2]):
        with pytest.raises(ConfigError, match="choose one below it, such as") as caught:
            Runs().check(str(folder))
        assert str(caught.value).endswith(str(run))


@pytest.mark.parametrize("status", ["interrupted", "failed", "new"])
def test_a_run_that_has_not_completed_is_refused_with_its_status(status: str, tiny_model: Path, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", tiny_model, status)
    words = f"this run is {status}, not completed; type its command again to finish it"
    for path in (run, run / "model"):
        with pytest.raises(ConfigError, match=words):
            Runs().check(str(path))


def test_a_run_says_running_only_while_its_process_lives(tiny_model: Path, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", tiny_model, "running")
    assert standing(run, read_run(run)) == "interrupted", "without a lock no process can be at it"
    assert not (run / ".lock").exists(), "looking leaves nothing"
    code = (
        "import sys; from filelock import FileLock; l = FileLock(sys.argv[1]); l.acquire(); print(flush=True); input()"
    )
    command = [sys.executable, "-c", code, str(run / ".lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert standing(run, read_run(run)) == "running"
        with pytest.raises(ConfigError, match="this run is running, not completed; wait for it"):
            Runs().check(str(run))
        process.kill()
    assert standing(run, read_run(run)) == "interrupted", "killed, it said nothing"
    assert standing(run, {"status": "failed"}) == "failed"
    assert standing(run, {}) == "new"


def test_a_lock_that_may_not_be_tried_leaves_what_the_run_says(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(tmp_path / "run", tiny_model, "running")
    (run / ".lock").touch()

    def refuse(self: FileLock, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(FileLock, "acquire", refuse)
    assert is_held(run)


def test_a_damaged_run_and_one_whose_model_was_removed_are_refused(run: Path) -> None:
    shutil.rmtree(run / "model")
    with pytest.raises(ConfigError, match="no model any more"):
        Runs().fingerprint(str(run))
    (run / "run.json").write_text("{")
    with pytest.raises(ConfigError, match=r"run\.json': damaged, not JSON"):
        Runs().check(str(run))


def test_the_fingerprint_is_of_the_model_and_neither_of_its_place_nor_of_its_card(run: Path, tmp_path: Path) -> None:
    before = Runs().fingerprint(str(run))
    assert Runs().fingerprint(str(run / "model")) == before
    moved = Path(shutil.copytree(run, tmp_path / "elsewhere"))
    (moved / "model/README.md").write_text("other scores")
    (moved / "metrics.json").write_text("{}")
    assert Runs().fingerprint(str(moved)) == before
    for name in ("model.safetensors", "tokenizer.json", "config.json"):
        file = moved / "model" / name
        content = file.read_bytes()
        file.write_bytes(content + b" ")
        assert Runs().fingerprint(str(moved)) != before, name
        file.write_bytes(content)


def test_curves_are_read_by_step_and_what_is_no_table_of_numbers_is_named(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    assert read_rows(path) == {}
    path.write_text("step,train/loss,val/loss\n10,0.5,\n20,,0.25\n")
    assert read_rows(path) == {10: {"train/loss": 0.5}, 20: {"val/loss": 0.25}}
    for text in ("step,train/loss\n10,half\n", "train/loss\n0.5\n", "step,train/loss\n10,0.5,0.25\n"):
        path.write_text(text)
        with pytest.raises(ConfigError, match=r"history\.csv': damaged, not a table of numbers"):
            read_rows(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "has no config.yaml; without it nobody knows what ran"),
        (b"a: [", "config.yaml': damaged, not YAML"),
        (b"\xff", "config.yaml': damaged, not YAML"),
        (b"- 1", "config.yaml': damaged, not the configuration of a run"),
        (b"data: {}\ntask: x", "config.yaml': damaged, has no task"),
    ],
)
def test_a_configuration_that_is_damaged_is_named(content: bytes | None, message: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "config.yaml").write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        read_config(tmp_path, "data", "task")


def test_a_configuration_is_read_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("data: {path: 'Grüße', limit: null}\nseed: 1\n", encoding="utf-8")
    assert read_config(tmp_path, "data") == {"data": {"path": "Grüße", "limit": None}, "seed": 1}
