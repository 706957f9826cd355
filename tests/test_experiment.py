"""The story of a run: reproducible to the bit, resumable to the bit, and complete on disk."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForTokenClassification, AutoTokenizer

from clozelab.data.conll import Conll

Run = Callable[..., tuple[int, str, str]]


def only_run(folder: Path) -> Path:
    """Returns the one run directory below an output directory."""
    (found,) = folder.glob("*/*/seed-*")
    return found


def weights(run: Path) -> dict[str, torch.Tensor]:
    return load_file(run / "model" / "model.safetensors")


def assert_equal_weights(a: Path, b: Path) -> None:
    first, second = weights(a), weights(b)
    assert first.keys() == second.keys()
    for name in first:
        assert torch.equal(first[name], second[name]), name


def train(clozelab: Run, overrides: list[str], output: Path, *more: str) -> Path:
    code, _, err = clozelab("train", *overrides, f"output_dir={output}", *more)
    assert code == 0, err
    return only_run(output)


def test_a_run_leaves_everything_the_contract_names(clozelab: Run, overrides: list[str], tmp_path: Path) -> None:
    run = train(clozelab, overrides, tmp_path / "a")
    names = {str(p.relative_to(run)) for p in run.rglob("*") if p.is_file()}
    expected = {
        "config.yaml", "run.json", "metrics.json", "history.csv", "timings.csv", "run.log",
        "predictions/validation.parquet", "predictions/test.parquet", "model/config.json", "model/model.safetensors",
        "model/tokenizer.json", "model/README.md",
    }  # fmt: skip
    assert expected <= names
    state = json.loads((run / "run.json").read_text())
    assert state["status"] == "completed"
    assert {"identity", "numerics", "code", "packages", "hardware", "identity_hash"} <= state.keys()


def test_two_runs_of_one_config_end_bitwise_equal_with_dropout_on(
    clozelab: Run, overrides: list[str], tmp_path: Path
) -> None:
    a, b = (train(clozelab, overrides, tmp_path / name) for name in "ab")
    assert_equal_weights(a, b)
    assert (a / "metrics.json").read_text() == (b / "metrics.json").read_text()
    assert (a / "history.csv").read_text() == (b / "history.csv").read_text()


@pytest.mark.slow
def test_another_seed_ends_elsewhere(clozelab: Run, overrides: list[str], tmp_path: Path) -> None:
    a = train(clozelab, overrides, tmp_path / "a", "seed=1")
    b = train(clozelab, overrides, tmp_path / "b", "seed=2")
    assert a.parent.name == b.parent.name, "seeds of one cell share its directory name"
    assert not torch.equal(weights(a)["classifier.weight"], weights(b)["classifier.weight"])


def test_a_completed_run_returns_its_metrics_without_running(
    clozelab: Run, overrides: list[str], tmp_path: Path
) -> None:
    run = train(clozelab, overrides, tmp_path / "a")
    before = {p: p.stat().st_mtime_ns for p in run.rglob("*")}
    code, out, _ = clozelab("train", *overrides, f"output_dir={tmp_path / 'a'}")
    assert code == 0
    assert "already completed" in out
    assert {p: p.stat().st_mtime_ns for p in run.rglob("*")} == before


@pytest.mark.slow
def test_rerun_runs_a_completed_run_again_to_the_same_end(clozelab: Run, overrides: list[str], tmp_path: Path) -> None:
    run = train(clozelab, overrides, tmp_path / "a")
    metrics, first = (run / "metrics.json").read_text(), (run / "model" / "model.safetensors").stat().st_mtime_ns
    train(clozelab, overrides, tmp_path / "a", "rerun=true")
    assert (run / "metrics.json").read_text() == metrics
    assert (run / "model" / "model.safetensors").stat().st_mtime_ns != first


class Killed(BaseException):
    """Stands for a process that ends here and now."""


@pytest.mark.parametrize(
    ("step", "micro_batches"),
    [
        (7, 3),
        (8, 1),
        *(pytest.param(*case, marks=pytest.mark.slow) for case in ((1, 1), (8, 3), (9, 1), (15, 3), (16, 1))),
    ],
)
def test_a_run_that_dies_after_any_checkpoint_continues_to_the_same_bits(
    clozelab: Run, overrides: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int, micro_batches: int
) -> None:
    """60 sentences in batches of 8 are 8 steps an epoch: steps 8 and 16 are the last of theirs."""
    import pytorch_lightning as pl

    options = [*overrides, f"data.micro_batches={micro_batches}", "callbacks.checkpoint.every_n_steps=1"]
    whole = train(clozelab, options, tmp_path / "whole")
    save = pl.Trainer.save_checkpoint

    def save_and_die(self: pl.Trainer, path: Path, *args: object) -> None:
        save(self, path)
        if self.global_step == step:
            self.dead = True

    def die_when_dead(self: pl.Trainer, *args: object, **kwargs: object) -> None:
        if getattr(self.trainer, "dead", False):
            raise Killed

    from clozelab.task.base import Task

    with monkeypatch.context() as patch:
        patch.setattr(pl.Trainer, "save_checkpoint", save_and_die)
        patch.setattr(Task, "on_train_batch_start", die_when_dead)
        patch.setattr(Task, "on_train_end", die_when_dead)
        with pytest.raises(Killed):
            clozelab("train", *options, f"output_dir={tmp_path / 'killed'}")
    run = train(clozelab, options, tmp_path / "killed")
    assert json.loads((run / "run.json").read_text())["resumed_from_step"] == step
    assert_equal_weights(whole, run)
    assert (whole / "history.csv").read_text() == (run / "history.csv").read_text()
    assert (whole / "metrics.json").read_text() == (run / "metrics.json").read_text()


@pytest.mark.slow
def test_a_run_killed_by_the_system_continues_to_the_same_bits(
    clozelab: Run, overrides: list[str], tmp_path: Path
) -> None:
    options = [*overrides, "trainer.max_epochs=20", "callbacks.checkpoint.every_n_steps=5"]
    whole = train(clozelab, options, tmp_path / "whole")
    command = [sys.executable, "-m", "clozelab", "train", *options, f"output_dir={tmp_path / 'killed'}"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not list((tmp_path / "killed").glob("*/*/*/checkpoints/last.ckpt")):
        assert time.monotonic() < deadline, "no checkpoint appeared"
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    run = train(clozelab, options, tmp_path / "killed")
    assert json.loads((run / "run.json").read_text())["resumed_from_step"] >= 5
    assert_equal_weights(whole, run)
    assert (whole / "history.csv").read_text() == (run / "history.csv").read_text()


def test_an_interrupted_run_refuses_to_go_on_under_other_numerics(
    clozelab: Run, overrides: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from clozelab.task.base import Task

    def die(self: Task) -> None:
        raise Killed

    options = [*overrides, "callbacks.checkpoint.every_n_steps=1", f"output_dir={tmp_path}"]
    with monkeypatch.context() as patch:
        patch.setattr(Task, "on_validation_epoch_end", die)
        with pytest.raises(Killed):
            clozelab("train", *options)
    code, _, err = clozelab("train", *options, "data.micro_batches=2")
    assert code == 2
    assert "data.micro_batches was 1, is 2" in err
    assert clozelab("train", *options, "data.micro_batches=2", "rerun=true")[0] == 0


@pytest.mark.slow
def test_micro_batches_leave_the_parameters_as_they_are(clozelab: Run, overrides: list[str], tmp_path: Path) -> None:
    """In float64 without dropout; 60 sentences in batches of 16 leave a last step of 12."""
    model = json.loads((Path(overrides[1].partition("=")[2]) / "config.json").read_text())
    folder = tmp_path / "no_dropout"
    folder.mkdir()
    for file in Path(overrides[1].partition("=")[2]).iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    model.update(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    (folder / "config.json").write_text(json.dumps(model))
    options = [
        *overrides,
        f"model.path={folder}",
        "trainer.precision=64-true",
        "data.batch_size=16",
        "task.selection=val/loss",
    ]
    one = train(clozelab, options, tmp_path / "one")
    for parts in (4, 16):
        several = train(clozelab, options, tmp_path / f"in{parts}", f"data.micro_batches={parts}")
        for name, value in weights(one).items():
            assert value.dtype == torch.float64
            torch.testing.assert_close(weights(several)[name], value, atol=1e-9, rtol=0)


def test_predictions_hold_every_word_of_the_file(
    clozelab: Run, overrides: list[str], conll_files: dict[str, Path], tmp_path: Path
) -> None:
    run = train(clozelab, overrides, tmp_path / "a", "data.max_length=24", "data.overlap=4")
    sentences = list(Conll(columns=["word", "ner"], labels="ner").read(conll_files["test"], Counter()))
    table = pq.read_table(run / "predictions" / "test.parquet").to_pydict()
    assert [tuple(words) for words in table["words"]] == [s.words for s in sentences]
    assert [tuple(tags) for tags in table["gold"]] == [s.tags for s in sentences]
    assert [len(p) for p in table["prediction"]] == [len(s.words) for s in sentences]
    assert json.loads((run / "run.json").read_text())["data_counts"]["test"]["sentences_windowed"] > 0


def test_the_exported_model_is_a_plain_model_with_the_same_predictions(
    clozelab: Run, overrides: list[str], tmp_path: Path
) -> None:
    run = train(clozelab, overrides, tmp_path / "a", "trainer.precision=32-true")
    model = AutoModelForTokenClassification.from_pretrained(str(run / "model")).eval()
    tokenizer = AutoTokenizer.from_pretrained(str(run / "model"))
    assert set(model.config.id2label.values()) == set(json.loads((run / "run.json").read_text())["labels"])
    table = pq.read_table(run / "predictions" / "test.parquet").to_pydict()
    for words, predicted, scores in zip(table["words"], table["prediction"], table["score"], strict=True):
        encoded = tokenizer(words, is_split_into_words=True, return_tensors="pt")
        word_ids = encoded.word_ids()
        first = [word_ids.index(i) for i in range(len(words))]
        with torch.no_grad():
            probabilities = model(**encoded).logits[0, first].softmax(-1)
        torch.testing.assert_close(probabilities.max(-1).values, torch.tensor(scores), atol=1e-5, rtol=1e-4)
        assert [model.config.id2label[int(i)] for i in probabilities.argmax(-1)] == predicted
    card = (run / "model" / "README.md").read_text()
    assert "test/f1_conlleval" in card
    assert "Licences" in card


def test_a_failed_run_says_so_and_is_tried_again(
    clozelab: Run, overrides: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from clozelab.task.token_classification import TokenClassification

    def explode(self: TokenClassification, *args: object) -> None:
        raise ZeroDivisionError("boom")

    with monkeypatch.context() as patch:
        patch.setattr(TokenClassification, "metrics", explode)
        with pytest.raises(ZeroDivisionError):
            clozelab("train", *overrides, f"output_dir={tmp_path}")
    run = only_run(tmp_path)
    assert json.loads((run / "run.json").read_text())["error"] == "ZeroDivisionError: boom"
    assert "Traceback" in (run / "run.log").read_text()
    assert train(clozelab, overrides, tmp_path) == run
    assert json.loads((run / "run.json").read_text())["attempts"] == 2


def test_a_run_that_diverges_stops_at_once_and_says_so(clozelab: Run, overrides: list[str], tmp_path: Path) -> None:
    options = [*overrides, "optimizer.lr=1e30", "scheduler=constant", f"output_dir={tmp_path}"]
    code, _, err = clozelab("train", *options)
    assert code == 1
    assert "diverged" in err
    assert json.loads((only_run(tmp_path) / "run.json").read_text())["status"] == "failed"


def test_entities_asked_of_plain_tags_are_refused_before_training(
    clozelab: Run, overrides: list[str], conll_files: dict[str, Path], tmp_path: Path
) -> None:
    options = []
    for split, path in conll_files.items():
        plain = tmp_path / f"{split}.pos"
        plain.write_text("\n".join(line.replace("B-", "").replace("I-", "") for line in path.read_text().splitlines()))
        options.append(f"data.{split}={plain}")
    code, _, err = clozelab("train", *overrides, *options, "task.scoring=entities")
    assert code == 2
    assert "task.scoring" in err
    code, out, _ = clozelab("train", *overrides, *options)
    assert code == 0
    assert "f1_conlleval" not in out
    assert "macro_f1" in out


@pytest.mark.slow
def test_early_stopping_ends_the_same_after_a_kill(
    clozelab: Run, overrides: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from clozelab.task.base import Task

    stop = ["callbacks=early_stopping", "callbacks.progress.enabled=false", "callbacks.early_stopping.monitor=val/loss"]
    stop += ["callbacks.early_stopping.mode=max", "callbacks.early_stopping.patience=1", "trainer.max_epochs=6"]
    options = [*overrides, *stop, "callbacks.checkpoint.every_n_steps=1"]
    whole = train(clozelab, options, tmp_path / "whole")
    assert json.loads((whole / "run.json").read_text())["steps"] == 16, "stopped after the second epoch"

    def die(self: Task) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Task, "on_train_end", die)
        with pytest.raises(Killed):
            clozelab("train", *options, f"output_dir={tmp_path / 'killed'}")
    run = train(clozelab, options, tmp_path / "killed")
    assert_equal_weights(whole, run)
    assert (whole / "metrics.json").read_text() == (run / "metrics.json").read_text()
