"""`clozelab reproduce`: the same bits from a run directory alone, and a verdict one can trust."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from clozelab import experiment
from clozelab.compare.cells import make_cells
from clozelab.compare.read import read_runs
from clozelab.compare.results import write_results

Run = Callable[..., tuple[int, str, str]]
Edit = Callable[..., None]
SAME = ("model/model.safetensors", "model/tokenizer.json", "metrics.json", "history.csv")


def state(run: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((run / "run.json").read_text())
    return values


def reproduction(output: Path) -> Path:
    (run,) = output.glob("reproduced/*/*/seed-*")
    return run


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(file.relative_to(folder)): (file.stat().st_mtime_ns, file.stat().st_size) for file in folder.rglob("*")}


def assert_same_bits(original: Path, again: Path) -> None:
    for name in SAME:
        assert (again / name).read_bytes() == (original / name).read_bytes(), name


@pytest.mark.parametrize("kind", ["words", "single", "pairs", "numbers", "masks", "adapted"])
def test_a_run_of_each_task_comes_out_bitwise_the_same(
    kind: str, run_of: Callable[[str], Path], request: pytest.FixtureRequest, clozelab: Run, tmp_path: Path
) -> None:
    original = request.getfixturevalue("adapted_run") if kind == "adapted" else run_of(kind)
    before = snapshot(original)
    code, out, err = clozelab("reproduce", str(original), f"output_dir={tmp_path}")
    assert code == 0, (out, err)
    assert out.startswith("what differs: nothing\n")
    metrics = json.loads((original / "metrics.json").read_text())
    assert f"{len(metrics)} metrics: {len(metrics)} equal\n" in out
    assert "tolerance: 0, since nothing differs" in out
    again = reproduction(tmp_path)
    assert f"\nreproduced  {again}\n" in out
    assert_same_bits(original, again)
    assert state(again)["identity_hash"] == state(original)["identity_hash"]
    assert snapshot(original) == before, "the original stays as it is"


def test_a_dry_run_says_what_differs_and_trains_nothing(
    copied: Path, edit: Edit, clozelab: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(experiment, "execute", None)
    monkeypatch.setenv("COLUMNS", "200")
    edit(
        copied / "run.json", packages__torch="0.1", hardware__cores=99, code__source="abc", code__commit="def",
        tokenizer="old", numerics__kernels="[b]MMX[/b]",
    )  # fmt: skip
    code, out, _ = clozelab("reproduce", str(copied), "--dry-run", f"output_dir={tmp_path / 'o'}")
    assert code == 0
    lines = out.splitlines()
    rows = [line.split() for line in lines[2:7]]
    now = state(copied)
    assert [row[0] for row in rows] == [
        "code.commit", "code.source", "packages.torch", "numerics.kernels", "tokenizer",
    ]  # fmt: skip
    assert [row[1] for row in rows] == ["def", "abc", "0.1", "[b]MMX[/b]", "old"], "then"
    assert rows[2][2] == now["numerics"]["package.torch"]
    assert lines[7] == "what differs, but can change no number"
    assert lines[9].split()[:2] == ["hardware.cores", "99"]
    assert "what came out" not in out
    assert f"dry run: nothing trained; it would go to {tmp_path / 'o' / 'reproduced'}" in out
    assert not (tmp_path / "o").exists()


def test_a_finished_run_that_cannot_be_launched_is_not_reproduced_and_an_unfinished_one_has_nothing_to_reproduce(
    copied: Path, edit: Edit, clozelab: Run, tmp_path: Path
) -> None:
    other = copied.parents[1] / "b-0000000b" / "seed-42"
    shutil.copytree(copied, other)
    (other / "config.yaml").unlink()
    command = ["reproduce", str(copied.parents[1]), "--dry-run", f"output_dir={tmp_path / 'o'}"]
    code, out, _ = clozelab(*command)
    assert (code, f"left out  {other}: has no config.yaml" in out) == (3, True)
    edit(other / "run.json", status="failed")
    code, out, _ = clozelab(*command)
    assert (code, f"left out  {other}: this run is failed" in out) == (0, True)


def test_a_metric_that_is_another_one_is_not_reproduced(
    copied: Path, edit: Edit, clozelab: Run, tmp_path: Path
) -> None:
    value = json.loads((copied / "metrics.json").read_text())["test/loss"]
    edit(copied / "metrics.json", **{"test/loss": value + 1e-12})
    system = re.sub(r"Linux-[^-]+", "Linux-1.0", state(copied)["hardware"]["system"])
    edit(copied / "run.json", hardware__system=system, hardware__cores=99, code__diff="another README")
    code, out, _ = clozelab("reproduce", str(copied), f"output_dir={tmp_path / 'o'}")
    assert code == 3
    (row,) = [line.split() for line in out.splitlines() if line.startswith("test/loss")]
    assert row[3:] == ["1.0e-12", "0.0e+00", "different"]
    assert "1 different" in out
    assert "\nNOT reproduced  " in out
    edit(copied / "run.json", packages__torch="0.1")
    code, out, _ = clozelab("reproduce", str(copied), f"output_dir={tmp_path / 'o'}")
    assert code == 0, "something differs: rounding is allowed"
    assert "1 within tolerance" in out
    edit(copied / "metrics.json", **{"test/f1_conlleval": 0.0})
    code, out, _ = clozelab("reproduce", str(copied), f"output_dir={tmp_path / 'o'}")
    assert (code, "* test/f1_conlleval" in out, "no run with another seed tells" in out) == (3, True, True)
    code, out, _ = clozelab("reproduce", str(copied), f"output_dir={tmp_path / 'o'}", "--tolerance", "0.99")
    assert (code, "tolerance: 0.99, as given" in out) == (0, True)


def test_a_changed_file_is_another_run_which_is_not_launched(
    finished_run: Path, clozelab: Run, conll_files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(experiment, "execute", None)
    monkeypatch.setenv("COLUMNS", "250")
    other = tmp_path / "other.conll"
    other.write_text(conll_files["train"].read_text() + "\nx O\n")
    then = state(finished_run)["identity"]["data.train"]
    for more in ([], ["--dry-run"]):
        code, out, _ = clozelab("reproduce", str(finished_run), f"data.train={other}", f"output_dir={tmp_path}", *more)
        assert code == 3
        (row,) = [line.split() for line in out.splitlines() if line.startswith("identity.")]
        assert row[:2] == ["identity.data.train", f"{then[:12]}.conll"]
        assert row[2].endswith(".conll")
        assert row[2] != row[1]
        assert "it is not launched" in out
    assert not (tmp_path / "reproduced").exists()


def test_files_that_have_moved_are_named_and_give_the_same_run(
    copied: Path, clozelab: Run, conll_files: dict[str, Path], tmp_path: Path
) -> None:
    config = yaml.safe_load((copied / "config.yaml").read_text())
    config["data"]["train"] = "/gone/train.conll"
    (copied / "config.yaml").write_text(yaml.safe_dump(config))
    code, out, err = clozelab("reproduce", str(copied), f"output_dir={tmp_path / 'o'}")
    assert (code, out) == (2, "")
    assert "data.train='/gone/train.conll': no such file or folder" in err
    assert "what has moved is named by its key: data.train=PATH" in err
    moved = shutil.copy(conll_files["train"], tmp_path / "here.conll")
    code, out, _ = clozelab("reproduce", str(copied), "--dry-run", f"data.train={moved}")
    assert (code, out.startswith("what differs: nothing")) == (0, True)


def test_a_parent_that_is_gone_is_named_with_what_it_was(adapted_run: Path, clozelab: Run, tmp_path: Path) -> None:
    run = tmp_path / "seed-42"
    shutil.copytree(adapted_run, run)
    config = yaml.safe_load((run / "config.yaml").read_text())
    parent, config["model"]["path"] = config["model"]["path"], "/gone/seed-42"
    (run / "config.yaml").write_text(yaml.safe_dump(config))
    code, _, err = clozelab("reproduce", str(run), f"output_dir={tmp_path / 'o'}")
    assert code == 2
    assert "model.path='/gone/seed-42': no such folder" in err
    assert f"it began with the model of run {state(Path(parent))['id']}" in err
    code, out, _ = clozelab("reproduce", str(run), f"model.path={parent}", f"output_dir={tmp_path / 'o'}", "--dry-run")
    assert (code, out.startswith("what differs: nothing")) == (0, True)


@pytest.mark.slow
def test_an_interrupted_reproduction_goes_on_and_a_finished_one_is_compared_at_once(
    finished_run: Path, clozelab: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*args: object, **options: object) -> None:
        raise KeyboardInterrupt

    keys = [f"output_dir={tmp_path}", "callbacks.checkpoint.every_n_steps=1"]
    with monkeypatch.context() as patch:
        patch.setattr(experiment, "score_all", interrupt)
        assert clozelab("reproduce", str(finished_run), *keys)[0] == 130
    again = reproduction(tmp_path)
    assert state(again)["status"] == "interrupted"
    code, out, _ = clozelab("reproduce", str(finished_run), *keys)
    assert (code, "what differs: nothing" in out) == (0, True)
    assert state(again)["resumed_from_step"] > 0
    assert_same_bits(finished_run, again)
    monkeypatch.setattr(experiment, "execute", None)
    code, third, _ = clozelab("reproduce", str(finished_run), *keys)
    assert (code, third) == (0, out)
    # What differs is what the reproduction had, not what this process has.
    values = state(again)
    values["packages"]["torch"] = "0.1"
    (again / "run.json").write_text(json.dumps(values))
    assert "packages.torch" in clozelab("reproduce", str(finished_run), *keys)[1]


def test_the_recorded_number_of_threads_is_taken_unless_another_is_given(
    finished_run: Path, copied: Path, clozelab: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = yaml.safe_load((copied / "config.yaml").read_text())
    (copied / "config.yaml").write_text(yaml.safe_dump({**config, "num_threads": None}))
    monkeypatch.setattr("clozelab.environment.num_cores", lambda: 1000)
    assert "numerics" not in clozelab("reproduce", str(copied), "--dry-run")[1]
    out = clozelab("reproduce", str(copied), "--dry-run", "num_threads=2")[1]
    assert ["numerics.num_threads", "1", "2"] in [line.split() for line in out.splitlines()]


@pytest.mark.slow
def test_a_study_and_its_record_are_reproduced_run_by_run(overrides: list[str], clozelab: Run, tmp_path: Path) -> None:
    for seed in (1, 2):
        assert clozelab("train", *overrides, f"seed={seed}", "study=two", "trainer.max_epochs=1")[0] == 0
    study = tmp_path / "outputs" / "two"
    file = write_results(make_cells(read_runs([study])), tmp_path / "experiments" / "two")
    code, out, err = clozelab("reproduce", str(study), f"output_dir={tmp_path / 'o'}")
    assert code == 0, (out, err)
    assert "reproduced: 2 of 2 runs" in out
    for seed in (1, 2):
        (original,), (again,) = (tmp_path.glob(f"{top}/*/seed-{seed}") for top in ("outputs/two", "o/reproduced/two"))
        assert_same_bits(original, again)
    shutil.rmtree(study)
    code, out, _ = clozelab("reproduce", str(file.parent), f"output_dir={tmp_path / 'o'}")
    assert (code, "reproduced: 2 of 2 runs" in out) == (0, True)
    code, out, _ = clozelab("reproduce", str(file), "seed=2", f"output_dir={tmp_path / 'o'}")
    assert (code, out.count("what came out")) == (0, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dry"], "--dry: no such option. Did you mean '--dry-run'? Options: --dry-run, --filter, --tolerance"),
        (["--tolerance", "-1"], "--tolerance -1.0: must be a number >= 0"),
        (["--tolerance", "nan"], "--tolerance nan: must be a number >= 0"),
        (["seed=x"], "seed=x: must be an integer >= 0"),
        (["seed=7"], "no run with seed 7; there is 42"),
        (["optimizer.lr=1"], "optimizer.lr: says what is computed, and stays"),
        (["num_thread=1"], "num_thread: no such key. Did you mean 'num_threads'?"),
        (["data.trainn=x"], "data.trainn: no such key in this run. Did you mean 'data.train'?"),
        (["model.tokenizer=x"], "model.tokenizer: no such key in this run"),
        (["again"], "again: must be key=value; one run or study at a time"),
        (["logger=wandbb"], "Did you mean 'wandb'?"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    arguments: list[str], message: str, finished_run: Path, clozelab: Run, tmp_path: Path
) -> None:
    code, out, err = clozelab("reproduce", str(finished_run), f"output_dir={tmp_path}", *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_help_is_given(clozelab: Run) -> None:
    code, out, _ = clozelab("reproduce", "--help")
    assert (code, out.startswith("usage: clozelab reproduce PATH")) == (0, True)
    assert clozelab("reproduce")[0] == 2
