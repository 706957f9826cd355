"""What every datamodule does: three splits from a source, a choice of their examples, and packed batches of them.

A concrete one is final and says one thing: how files become tokenised splits.
"""

import logging
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytorch_lightning as pl
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerFast

from clozelab.data.example import Examples
from clozelab.data.folds import Shares
from clozelab.data.loader import Collator, EvalLoader, TrainLoader
from clozelab.data.repeats import warn_of_leakage
from clozelab.data.rescoring import ALL, Rescoring, warn_of_unseen
from clozelab.errors import ConfigError, DataError, require
from clozelab.randomness import Purpose, generator
from clozelab.types import NUMBER, DataSpec, Kind, Source, Text

log = logging.getLogger(__name__)

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class Corpus:
    """What a datamodule read.

    Attributes:
        splits: by name; `Split`s, or what a concrete datamodule has instead and its own methods know.
        labels: label names of all splits; a label's id is its place.
        counts: by split, what was found and mended.
        numbers: whether targets are numbers, not labels.
    """

    splits: Mapping[str, Any]
    labels: Sequence[str]
    counts: Mapping[str, Mapping[str, int]]
    numbers: bool = False


class DataModule(pl.LightningDataModule, ABC):
    """Three splits of examples.

    Args:
        source: where the files come from.
        files: of each split, as `source` understands them; a split without one is drawn from the training file.
        batch_size: examples of an optimizer step, over all micro-batches and devices.
        micro_batches: parts an optimizer step is computed in; changes memory and speed, not the optimisation.
        eval_batch_size: examples of an evaluation batch.
        max_length: of an example in tokens; None is the encoder's limit.
        limit: at most this many units (sentences, texts) of each split, the first ones.
        fraction: share of the training units, drawn at random but always the same ones.
        about: licence and citation, for the model card.
    """

    kind: Kind
    """What carries a target."""

    unit: str
    """What a corpus consists of, in the plural: `sentences`, `texts`."""

    evaluated: Sequence[str] = ("validation", "test")
    """Splits that are scored at the end of a run, in this order."""

    format: Any
    shares: Shares | None = None
    """How the training file is shared out, where it may have to be."""

    def __init__(
        self,
        *,
        source: Source,
        files: dict[str, str | None],
        batch_size: int,
        micro_batches: int,
        eval_batch_size: int,
        max_length: int | None,
        limit: int | None,
        fraction: float,
        about: dict[str, str],
    ) -> None:
        super().__init__()
        require("batch_size", batch_size, batch_size >= 1, "an integer >= 1")
        allowed = f"an integer in 1..batch_size ({batch_size})"
        require("micro_batches", micro_batches, 1 <= micro_batches <= batch_size, allowed)
        require("eval_batch_size", eval_batch_size, eval_batch_size >= 1, "an integer >= 1")
        require("max_length", max_length, max_length is None or max_length >= 8, "null or an integer >= 8")
        require("limit", limit, limit is None or limit >= 1, "null or an integer >= 1")
        require("fraction", fraction, 0 < fraction <= 1, "a share in (0, 1]")
        self.files = _checked(source, files)
        self.source = source
        self.batch_size = batch_size
        self.micro_batches = micro_batches
        self.eval_batch_size = eval_batch_size
        self.max_length = max_length
        self.limit = limit
        self.fraction = fraction
        self.about = about

    @abstractmethod
    def read(self, tokenizer: PreTrainedTokenizerFast, tokenizer_fingerprint: str, max_length: int) -> Corpus:
        """Fetches, reads and tokenises the splits in `names`.

        Args:
            tokenizer: the encoder's.
            tokenizer_fingerprint: changes with its files; part of the cache's key.
            max_length: of an example in tokens.

        Raises:
            ConfigError: if the configuration does not fit this length.
            DataError: if a file cannot be had or read.
        """

    def prepare(
        self,
        *,
        tokenizer: PreTrainedTokenizerFast,
        tokenizer_fingerprint: str,
        max_length: int,
        seed: int,
        rescoring: Rescoring | None = None,
    ) -> DataSpec:
        """Reads all splits and chooses the examples.

        Args:
            tokenizer: the encoder's.
            tokenizer_fingerprint: changes with its files.
            max_length: the encoder's limit in tokens.
            seed: of the example order.
            rescoring: of a model that has learnt its labels; None takes those of the data.

        Raises:
            ConfigError: if `max_length` is over the encoder's, or the model does not know a label.
            DataError: if a file cannot be had or read, or no example is left.
        """
        self.seed, self.rescoring = seed, rescoring
        if rescoring and rescoring.splits:
            self.evaluated = rescoring.splits
            rescoring.check_files(self.files)
        if (length := self.max_length or max_length) > max_length:
            raise ConfigError(f"data.max_length={length}: the encoder takes {max_length} tokens at most")
        corpus = self.read(tokenizer, tokenizer_fingerprint, length)
        self.splits = corpus.splits
        self._choose(corpus)
        counted = not corpus.numbers and (rescoring is None or self.kind == "documents")  # else only training asks
        self.spec = DataSpec(
            kind=self.kind, labels=NUMBER if corpus.numbers else tuple(corpus.labels), numbers=corpus.numbers,
            class_counts=self.splits["train"].label_counts(self.chosen["train"]) if counted else (),
            num_examples={split: len(chosen) for split, chosen in self.chosen.items()},
            pad_token_id=tokenizer.pad_token_id, about=self.about,
        )  # fmt: skip
        if counted and self.kind != "documents":
            warn_of_unseen(corpus.labels, {name: s.label_counts(self.chosen[name]) for name, s in self.splits.items()})
        self._log_counts()
        self._count_leakage()
        return self.spec

    @property
    def names(self) -> tuple[str, ...]:
        """Splits that are read: the three, and the whole file if it is to be scored; of new data what is scored."""
        if self.rescoring and not self.rescoring.is_own:
            return tuple(self.evaluated)
        return (*SPLITS, ALL) if ALL in self.evaluated else SPLITS

    @abstractmethod
    def texts(self, split: str, counts: Counter[str]) -> Iterator[Text]:
        """Yields what a split's file says, whatever `limit` and `fraction` leave of it; counts what is mended.

        Raises:
            DataError: if the file cannot be had or read.
        """

    def texts_key(self, split: str) -> dict[str, Any]:
        """Returns what `texts` depends on, for the key of a cache."""
        subset = self.shares.subset(split) if self.shares else None
        return {
            "format": _described(self.format),
            "source": self.source.fingerprint(self.file(split)), "subset": vars(subset) if subset else None,
        }  # fmt: skip

    def file(self, split: str) -> str:
        """Returns the file that a split is in."""
        return self.files.get(split, self.files["train"])

    def note(self) -> str:
        """Returns what a user of the exported model must know of how its texts were read; usually nothing."""
        return ""

    def target_names(self) -> Sequence[str]:
        """Returns the name of every target id: the labels, or of masked tokens the vocabulary."""
        return self.spec.labels

    def use(self, *, packable: bool) -> None:
        """Says, once the encoder is built, whether its batches may be packed."""
        self.packable = packable

    def num_targets(self, split: str) -> int:
        """Returns what there is to predict in the file (in its chosen units), counted before any tokenizer saw it."""
        return int(self.splits[split].num_targets()[self.chosen[split]].sum())

    def train_dataloader(self) -> TrainLoader:
        """Returns the packed training batches."""
        assert self.trainer is not None, "attached to no trainer"
        examples, numbers = self.examples("train")
        return TrainLoader(
            examples=examples,
            numbers=numbers,
            collate=self._collator("train"),
            batch_size=self.batch_size,
            micro_batches=self.micro_batches,
            seed=self.seed,
            num_steps_done=lambda: self.trainer.global_step,  # type: ignore[union-attr]
        )

    def val_dataloader(self) -> EvalLoader:
        """Returns the packed validation batches."""
        return self.eval_dataloader("validation")

    def test_dataloader(self) -> EvalLoader:
        """Returns the packed test batches."""
        return self.eval_dataloader("test")

    def eval_dataloader(self, split: str) -> EvalLoader:
        """Returns the packed batches of any split, each target once."""
        examples, numbers = self.examples(split)
        collate = self._collator(split)
        return EvalLoader(examples=examples, numbers=numbers, collate=collate, batch_size=self.eval_batch_size)

    def examples(self, split: str) -> tuple[Examples, NDArray[np.int64]]:
        """Returns where the examples of a split are drawn from, and the numbers of those of its chosen units."""
        data = self.splits[split]
        return data, np.flatnonzero(np.isin(data.unit_of, self.chosen[split]))

    def _collator(self, split: str) -> Collator:
        return Collator(pad_token_id=self.spec.pad_token_id, packable=self.packable, split=split)

    def _chosen(self, split: str) -> NDArray[np.int64]:
        """Returns the numbers of the units that `limit` and `fraction` leave, ascending."""
        num = self.splits[split].num_units
        if split == "train" and self.fraction < 1:
            # Seed 0 whatever the run's seed: seeds then differ in order and dropout, not in their data.
            drawn = generator(Purpose.FRACTION, 0).permutation(num)[: max(1, round(self.fraction * num))]
            return np.sort(drawn)[: self.limit]
        return np.arange(num)[: self.limit]

    def _count_leakage(self) -> None:
        is_own = self.rescoring is None or self.rescoring.is_own  # else nobody trained on their training split
        prints = {split: self.splits[split].fingerprints()[self.chosen[split]] for split in SPLITS if is_own}
        for split, shared in warn_of_leakage(prints, self.unit).items():
            self.counts[split].update({f"{self.unit}_in_{earlier}": count for earlier, count in shared.items()})

    def _choose(self, corpus: Corpus) -> None:
        """Chooses the units of each split, of those to be scored only what a finished model can be asked about."""
        self.chosen = {split: self._chosen(split) for split in self.names}
        self.counts = {split: dict(corpus.counts[split]) for split in self.names}
        for split in self.evaluated if self.rescoring and self.rescoring.mapping else ():
            units = self.chosen[split]
            self.counts[split]["left_out"] = self.splits[split].num_left_out(units)
            self.chosen[split] = self.splits[split].kept(units)
            if not len(self.chosen[split]):
                raise DataError(f"the mapping of labels leaves out all {len(units)} {self.unit} of the {split} split")

    def _log_counts(self) -> None:
        for split in self.names if self.rescoring is None or self.rescoring.is_own else self.evaluated:
            counts = {name: count for name, count in self.counts[split].items() if count > (name == "documents")}
            total, chosen = self.splits[split].num_units, len(self.chosen[split])
            details = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items())
            of_all = "" if chosen == total else f" of {total}"
            size = f", {self.num_targets(split)} words" if self.kind == "words" else ""
            rest = f"; in its file {details}" if details else ""
            log.info("%s: %d%s %s%s%s", split, chosen, of_all, self.unit, size, rest)


def _described(format: Any) -> dict[str, Any]:
    """Returns a format as plain values; it may hold another one."""
    values = {key: _described(value) if hasattr(value, "read") else value for key, value in vars(format).items()}
    return {"name": type(format).__name__, **values}


def _checked(source: Source, files: dict[str, str | None]) -> dict[str, str]:
    """Returns the file of each split that has one, refusing one that cannot be there.

    Raises:
        ConfigError: naming its split.
    """
    given = {split: path for split, path in files.items() if path is not None}
    for split, path in given.items():
        try:
            source.check(path)
        except ConfigError as error:
            raise ConfigError(f"{split}={error}", key=split) from error
    return given
