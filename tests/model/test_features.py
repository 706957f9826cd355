"""A frozen encoder's states: computed once, the same numbers as without the cache, never those of another encoder."""

import json
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from safetensors.torch import load_file
from transformers import BertConfig, BertModel

from clozelab import experiment
from clozelab.data.example import Example
from clozelab.data.loader import Collator, EvalLoader
from clozelab.errors import DataError
from clozelab.model.encoder import Encoder
from clozelab.model.features import Features, Machine, remember
from clozelab.store.cache import cache_dir
from clozelab.types import Batch

Run = Callable[..., tuple[int, str, str]]
NUMBERS = np.array([1, 2, 4, 5, 7, 8])
MACHINE = Machine(torch.device("cpu"), nullcontext, {"num_threads": 1})


class Sentences:
    """Examples of 3 to 11 tokens; every second token is a target, of which example 5 has none."""

    def __init__(self, seed: int) -> None:
        draw = np.random.default_rng(seed)
        self.ids = [draw.integers(5, 60, 3 + number) for number in range(9)]

    def draw(self, number: int, epoch: int | None) -> Example:
        ids = self.ids[number]
        positions = np.arange(1, len(ids), 2) if number != 5 else np.empty(0, dtype=np.int64)
        units = np.stack([np.full(len(positions), number), positions], 1)
        return Example(number, ids, len(ids), positions, np.ones_like(positions), np.zeros_like(positions), units)

    def num_tokens(self) -> Any:
        return np.array([len(ids) for ids in self.ids])


def batches(split: str = "train", size: int = 4, seed: int = 0) -> EvalLoader:
    collate = Collator(pad_token_id=0, packable=True, split=split)
    return EvalLoader(examples=Sentences(seed), numbers=NUMBERS, collate=collate, batch_size=size)


def encoder(seed: int = 0, **options: bool) -> Encoder:
    torch.manual_seed(seed)
    config = BertConfig(vocab_size=60, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32)
    base = BertModel(config).requires_grad_(False)
    return Encoder(base=base, packable=True, position_offset=0, causal=options.get("causal", False))


def targets(batch: Batch) -> torch.Tensor:
    return batch.target_positions


def kept(made: Encoder, *, machine: Machine = MACHINE, limit_gb: float = 1.0, **splits: EvalLoader) -> Features | None:
    splits = splits or {"train": batches()}
    return remember(encoder=made, splits=splits, places=targets, machine=machine, limit_gb=limit_gb)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOZELAB_CACHE", str(tmp_path / "cache"))


def entries() -> list[Path]:
    return sorted(p for p in (cache_dir() / "features").iterdir() if not p.name.startswith("."))


@pytest.mark.parametrize("size", [1, 3, 6])
def test_states_are_those_of_the_encoder_however_the_examples_are_packed(size: int) -> None:
    made = encoder()
    features = kept(made, train=batches("train"), test=batches("test", seed=1))
    assert features is not None
    made.base.eval()
    for split, seed in (("train", 0), ("test", 1)):
        for batch in batches(split, size, seed):
            found, expected = features(batch), made(batch)
            assert found.shape == expected.shape
            read = torch.zeros(batch.input_ids.numel(), dtype=torch.bool)
            read[batch.target_positions] = True
            torch.testing.assert_close(found.flatten(0, 1)[read], expected.flatten(0, 1)[read], rtol=0, atol=1e-5)
            assert found.flatten(0, 1)[~read].isnan().all(), "what is not read was not kept"


def test_a_read_of_other_places_than_were_kept_is_an_error() -> None:
    features = kept(encoder())
    assert features is not None
    features._places = lambda batch: (batch.sequence_ids.flatten() >= 0).nonzero().squeeze(1)
    with pytest.raises(AssertionError, match="other places"):
        features(next(iter(batches())))


def test_dropout_is_off_while_states_are_computed_and_the_mode_stays() -> None:
    made = encoder()
    made.base.train()
    first = kept(made)
    assert made.base.training
    made.base.eval()
    batch = next(iter(batches()))
    assert first is not None
    torch.testing.assert_close(
        first(batch).flatten(0, 1)[batch.target_positions], made(batch).flatten(0, 1)[batch.target_positions]
    )


def test_the_second_time_nothing_is_computed(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    made = encoder()
    kept(made)
    assert "features of 6 examples computed once (train), 0 MB in" in caplog.text
    made.base.forward = None  # type: ignore[assignment]
    assert kept(made) is not None
    assert "features of 6 examples read from the cache" in caplog.text
    assert len(entries()) == 1


def test_whatever_changes_the_states_has_an_entry_of_its_own() -> None:
    kept(encoder())
    others: list[Callable[[], Any]] = [
        lambda: kept(encoder(seed=1)),
        lambda: kept(encoder(causal=True)),
        lambda: kept(encoder(), machine=Machine(torch.device("cpu"), nullcontext, {"num_threads": 2})),
        lambda: kept(encoder(), train=batches(seed=1)),
        lambda: kept(encoder(), train=batches(size=2)),  # other rows, other last bits
    ]
    for number, other in enumerate(others, start=2):
        other()
        assert len(entries()) == number


def test_the_pooler_and_the_labels_change_nothing() -> None:
    kept(encoder())
    other = encoder()
    other.base.pooler.dense.weight.data += 1  # type: ignore[union-attr, operator]
    other.base.config.id2label = {0: "x"}
    other.base.config._name_or_path = "elsewhere"
    kept(other)
    assert len(entries()) == 1


def test_states_over_the_cap_are_not_kept_and_the_message_says_what_would_keep_them(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert kept(encoder(), limit_gb=1e-7) is None
    (record,) = caplog.records
    assert record.getMessage().startswith("the features of 6 examples take 0.1 GB, over feature_cache_gb=1e-07: the")
    assert "feature_cache_gb=0.1 keeps them" in record.getMessage()
    assert not (cache_dir() / "features").exists()


def test_bfloat16_comes_back_as_it_was_given() -> None:
    made = encoder()
    made.base.to(torch.bfloat16).eval()
    features, batch = kept(made), next(iter(batches()))
    assert features is not None
    found = features(batch)
    assert found.dtype == torch.bfloat16
    read = batch.target_positions
    assert torch.equal(found.flatten(0, 1)[read], made(batch).flatten(0, 1)[read])


def test_a_disk_that_is_full_is_said_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("clozelab.store.ragged.Writer.append", refuse)
    with pytest.raises(DataError, match="No space left on device; feature_cache_gb=0 does without"):
        kept(encoder())
    assert entries() == []


def texts(tmp_path: Path, tiny_model: Path) -> list[str]:
    rows = [f"{'new river' if i % 3 else 'old game'} x{i % 40}\t{'yes' if i % 3 else 'no'}" for i in range(60)]
    (tmp_path / "a.tsv").write_text("\n".join(["text\tlabel", *rows]))
    return [
        "task=sequence_classification", "data=text_files", f"data.train={tmp_path / 'a.tsv'}", "model=hub",
        f"model.path={tiny_model}", "data.batch_size=8", "trainer.max_epochs=2", "optimizer.lr=3e-3", "logger=none",
        "num_threads=1", "callbacks.progress.enabled=false",
    ]  # fmt: skip


@pytest.fixture
def command(request: pytest.FixtureRequest, overrides: list[str], tmp_path: Path, tiny_model: Path) -> Any:
    """Trains a frozen encoder; returns metrics, weights and log of the run."""
    clozelab: Run = request.getfixturevalue("clozelab")

    def train(task: str, output: str, *more: str) -> SimpleNamespace:
        keys = overrides if task == "token" else texts(tmp_path, tiny_model)
        keys = [*keys, "model.freeze=all", "trainer.precision=32-true", f"output_dir={tmp_path / output}", *more]
        code, _, err = clozelab("train", *keys)
        assert code == 0, err
        (run,) = (tmp_path / output).glob("*/*/seed-*")
        metrics = json.loads((run / "metrics.json").read_text())
        return SimpleNamespace(
            metrics=metrics,
            state=json.loads((run / "run.json").read_text()),
            weights=load_file(run / "model" / "model.safetensors"),
            log=(run / "run.log").read_text(),
        )

    return train


def without_encoder(monkeypatch: pytest.MonkeyPatch, *, from_the_start: bool) -> None:
    """Takes the encoder away once its states are remembered, or before."""
    original = experiment._remember_states

    def take_away(trainer: pl.Trainer, parts: experiment.Parts, config: experiment.Config) -> None:
        if not from_the_start:
            original(trainer, parts, config)
        parts.task.encoder.base.forward = None  # type: ignore[assignment]
        if from_the_start:
            original(trainer, parts, config)

    monkeypatch.setattr(experiment, "_remember_states", take_away)


def assert_close(a: SimpleNamespace, b: SimpleNamespace) -> None:
    assert a.metrics.keys() == b.metrics.keys()
    for name, value in a.metrics.items():
        assert value == pytest.approx(b.metrics[name], abs=1e-5, nan_ok=True), name
    for name, weight in a.weights.items():
        torch.testing.assert_close(weight, b.weights[name], rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("task", "options"),
    [
        ("token", ["task.pooling=first", "data.micro_batches=3"]),
        pytest.param("token", ["task.pooling=mean", "data.context=8"], marks=pytest.mark.slow),
        pytest.param("sequence", ["task.pooling=first"], marks=pytest.mark.slow),
        ("sequence", ["task.pooling=mean", "data.micro_batches=8"]),
        pytest.param("token", ["trainer.precision=64-true"], marks=pytest.mark.slow),
    ],
)
def test_a_run_gives_the_same_numbers_with_and_without_the_cache(
    task: str, options: list[str], command: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = command(task, "plain", "feature_cache_gb=0", *options)
    assert "features of" not in plain.log
    without_encoder(monkeypatch, from_the_start=False)
    first = command(task, "first", *options)
    assert "computed once (train, validation, test)" in first.log
    assert_close(first, plain)


def test_a_second_run_computes_nothing_and_ends_with_the_same_bits(
    command: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = command("token", "first")
    without_encoder(monkeypatch, from_the_start=True)
    second = command("token", "second")
    assert "read from the cache" in second.log
    assert second.metrics == first.metrics
    assert all(torch.equal(first.weights[name], weight) for name, weight in second.weights.items())
    command("token", "third", "seed=7")
    command("token", "fourth", "optimizer.lr=2e-3", "data.micro_batches=2")
    assert len(entries()) == 3, "one of each split"


def test_a_run_over_the_cap_goes_on_without_the_cache(command: Any) -> None:
    done = command("token", "out", "feature_cache_gb=0.00001", "trainer.max_epochs=1")
    assert "over feature_cache_gb=1e-05" in done.log
    assert "test/f1_conlleval" in done.metrics


def test_what_is_drawn_anew_in_every_epoch_is_not_kept(clozelab: Run, tmp_path: Path, tiny_model: Path) -> None:
    (tmp_path / "a.txt").write_text("\n".join("the green company met Ada in New York ." for _ in range(40)))
    keys = [
        "task=domain_adaptation", "data=plain_files", "data.format.begins=line", "data.general=null",
        f"data.train={tmp_path / 'a.txt'}", "model=hub", f"model.path={tiny_model}", "model.freeze=all",
        "trainer.max_epochs=1", "logger=none", "num_threads=1", f"output_dir={tmp_path / 'out'}",
    ]  # fmt: skip
    code, _, err = clozelab("train", *keys, f"data.validation={tmp_path / 'a.txt'}", f"data.test={tmp_path / 'a.txt'}")
    assert code == 0, err
    assert not (cache_dir() / "features").exists()


class Killed(BaseException):
    """Stands for a process that ends here and now."""


@pytest.mark.slow
def test_an_interrupted_run_continues_to_the_same_bits_and_a_cache_of_another_size_refuses(
    command: Any, clozelab: Run, overrides: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    every_step = "callbacks.checkpoint.every_n_steps=1"
    whole = command("token", "whole", every_step)
    save = pl.Trainer.save_checkpoint

    def save_and_die(self: pl.Trainer, path: Path, *args: object) -> None:
        save(self, path)
        if self.global_step == 5:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(pl.Trainer, "save_checkpoint", save_and_die)
        keys = [
            *overrides,
            "model.freeze=all",
            "trainer.precision=32-true",
            f"output_dir={tmp_path / 'cut'}",
            every_step,
        ]
        with pytest.raises(Killed):
            clozelab("train", *keys)
    code, _, err = clozelab("train", *keys, "feature_cache_gb=1")
    assert code == 2
    assert "feature_cache_gb was 4.0, is 1.0" in err
    without_encoder(monkeypatch, from_the_start=True)
    cut = command("token", "cut", every_step)
    assert cut.state["resumed_from_step"] in (4, 5), "mid-epoch"
    assert cut.metrics == whole.metrics
    assert all(torch.equal(whole.weights[name], weight) for name, weight in cut.weights.items())


@pytest.mark.slow
def test_mixed_precision_gives_what_it_gives_without_the_cache_up_to_its_own_rounding(command: Any) -> None:
    plain, cached = (
        command("token", f"bf16{gb}", "trainer.precision=bf16-mixed", f"feature_cache_gb={gb}") for gb in "04"
    )
    assert cached.metrics["test/loss"] == pytest.approx(plain.metrics["test/loss"], abs=2e-2)
