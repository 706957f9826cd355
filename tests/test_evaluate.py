"""Finished runs scored anew: the same weights under other settings, and the run itself left as it is."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

Run = Callable[..., tuple[int, str, str]]
METRICS = {"val/loss": 0.5, "val/f1_conlleval": 0.75, "test/loss": 0.25, "test/f1_conlleval": 0.5}
HEAVY = "{'torch', 'transformers', 'pytorch_lightning', 'wandb', 'datasets'}"
PROBE = f"""import sys
from clozelab.cli import main
code = main(sys.argv[1:])
assert not {HEAVY} & set(sys.modules)
sys.exit(code)"""


def contents(folder: Path) -> dict[str, bytes]:
    """Returns every file and folder below a folder, with the bytes of the files."""
    return {str(p.relative_to(folder)): p.read_bytes() if p.is_file() else b"" for p in sorted(folder.rglob("*"))}


def evaluated(out: str) -> Path:
    """Returns the folder that the last line of the output names."""
    return Path(out.splitlines()[-1].removeprefix("evaluated").strip())


def tags(folder: Path, split: str) -> list[list[str]]:
    """Returns the predicted tags of each sentence."""
    found: list[list[str]] = pq.read_table(folder / "predictions" / f"{split}.parquet")["prediction"].to_pylist()
    return found


@pytest.fixture
def run(finished_run: Path, tmp_path: Path) -> Path:
    """A run directory of the test's own."""
    return Path(shutil.copytree(finished_run, tmp_path / "run"))


def test_the_stored_scores_are_printed_without_torch(tmp_path: Path) -> None:
    confusion = {"PER": {"PER": 3, "LOC": 1}, "-": {"PER": 2}}
    errors = {split: {"confusion": confusion, "hardest": []} for split in ("validation", "test")}
    (tmp_path / "metrics.json").write_text(json.dumps(METRICS))
    (tmp_path / "errors.json").write_text(json.dumps(errors))
    before = contents(tmp_path)
    for more in ([], ["--errors"]):
        command = [sys.executable, "-c", PROBE, "evaluate", str(tmp_path), *more]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=120)
        assert (done.returncode, done.stderr) == (0, "")
        rows = [line.split() for line in done.stdout.splitlines()]
        assert rows[:3] == [
            ["metric", "validation", "test"], ["loss", "0.5000", "0.2500"], ["f1_conlleval", "0.7500", "0.5000"],
        ]  # fmt: skip
        assert rows[3] == ["evaluated", str(tmp_path)]
        assert ("test: confusion" in done.stdout) is bool(more)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("override", ["task.decoding=argmax", "data.eval_batch_size=128"])
def test_the_runs_own_settings_give_exactly_the_runs_scores(clozelab: Run, run: Path, override: str) -> None:
    before = contents(run)
    code, out, err = clozelab("evaluate", str(run), override)
    assert code == 0, err
    target = evaluated(out)
    assert target.parent == run / "evaluations"
    after = contents(run)
    assert {name: after[name] for name in before} == before, "the run itself stays as it is"
    assert (target / "metrics.json").read_text() == (run / "metrics.json").read_text()
    assert (target / "errors.json").read_text() == (run / "errors.json").read_text()
    for split in ("validation", "test"):
        ours, theirs = (pq.read_table(f / "predictions" / f"{split}.parquet") for f in (target, run))
        assert ours.equals(theirs)
    about = json.loads((target / "evaluation.json").read_text())
    identity = json.loads((run / "run.json").read_text())["identity"]
    assert about["overrides"] == [override]
    assert about["data"] == {f"data.{split}": identity[f"data.{split}"] for split in ("train", "validation", "test")}
    assert {"data_counts", "code", "packages"} <= set(about)


def test_decoding_anew_gives_legal_tags_and_leaves_the_run_as_it_is(clozelab: Run, run: Path) -> None:
    before = contents(run)
    code, out, err = clozelab("evaluate", str(run), "task.decoding=viterbi", "--errors")
    assert code == 0, err
    after = contents(run)
    assert {name: after[name] for name in before} == before
    assert {name.split("/")[0] for name in after.keys() - before.keys()} == {"evaluations"}
    (target,) = (run / "evaluations").iterdir()
    metrics, old = (json.loads((folder / "metrics.json").read_text()) for folder in (target, run))
    for split, prefix in (("validation", "val"), ("test", "test")):
        assert tags(target, split) != tags(run, split)
        for sentence in tags(target, split):
            joined = ["O", *sentence]
            pairs = zip(joined, sentence, strict=False)
            assert all(not tag.startswith("I-") or before in (tag, f"B-{tag[2:]}") for before, tag in pairs)
        assert metrics[f"{prefix}/f1_conlleval"] == metrics[f"{prefix}/f1_strict"]
        assert metrics[f"{prefix}/loss"] == old[f"{prefix}/loss"], "weights and probabilities are the same"
    assert "test: the hardest words" in out
    again, _, _ = clozelab("evaluate", str(run), "task.decoding=viterbi")
    assert (again, contents(run).keys()) == (0, after.keys()), "the same question has the same place"
    code, out, _ = clozelab("evaluate", str(target))
    assert (code, evaluated(out)) == (0, target), "results can be looked at like a run"


def test_other_data_change_the_scores_of_their_split_only(
    clozelab: Run, run: Path, conll_files: dict[str, Path]
) -> None:
    code, out, err = clozelab("evaluate", str(run), f"data.test={conll_files['train']}", "data.max_length=32")
    assert code == 0, err
    new, old = (json.loads((folder / "metrics.json").read_text()) for folder in (evaluated(out), run))
    assert new["val/accuracy"] == old["val/accuracy"]
    assert new["test/loss"] != old["test/loss"]
    assert len(tags(evaluated(out), "test")) == 60


REFUSED = [
    ("task.decoding", "must be key=value, such as task.decoding=viterbi"),
    ("outputs/other/seed-1", "must be key=value"),
    ("model.path=elsewhere", "model.path: cannot be set for a finished run"),
    ("optimizer.lr=1", "optimizer.lr: cannot be set for a finished run"),
    ("seed=3", "seed: cannot be set for a finished run"),
    ("task=token_classification", "task: cannot be set for a finished run"),
    ("=viterbi", "cannot be set for a finished run"),
    ("tsak.decoding=viterbi", "tsak.decoding: cannot be set for a finished run. Did you mean 'task.decoding'?"),
    ("task.decodign=viterbi", "task.decodign: TokenClassification has no such key. Did you mean 'decoding'?"),
    ("task.=viterbi", "task.: TokenClassification has no such key"),
    ("data.train.x=1", "data.train.x: no such key"),
    ("num_threads.x=1", "num_threads.x: no such key"),
    ("task.decoding=crf", "task.decoding='crf': must be one of 'argmax', 'viterbi'"),
    ("task.decoding=", "task.decoding=None: must be one of 'argmax', 'viterbi'"),
    ("task.decoding=[viterbi", "task.decoding=[viterbi: the value is not valid YAML"),
    ("data.eval_batch_size=many", "data.eval_batch_size='many': must be an integer"),
    ("data.limit=2", "data.limit: cannot be set for a finished run, which was trained with what it is"),
    ("data.fraction=0.5", "data.fraction: cannot be set for a finished run"),
    ("data.fold=1", "data.fold: cannot be set for a finished run"),
    ("data.split_seed=1", "data.split_seed: cannot be set for a finished run"),
    ("num_threads=two", "num_threads='two': must be null or an integer >= 1"),
    ("data.test=nowhere.conll", "data.test='nowhere.conll': no such file or folder"),
    ("task.selection=val/f2", "task.selection='val/f2': validation has no such metric"),
    ("task._target_=os.system", "task._target_='os.system': not allowed"),
    ("data.max_length=100000", "data.max_length=100000: the encoder takes 128 tokens at most"),
]


@pytest.mark.parametrize(("override", "message"), REFUSED, ids=[override for override, _ in REFUSED])
def test_what_cannot_be_set_is_refused_in_one_message_and_nothing_is_written(
    clozelab: Run, finished_run: Path, override: str, message: str
) -> None:
    before = contents(finished_run)
    code, out, err = clozelab("evaluate", str(finished_run), override)
    assert (code, out) == (2, "")
    assert err.startswith("clozelab: ") or "\nclozelab: " in err
    assert err.count("clozelab: ") == 1
    assert message in err
    assert contents(finished_run) == before


def test_data_with_other_labels_are_refused_and_nothing_is_written(
    clozelab: Run, finished_run: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.conll"
    other.write_text("Ada B-HERO\nmet O\nOslo B-LOC\n")
    before = contents(finished_run)
    code, out, err = clozelab("evaluate", str(finished_run), f"data.test={other}")
    assert (code, out) == (2, "")
    assert "labels that the model has never learnt: B-HERO" in err.splitlines()[-1]
    assert contents(finished_run) == before


def test_labels_that_the_data_lack_stay_in_their_places(
    clozelab: Run, run: Path, conll_files: dict[str, Path], tmp_path: Path
) -> None:
    few = tmp_path / "few.conll"
    few.write_text("Ada B-PER\nmet O\n")
    code, out, err = clozelab("evaluate", str(run), f"data.test={few}", f"data.validation={few}")
    assert code == 0, err
    (gold,) = pq.read_table(evaluated(out) / "predictions" / "test.parquet")["gold"].to_pylist()
    assert gold == ["B-PER", "O"]


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_a_file_that_is_not_the_runs_any_more_is_refused_unless_it_is_named(
    split: str, clozelab: Run, overrides: list[str], conll_files: dict[str, Path], tmp_path: Path
) -> None:
    own = tmp_path / f"{split}.conll"
    own.write_bytes(conll_files[split].read_bytes())
    assert clozelab("train", *overrides, f"data.{split}={own}", "trainer.max_epochs=1")[0] == 0
    (run,) = (tmp_path / "outputs").glob("*/*/seed-*")
    moved = tmp_path / f"moved.{split}.conll"
    own.rename(moved)
    assert clozelab("evaluate", str(run), f"data.{split}={moved}")[0] == 0, "the same bytes at another place"
    own.write_bytes(moved.read_bytes() + b"\nOslo B-LOC\n")
    code, _, err = clozelab("evaluate", str(run), "task.decoding=viterbi")
    assert code == 2
    assert f"data.{split}: the file is not the one that the run was made with" in err
    code, _, err = clozelab("evaluate", str(run), f"data.{split}={own}")
    assert code == (2 if split == "train" else 0), err


def test_a_configuration_of_other_code_is_refused_with_the_commit(clozelab: Run, run: Path) -> None:
    state = json.loads((run / "run.json").read_text())
    state["code"] = {"commit": "abc123", "diff": None}
    (run / "run.json").write_text(json.dumps(state))
    text = (run / "config.yaml").read_text()
    (run / "config.yaml").write_text(text.replace("clozelab.data.words.Words", "clozelab.data.module.DataModule"))
    code, _, err = clozelab("evaluate", str(run), "task.decoding=viterbi")
    assert code == 2
    assert "was made by other code (abc123)" in err


def test_two_runs_are_one_too_many(clozelab: Run, finished_run: Path) -> None:
    code, _, err = clozelab("evaluate", str(finished_run), str(finished_run))
    assert code == 2
    assert "one run at a time" in err


def test_viterbi_is_refused_for_a_run_over_plain_tags_before_anything_is_written(
    clozelab: Run, overrides: list[str], conll_files: dict[str, Path], tmp_path: Path
) -> None:
    files = []
    for split, path in conll_files.items():
        plain = tmp_path / f"{split}.pos"
        plain.write_text(path.read_text().replace("B-", "X").replace("I-", "Y"))
        files.append(f"data.{split}={plain}")
    assert clozelab("train", *overrides, *files, "trainer.max_epochs=1")[0] == 0
    (run,) = (tmp_path / "outputs").glob("*/*/seed-*")
    before = contents(run)
    code, out, err = clozelab("evaluate", str(run), "task.decoding=viterbi")
    assert (code, out) == (2, "")
    assert "task.decoding='viterbi': the labels are not IOB2 tags" in err
    assert contents(run) == before


def test_a_run_with_more_than_ten_labels_is_scored_with_its_labels_in_their_places(
    clozelab: Run, overrides: list[str], conll_files: dict[str, Path], tmp_path: Path
) -> None:
    files = []
    for split, path in conll_files.items():
        many = tmp_path / f"{split}.conll"
        text = path.read_text() + "\n" + "\n\n".join(f"met O\ngame B-T{i}\ncity I-T{i}" for i in range(6)) + "\n"
        many.write_text(text)
        files.append(f"data.{split}={many}")
    assert clozelab("train", *overrides, *files, "trainer.max_epochs=1")[0] == 0
    (run,) = (tmp_path / "outputs").glob("*/*/seed-*")
    code, out, err = clozelab("evaluate", str(run), "task.decoding=argmax")
    assert code == 0, err
    assert (evaluated(out) / "metrics.json").read_text() == (run / "metrics.json").read_text()


@pytest.mark.parametrize("override", [[], ["task.decoding=viterbi"]])
@pytest.mark.parametrize("name", ["nowhere", "file", "empty"])
def test_what_is_not_a_run_directory_is_refused(clozelab: Run, tmp_path: Path, name: str, override: list[str]) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    before = contents(tmp_path)
    code, out, err = clozelab("evaluate", str(tmp_path / name), *override)
    assert (code, out) == (2, "")
    expected = f"clozelab: '{tmp_path / name}': not the directory of a completed run (outputs/<study>/<name>/seed-<n>)"
    assert err == f"{expected}\n"
    assert contents(tmp_path) == before


def test_an_evaluation_can_be_looked_at_but_not_scored_anew(clozelab: Run, tmp_path: Path) -> None:
    (tmp_path / "metrics.json").write_text(json.dumps(METRICS))
    assert clozelab("evaluate", str(tmp_path))[0] == 0
    code, out, err = clozelab("evaluate", str(tmp_path), "task.decoding=viterbi")
    assert (code, out) == (2, "")
    assert err == (f"clozelab: '{tmp_path}': has no config.yaml; only the directory of a run can be scored anew\n")
    assert os.listdir(tmp_path) == ["metrics.json"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "usage: clozelab evaluate RUN"),
        (["--help"], 0, "usage: clozelab evaluate RUN"),
        (["-h"], 0, "usage: clozelab evaluate RUN"),
        (["run", "--help"], 0, "usage: clozelab evaluate RUN"),
        (["--errors"], 2, "usage: clozelab evaluate RUN"),
        (["run", "--erors"], 2, "--erors: no such option. Did you mean '--errors'?"),
        (["run", "-m"], 2, "-m: no such option. There is --errors"),
    ],
)
def test_how_the_verb_is_used_is_said_and_a_wrong_option_refused(
    clozelab: Run, arguments: list[str], code: int, message: str
) -> None:
    found, out, err = clozelab("evaluate", *arguments)
    assert found == code
    assert message in out + err


def test_a_reader_that_goes_away_is_no_interruption(finished_run: Path) -> None:
    command = [sys.executable, "-m", "clozelab", "evaluate", str(finished_run), "--errors"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()
    assert (process.wait(timeout=120), said) == (141, "")
