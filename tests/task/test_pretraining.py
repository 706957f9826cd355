"""Pretraining from the command line: both losses, both answers, nothing lost on the way."""

import csv
import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForMaskedLM, AutoModelForPreTraining, AutoTokenizer, BertConfig, BertForPreTraining

from clozelab.errors import ConfigError
from clozelab.model.encoder import Encoder
from clozelab.task.pretraining import Pretraining
from clozelab.types import DataSpec

Run = Callable[..., tuple[int, str, str]]
PAIRS = DataSpec(kind="documents", labels=(), num_examples={}, pad_token_id=0, next_sentence=True)


class Killed(BaseException):
    """Nothing catches it, as nothing catches a power cut."""


def train(clozelab: Run, arguments: list[str], output: Path) -> Path:
    code, _, err = clozelab("train", "task=pretraining", *arguments, f"output_dir={output}")
    assert code == 0, err
    (run,) = output.glob("*/*/seed-*")
    return run


def test_both_losses_are_curves_and_both_answers_are_scores(clozelab: Run, corpus: list[str], tmp_path: Path) -> None:
    run = train(clozelab, [*corpus, "trainer.max_epochs=12", "optimizer.lr=3e-3"], tmp_path)
    rows = list(csv.DictReader((run / "history.csv").read_text().splitlines()))
    steps = [row for row in rows if row["train/loss"]]
    for row in steps:
        total = float(row["train/mlm_loss"]) + float(row["train/nsp_loss"])
        assert total == pytest.approx(float(row["train/loss"]), rel=1e-5)
    metrics = json.loads((run / "metrics.json").read_text())
    for split in ("val", "test"):
        names = (
            "loss",
            "perplexity",
            "masked_accuracy",
            "unigram_perplexity",
            "unigram_accuracy",
            "nsp_accuracy",
            "nsp_loss",
        )
        assert all(f"{split}/{name}" in metrics for name in names)
    losses = [float(row["train/mlm_loss"]) for row in steps]
    assert sum(losses[-3:]) < 0.95 * sum(losses[:3]), "it learnt something"
    model, loading = AutoModelForPreTraining.from_pretrained(run / "model", output_loading_info=True)
    assert not loading["missing_keys"]
    assert model.cls.predictions.decoder.weight is model.bert.embeddings.word_embeddings.weight
    AutoTokenizer.from_pretrained(run / "model")


def test_without_next_sentences_there_is_one_loss_and_passages_are_full(
    clozelab: Run, corpus: list[str], tmp_path: Path
) -> None:
    run = train(clozelab, [*corpus, "data.next_sentence=false"], tmp_path)
    assert "nsp" not in (run / "history.csv").read_text() + (run / "metrics.json").read_text()
    assert AutoModelForMaskedLM.from_pretrained(run / "model").config.architectures == ["BertForMaskedLM"]


@pytest.mark.parametrize("micro_batches", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_a_run_that_dies_continues_to_the_same_bits(
    clozelab: Run, corpus: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, micro_batches: int
) -> None:
    options = [*corpus, f"data.micro_batches={micro_batches}", "callbacks.checkpoint.every_n_steps=3"]
    whole = train(clozelab, options, tmp_path / "whole")

    def die(self: Pretraining, batch: Any, batch_idx: int) -> None:
        if self.global_step == 7:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Pretraining, "on_train_batch_start", die, raising=False)
        with pytest.raises(Killed):
            clozelab("train", "task=pretraining", *options, f"output_dir={tmp_path / 'killed'}")
    run = train(clozelab, options, tmp_path / "killed")
    assert json.loads((run / "run.json").read_text())["resumed_from_step"] == 6
    for name in ("history.csv", "metrics.json"):
        assert (whole / name).read_text() == (run / name).read_text()
    first, second = (load_file(folder / "model/model.safetensors") for folder in (whole, run))
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_validation_sees_the_same_masks_whatever_the_seed(clozelab: Run, corpus: list[str], tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    seen = []
    for seed in (1, 2):
        run = train(clozelab, [*corpus, "trainer.max_epochs=1", f"seed={seed}"], tmp_path / str(seed))
        seen.append(pq.read_table(run / "predictions/validation.parquet", columns=["id", "positions", "gold"]))
    assert seen[0].equals(seen[1])


def test_a_finished_run_is_scored_anew_to_the_same_numbers(clozelab: Run, corpus: list[str], tmp_path: Path) -> None:
    run = train(clozelab, corpus, tmp_path)
    code, _, err = clozelab("evaluate", str(run), "data.eval_batch_size=16")
    assert code == 0, err
    (again,) = run.glob("evaluations/*/metrics.json")
    then, now = json.loads((run / "metrics.json").read_text()), json.loads(again.read_text())
    assert now == {name: pytest.approx(value) for name, value in then.items()}


def test_an_architecture_without_a_head_for_pairs_is_refused_in_plain_words() -> None:
    task = Pretraining()
    task.spec = PAIRS
    with pytest.raises(ConfigError, match=r"data.next_sentence=true: Linear has no head for pairs; set it to false"):
        task.check_model(torch.nn.Linear(1, 1))  # type: ignore[arg-type]


def test_data_of_labelled_texts_are_refused(clozelab: Run, overrides: list[str]) -> None:
    code, _, err = clozelab("train", "task=pretraining", *overrides)
    assert code == 2
    assert "data" in err


def test_a_causal_encoder_is_pretrained_too(clozelab: Run, corpus: list[str], tmp_path: Path) -> None:
    causal = [*corpus, "model.attention=causal", "trainer.max_epochs=1"]
    run = train(clozelab, [*causal, "data.next_sentence=false"], tmp_path)
    assert json.loads((run / "metrics.json").read_text())["val/perplexity"] > 0


def test_a_causal_encoder_learns_no_pairs_from_a_token_that_sees_none() -> None:
    task = Pretraining()
    task.spec = PAIRS
    model = BertForPreTraining(BertConfig(vocab_size=9, hidden_size=8, num_hidden_layers=1, num_attention_heads=1))
    encoder = Encoder(base=model.bert, packable=True, position_offset=0, causal=True)
    task.attach(encoder=encoder, layers=torch.nn.Identity())
    with pytest.raises(ConfigError, match=r"\[CLS\] stands first .* data.next_sentence=false leaves out the pairs"):
        task.check_fit()
    task.spec = dataclasses.replace(PAIRS, next_sentence=False)
    task.check_fit()
