"""The Hugging Face Trainer as the peer of the throughput benchmark.

A speed-up is only as good as what it is measured against, so the peer is the real Trainer with its own collator, and in
``tuned`` mode with every option that makes it faster on a CPU. It is built once, so that a benchmark can alternate
short runs of both sides: whatever slows the machine down then slows both.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Literal, TypedDict, cast, final, get_args

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from transformers import AutoModelForTokenClassification, AutoTokenizer, DataCollatorForTokenClassification, set_seed
from transformers.trainer import Trainer
from transformers.trainer_callback import PrinterCallback, TrainerCallback, TrainerControl, TrainerState
from transformers.training_args import TrainingArguments
from transformers.utils import logging as hf_logging

from clozelab.precision import cpu_computes_bfloat16

Mode = Literal["default", "tuned"]

WARMUP_STEPS: Final = 2
"""Optimizer steps at the start of every run that are trained but neither timed nor counted."""

IGNORED_LABEL: Final = -100
"""Label of the pieces that no loss is computed on."""

# The Trainer sorts by length within blocks of at most so many batches, and of at most a quarter of the examples.
_MAX_BLOCK_BATCHES: Final = 50
_MIN_BLOCKS: Final = 4


class Example(TypedDict):
    """One tokenised sentence.

    Attributes:
        input_ids: Piece ids with the special tokens, of shape (pieces,).
        labels: Label id of each word at its first piece and -100 at every other piece, of shape (pieces,).
    """

    input_ids: list[int]
    labels: list[int]


@dataclass(frozen=True)
class Throughput:
    """What a number of training steps worked through, and how long they took.

    Attributes:
        examples: Sentences trained on.
        tokens: Pieces trained on, special tokens included and padding excluded.
        seconds: Wall-clock time of the steps, including the collation of their batches.
    """

    examples: int
    tokens: int
    seconds: float


@final
class Peer:
    """A Trainer on token classification whose training steps can be timed again and again.

    ``default`` mode leaves precision, data order and optimizer at the Trainer's defaults: float32, random order and, as
    of PyTorch 2.8, already the fused AdamW. ``tuned`` mode autocasts to bfloat16 where the CPU has instructions for it,
    groups batches by length and asks for the fused AdamW. Both train on the CPU, without logs, evaluation, checkpoints
    and reports.

    Runs continue the stream of batches and the weights where the run before ended. This is more than thrift: the
    Trainer starts every ``train()`` at the long end of a block of sentences sorted by length, and short runs that all
    began there would never see a short sentence. A run of a multiple of :attr:`block_steps` steps sees the lengths
    in their proportions.
    """

    def __init__(
        self,
        *,
        model_folder: Path,
        examples: Sequence[Example],
        num_labels: int,
        batch_size: int,
        seed: int,
        mode: Mode,
    ) -> None:
        """Loads the encoder below a new head of ``num_labels`` outputs and builds the Trainer.

        Seeds the global random generators of Python, NumPy and PyTorch, as the Trainer always does; the dropout and
        the order in ``tuned`` mode go on drawing from PyTorch's.

        Args:
            model_folder: Hugging Face folder with the encoder and its tokenizer.
            examples: The tokenised training sentences, each of one piece or more.
            num_labels: Number of label ids.
            batch_size: Sentences per optimizer step.
            seed: Seed of the head, of the dropout and of the data order.
            mode: ``"default"`` or ``"tuned"``.

        Raises:
            ValueError: If an argument is outside its allowed set, or if the ids and the labels of an example differ in
                length.
        """
        if mode not in get_args(Mode):
            raise ValueError(f"mode must be one of {get_args(Mode)!r}, got {mode!r}")
        for name, value in (("num_labels", num_labels), ("batch_size", batch_size)):
            if value < 1:
                raise ValueError(f"{name} must be at least 1, got {value!r}")
        if seed < 0:
            raise ValueError(f"seed must be at least 0, got {seed!r}")
        _check_examples(examples, num_labels)
        self._tuned = mode == "tuned"
        self._bfloat16 = self._tuned and cpu_computes_bfloat16()
        self._batch_size = batch_size
        self._num_examples = len(examples)
        with TemporaryDirectory() as folder, _quiet():
            arguments = self._arguments(folder, seed)
            set_seed(seed)
            self._trainer = _StreamTrainer(
                model=AutoModelForTokenClassification.from_pretrained(
                    model_folder, num_labels=num_labels, dtype=torch.float32
                ),
                args=arguments,
                train_dataset=cast("Dataset[Example]", list(examples)),
                data_collator=DataCollatorForTokenClassification(AutoTokenizer.from_pretrained(model_folder)),
            )
        self._clock = _Clock()
        self._trainer.add_callback(self._clock)
        # It prints the Trainer's own summary of every run.
        self._trainer.remove_callback(PrinterCallback)

    @property
    def precision(self) -> Literal["bf16", "fp32"]:
        """Number format of the matrix products."""
        return "bf16" if self._bfloat16 else "fp32"

    @property
    def block_steps(self) -> int:
        """Steps after which the order of lengths repeats: 1 in random order."""
        if not self._tuned:
            return 1
        return max(1, min(self._num_examples // (self._batch_size * _MIN_BLOCKS), _MAX_BLOCK_BATCHES))

    def run(self, num_steps: int) -> Throughput:
        """Trains :data:`WARMUP_STEPS` steps without the clock and then ``num_steps`` optimizer steps with it.

        The clock starts at the end of the last warm-up step and stops at the end of the last step, so that the set-up
        of the Trainer's ``train()`` is outside and the collation of every counted batch inside.

        Args:
            num_steps: Optimizer steps to time.

        Returns:
            What the timed steps worked through and their time in seconds.

        Raises:
            ValueError: If ``num_steps`` is below 1.
        """
        if num_steps < 1:
            raise ValueError(f"num_steps must be at least 1, got {num_steps!r}")
        stream = self._trainer.stream
        stream.masks.clear()
        with TemporaryDirectory() as folder:
            self._trainer.args.output_dir = folder
            self._trainer.args.max_steps = WARMUP_STEPS + num_steps
            self._trainer.train()
        masks = stream.masks[WARMUP_STEPS:]
        return Throughput(
            examples=sum(len(mask) for mask in masks),
            tokens=sum(int(mask.sum()) for mask in masks),
            seconds=self._clock.stop - self._clock.start,
        )

    def _arguments(self, folder: str, seed: int) -> TrainingArguments:
        return TrainingArguments(
            output_dir=folder,
            per_device_train_batch_size=self._batch_size,
            seed=seed,
            bf16=self._bfloat16,
            train_sampling_strategy="group_by_length" if self._tuned else "random",
            optim="adamw_torch_fused" if self._tuned else TrainingArguments.optim,
            use_cpu=True,
            # Pinned memory is of no use without an accelerator, and PyTorch warns about it.
            dataloader_pin_memory=False,
            eval_strategy="no",
            save_strategy="no",
            logging_strategy="no",
            report_to="none",
            disable_tqdm=True,
        )


class _BatchStream:
    """A data loader that goes on where it was left, epoch after epoch, and keeps the masks of what it gave out."""

    def __init__(self, *, loader: DataLoader[Any]) -> None:
        self._loader = loader
        self._batches = self._endless()
        # Summed up only after the run: counting must not cost the peer any time.
        self.masks: list[Tensor] = []

    def __len__(self) -> int:
        return len(self._loader)

    def __iter__(self) -> _BatchStream:
        return self

    def __next__(self) -> Any:
        batch = next(self._batches)
        self.masks.append(batch["attention_mask"])
        return batch

    def _endless(self) -> Iterator[Any]:
        while True:
            yield from self._loader


class _StreamTrainer(Trainer):
    """A Trainer that does not begin its data anew with every ``train()``."""

    _stream: _BatchStream | None = None

    @property
    def stream(self) -> _BatchStream:
        if self._stream is None:
            self._stream = _BatchStream(loader=super().get_train_dataloader())
        return self._stream

    def get_train_dataloader(self) -> DataLoader[Any]:
        return cast("DataLoader[Any]", self.stream)


class _Clock(TrainerCallback):
    """Reads the time at the end of the last warm-up step and at the end of every later step."""

    def __init__(self) -> None:
        self.start = 0.0
        self.stop = 0.0

    # The Trainer hands its callbacks everything it holds by keyword, hence the open signature.
    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object) -> None:
        self.stop = time.perf_counter()
        if state.global_step == WARMUP_STEPS:
            self.start = self.stop


def _check_examples(examples: Sequence[Example], num_labels: int) -> None:
    if not examples:
        raise ValueError("examples must hold at least one example, got none")
    for index, example in enumerate(examples):
        pieces, labels = len(example["input_ids"]), len(example["labels"])
        if pieces != labels or pieces == 0:
            raise ValueError(f"example {index!r} must have as many ids as labels, got {pieces!r} and {labels!r}")
        for label in example["labels"]:
            if label != IGNORED_LABEL and not 0 <= label < num_labels:
                raise ValueError(f"labels must be {IGNORED_LABEL} or in 0..{num_labels - 1}, got {label!r}")


@contextmanager
def _quiet() -> Iterator[None]:
    """Silences the bars and the reports of loading, and restores what the caller had set."""
    bars, verbosity = hf_logging.is_progress_bar_enabled(), hf_logging.get_verbosity()
    hf_logging.disable_progress_bar()
    hf_logging.set_verbosity_error()
    try:
        yield
    finally:
        hf_logging.set_verbosity(verbosity)
        if bars:
            hf_logging.enable_progress_bar()
