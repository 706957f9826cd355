"""Behaviour of the Hugging Face Trainer as the peer of the throughput benchmark."""

from __future__ import annotations

import functools
import random
from collections import Counter
from pathlib import Path

import pytest
import torch
from transformers import BertConfig, BertForTokenClassification, BertModel, BertTokenizer

from clozelab.bench.hf import WARMUP_STEPS, Example, Mode, Peer

NUM_LABELS = 3
BATCH_SIZE = 4
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "c", "d", "e"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=64,
    )
    BertModel(config).save_pretrained(folder)
    BertTokenizer(vocab={word: index for index, word in enumerate(WORDS)}).save_pretrained(folder)
    return folder


def example(pieces: int) -> Example:
    return Example(input_ids=[2, *[5] * (pieces - 2), 3], labels=[-100, *[1] * (pieces - 2), -100])


def peer(
    folder: Path, *, lengths: list[int], mode: Mode = "default", batch_size: int = BATCH_SIZE, seed: int = 1
) -> Peer:
    return Peer(
        model_folder=folder,
        examples=[example(length) for length in lengths],
        num_labels=NUM_LABELS,
        batch_size=batch_size,
        seed=seed,
        mode=mode,
    )


@pytest.fixture
def forwarded(monkeypatch: pytest.MonkeyPatch) -> list[torch.Tensor]:
    """The attention masks that the model is called with, in order."""
    masks: list[torch.Tensor] = []
    forward = BertForTokenClassification.forward

    # The Trainer reads from the signature which inputs the model takes.
    @functools.wraps(forward)
    def spy(self: BertForTokenClassification, **inputs: torch.Tensor) -> object:
        masks.append(inputs["attention_mask"])
        return forward(self, **inputs)

    monkeypatch.setattr(BertForTokenClassification, "forward", spy)
    return masks


@pytest.mark.parametrize("mode", ["default", "tuned"])
def test_a_run_counts_the_examples_and_the_unpadded_tokens_of_its_steps(folder: Path, mode: Mode) -> None:
    throughput = peer(folder, lengths=[10] * 20, mode=mode).run(num_steps=3)
    assert (throughput.examples, throughput.tokens) == (3 * BATCH_SIZE, 3 * BATCH_SIZE * 10)


def test_a_run_trains_the_steps_and_the_uncounted_warm_up_steps(folder: Path, forwarded: list[torch.Tensor]) -> None:
    throughput = peer(folder, lengths=list(range(3, 27))).run(num_steps=5)
    assert len(forwarded) == WARMUP_STEPS + 5
    assert throughput.tokens == sum(int(mask.sum()) for mask in forwarded[WARMUP_STEPS:])


def test_a_run_may_be_longer_than_an_epoch(folder: Path) -> None:
    # Epochs of two batches with 4 and 2 examples: the warm-up is one epoch, the run two and a half.
    assert peer(folder, lengths=[5] * 6).run(num_steps=5).examples == 4 + 2 + 4 + 2 + 4


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["default", "tuned"])
def test_runs_continue_the_epoch_where_the_run_before_ended(
    folder: Path, mode: Mode, forwarded: list[torch.Tensor]
) -> None:
    lengths = list(range(3, 27))
    subject = peer(folder, lengths=lengths, mode=mode)
    subject.run(num_steps=1)
    subject.run(num_steps=1)
    assert sum(len(mask) for mask in forwarded) == len(lengths)
    assert Counter(int(row.sum()) for mask in forwarded for row in mask) == Counter(lengths)


@pytest.mark.slow
def test_every_epoch_is_in_another_order(folder: Path, forwarded: list[torch.Tensor]) -> None:
    peer(folder, lengths=list(range(3, 27)), batch_size=1).run(num_steps=48 - WARMUP_STEPS)
    order = [int(mask.sum()) for mask in forwarded]
    assert order[:24] != order[24:]
    assert sorted(order[:24]) == sorted(order[24:])


@pytest.mark.slow
def test_the_order_follows_from_the_seed(folder: Path, forwarded: list[torch.Tensor]) -> None:
    orders = []
    for seed in (1, 1, 2):
        forwarded.clear()
        peer(folder, lengths=list(range(3, 27)), batch_size=1, seed=seed).run(num_steps=20)
        orders.append([int(mask.sum()) for mask in forwarded])
    assert orders[0] == orders[1] != orders[2]


@pytest.mark.slow
def test_tuned_batches_hold_less_padding(folder: Path, forwarded: list[torch.Tensor]) -> None:
    lengths = random.Random(0).choices(range(3, 60), k=64)
    padded = {}
    for mode in ("default", "tuned"):
        forwarded.clear()
        peer(folder, lengths=lengths, mode=mode).run(num_steps=16 - WARMUP_STEPS)
        padded[mode] = sum(mask.numel() for mask in forwarded)
    assert sum(lengths) <= padded["tuned"] < padded["default"]


@pytest.mark.slow
def test_every_run_trains_further(folder: Path) -> None:
    subject = peer(folder, lengths=[10] * 20)
    weight = subject._trainer.model.classifier.weight
    before = weight.detach().clone()
    subject.run(num_steps=1)
    between = weight.detach().clone()
    subject.run(num_steps=1)
    assert not torch.equal(before, between)
    assert not torch.equal(between, weight)


def test_the_clock_leaves_out_the_warm_up(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter([float(tick) for tick in range(100)])
    monkeypatch.setattr("clozelab.bench.hf.time.perf_counter", lambda: next(ticks))
    subject = peer(folder, lengths=[10] * 40)
    assert [subject.run(num_steps=steps).seconds for steps in (1, 4)] == [1.0, 4.0]


def test_the_default_mode_computes_in_float32(folder: Path) -> None:
    assert peer(folder, lengths=[10]).precision == "fp32"


@pytest.mark.parametrize(("capabilities", "precision"), [({"avx512_bf16": True}, "bf16"), ({"avx2": True}, "fp32")])
def test_the_tuned_mode_computes_in_bfloat16_where_the_cpu_can(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool], precision: str
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    subject = peer(folder, lengths=[10] * 20, mode="tuned")
    assert subject.precision == precision
    outputs = []
    subject._trainer.model.classifier.register_forward_hook(lambda _module, _inputs, output: outputs.append(output))
    subject.run(num_steps=1)
    assert {output.dtype for output in outputs} == {torch.bfloat16 if precision == "bf16" else torch.float32}


def test_the_tuned_mode_fuses_the_optimizer(folder: Path) -> None:
    subject = peer(folder, lengths=[10] * 20, mode="tuned")
    subject.run(num_steps=1)
    assert all(group["fused"] for group in subject._trainer.optimizer.param_groups)


@pytest.mark.parametrize(
    ("mode", "examples", "block_steps"),
    [("default", 4000, 1), ("tuned", 4000, 50), ("tuned", 160, 10), ("tuned", 3, 1)],
)
def test_the_order_of_lengths_repeats_after_a_block(folder: Path, mode: Mode, examples: int, block_steps: int) -> None:
    assert peer(folder, lengths=[5] * examples, mode=mode).block_steps == block_steps


@pytest.mark.slow
def test_a_block_of_steps_sees_long_and_short_sentences_in_their_proportions(
    folder: Path, forwarded: list[torch.Tensor]
) -> None:
    lengths = [5] * 80 + [50] * 80
    subject = peer(folder, lengths=lengths, mode="tuned")
    for _ in range(3):
        forwarded.clear()
        throughput = subject.run(num_steps=2 * subject.block_steps)
        assert throughput.tokens / throughput.examples == pytest.approx(27.5, rel=0.2)


def test_a_peer_leaves_no_files_and_prints_nothing(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    peer(folder, lengths=[10] * 20).run(num_steps=2)
    assert [path.name for path in tmp_path.rglob("*")] == ["temporary"]
    assert capfd.readouterr() == ("", "")


def test_an_unknown_mode_is_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"mode must be one of \('default', 'tuned'\), got 'fast'"):
        peer(folder, lengths=[10], mode="fast")  # type: ignore[arg-type]


def test_an_empty_batch_is_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match="batch_size must be at least 1, got 0"):
        peer(folder, lengths=[10], batch_size=0)


def test_a_negative_seed_is_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match="seed must be at least 0, got -1"):
        peer(folder, lengths=[10], seed=-1)


def test_a_run_without_steps_is_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match="num_steps must be at least 1, got 0"):
        peer(folder, lengths=[10]).run(num_steps=0)


@pytest.mark.parametrize(
    ("examples", "message"),
    [
        ([], "at least one example, got none"),
        ([Example(input_ids=[2, 3], labels=[1])], "example 0 must have as many ids as labels, got 2 and 1"),
        ([Example(input_ids=[], labels=[])], "got 0 and 0"),
        ([Example(input_ids=[2, 3], labels=[0, 3])], r"labels must be -100 or in 0\.\.2, got 3"),
    ],
)
def test_examples_that_cannot_be_trained_on_are_refused(folder: Path, examples: list[Example], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Peer(
            model_folder=folder,
            examples=examples,
            num_labels=NUM_LABELS,
            batch_size=BATCH_SIZE,
            seed=1,
            mode="default",
        )
