"""The datamodule: a source of files, a format, and how they become packed batches."""

import logging
from collections import Counter
from functools import partial
from typing import Any, Literal, final

import numpy as np
import pytorch_lightning as pl
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerFast

from clozelab.data.loader import Collator, EvalLoader, TrainLoader
from clozelab.data.repeats import warn_of_leakage
from clozelab.data.schemes import SCHEMES
from clozelab.data.words import WordSplit, build, read_split
from clozelab.errors import ConfigError, require
from clozelab.randomness import Purpose, generator
from clozelab.store.ragged import RaggedStore
from clozelab.types import DataSpec, Format, Sentence, Source

log = logging.getLogger(__name__)

SPLITS = ("train", "validation", "test")


@final
class DataModule(pl.LightningDataModule):
    """Sentences with one tag a word, in three splits.

    Args:
        source: where the files come from.
        format: how to read them.
        train: file of the training split, as `source` understands it.
        validation: file of the validation split: selection and early stopping look at this one only.
        test: file of the test split: scored once, at the end.
        batch_size: examples of an optimizer step, over all micro-batches and devices.
        micro_batches: parts an optimizer step is computed in; changes memory and speed, not the optimisation.
        eval_batch_size: examples of an evaluation batch.
        max_length: of a window in tokens; None is the encoder's limit.
        scheme: of the tags: `iob1`, `iob2`, `bioes`, `bilou`, `plain`, or `auto`: recognised in the training split.
        overlap: pieces that neighbouring windows of a long sentence share; None is 32, or a quarter of a short window.
        context: pieces of the neighbouring sentences of the same document that stand on each side of a sentence, at
            most and as far as there is room; labels are those of the sentence alone (Schweter & Akbik 2020).
        limit: at most this many sentences of each split, the first ones.
        fraction: share of the training sentences, drawn at random but always the same ones.
        license: of the data, for the model card.
        citation: of the data, for the model card.
    """

    def __init__(
        self,
        *,
        source: Source,
        format: Format,
        train: str,
        validation: str,
        test: str,
        batch_size: int = 32,
        micro_batches: int = 1,
        eval_batch_size: int = 128,
        max_length: int | None = None,
        scheme: Literal["auto", "iob1", "iob2", "bioes", "bilou", "plain"] = "auto",
        overlap: int | None = None,
        context: int = 0,
        limit: int | None = None,
        fraction: float = 1.0,
        license: str = "unknown",
        citation: str = "unknown",
    ) -> None:
        super().__init__()
        require("batch_size", batch_size, batch_size >= 1, "an integer >= 1")
        allowed = f"an integer in 1..batch_size ({batch_size})"
        require("micro_batches", micro_batches, 1 <= micro_batches <= batch_size, allowed)
        require("eval_batch_size", eval_batch_size, eval_batch_size >= 1, "an integer >= 1")
        require("scheme", scheme, scheme in ("auto", *SCHEMES), f"'auto' or one of {', '.join(SCHEMES)}")
        require("max_length", max_length, max_length is None or max_length >= 8, "null or an integer >= 8")
        fits = overlap is None or 0 <= overlap <= (max_length or 2**31) // 4
        require("overlap", overlap, fits, "null or an integer from 0 to a quarter of max_length")
        require("context", context, context >= 0, "an integer >= 0")
        require("limit", limit, limit is None or limit >= 1, "null or an integer >= 1")
        require("fraction", fraction, 0 < fraction <= 1, "a share in (0, 1]")
        self.files = _checked(source, {"train": train, "validation": validation, "test": test})
        self.source = source
        self.format = format
        self.batch_size = batch_size
        self.micro_batches = micro_batches
        self.eval_batch_size = eval_batch_size
        self.max_length = max_length
        self.overlap = overlap
        self.context = context
        self.scheme = scheme
        self.limit = limit
        self.fraction = fraction
        self.about = {"license": license, "citation": citation}

    def prepare(
        self, *, tokenizer: PreTrainedTokenizerFast, tokenizer_fingerprint: str, max_length: int, seed: int
    ) -> DataSpec:
        """Fetches, reads and tokenises all splits.

        Args:
            tokenizer: the encoder's.
            tokenizer_fingerprint: changes with its files; part of the cache's key.
            max_length: the encoder's limit in tokens.
            seed: of the example order.

        Raises:
            ConfigError: if `max_length` of the config is over the encoder's.
            DataError: if a file cannot be had or read.
        """
        window = self.max_length or max_length
        if window > max_length:
            raise ConfigError(f"data.max_length={window}: the encoder takes {max_length} tokens at most")
        if (self.overlap or 0) > window // 4:
            raise ConfigError(f"data.overlap={self.overlap}: must be a quarter of a window of {window} tokens at most")
        self.seed = seed
        stores = self._stores(tokenizer, tokenizer_fingerprint, window)
        labels = _labels({split: store.header["labels"] for split, store in stores.items()})
        self.splits = {split: WordSplit(store=store, labels=labels) for split, store in stores.items()}
        self.sentences = {split: self._chosen(split) for split in SPLITS}
        self.counts = {split: dict(stores[split].header["counts"]) for split in SPLITS}
        self.spec = DataSpec(
            labels=tuple(labels),
            num_examples={split: len(chosen) for split, chosen in self.sentences.items()},
            pad_token_id=tokenizer.pad_token_id,
            about=self.about,
        )
        self._log_counts()
        chosen = {split: self.splits[split].fingerprints()[self.sentences[split]] for split in SPLITS}
        for split, count in warn_of_leakage(chosen).items():
            self.counts[split]["sentences_in_train"] = count
        return self.spec

    def _stores(
        self, tokenizer: PreTrainedTokenizerFast, tokenizer_fingerprint: str, window: int
    ) -> dict[str, RaggedStore]:
        format_key = {"name": type(self.format).__name__, **vars(self.format)}
        stores: dict[str, RaggedStore] = {}
        scheme = None if self.scheme == "auto" else self.scheme
        for split in SPLITS:
            key = {
                "source": self.source.fingerprint(self.files[split]),
                "format": format_key,
                "tokenizer": tokenizer_fingerprint,
            }
            read = partial(self._read, split)
            stores[split] = build(
                read, tokenizer, key, scheme=scheme, file=self.files[split], max_length=window,
                overlap=min(32, window // 4) if self.overlap is None else self.overlap, context=self.context,
            )  # fmt: skip
            scheme = stores[split].header["scheme"]  # the training split decides for all
        if scheme is not None and scheme not in ("iob2", "plain"):
            log.info("tags are written in %s and were converted to IOB2", scheme.upper())
        return stores

    def use(self, *, packable: bool) -> None:
        """Says, once the encoder is built, whether its batches may be packed."""
        self.packable = packable

    def num_words(self, split: str) -> int:
        """Returns the words of the file (of its chosen sentences), counted before any tokenizer saw them."""
        lengths = self.splits[split].store["tags"].lengths()
        return int(lengths[self.sentences[split]].sum())

    def train_dataloader(self) -> TrainLoader:
        """Returns the packed training batches."""
        assert self.trainer is not None, "attached to no trainer"
        return TrainLoader(
            collate=self._collator("train"),
            examples=self._windows("train"),
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
        """Returns the packed batches of any split, each word once."""
        return EvalLoader(collate=self._collator(split), examples=self._windows(split), batch_size=self.eval_batch_size)

    def _read(self, split: str, counts: Counter[str]) -> list[Sentence]:
        return read_split(self.format, self.source.locate(self.files[split]), split, counts)

    def _collator(self, split: str) -> Collator:
        return Collator(split=self.splits[split], pad_token_id=self.spec.pad_token_id, packable=self.packable)

    def _windows(self, split: str) -> NDArray[np.int64]:
        data = self.splits[split]
        return np.flatnonzero(np.isin(data.sentence_of, self.sentences[split]))

    def _chosen(self, split: str) -> NDArray[np.int64]:
        """Returns the numbers of the sentences that `limit` and `fraction` leave, ascending."""
        num = self.splits[split].num_sentences
        if split == "train" and self.fraction < 1:
            # Seed 0 whatever the run's seed: seeds then differ in order and dropout, not in their data.
            drawn = generator(Purpose.FRACTION, 0).permutation(num)[: max(1, round(self.fraction * num))]
            return np.sort(drawn)[: self.limit]
        return np.arange(num)[: self.limit]

    def _log_counts(self) -> None:
        for split in SPLITS:
            counts = {name: count for name, count in self.counts[split].items() if count > (name == "documents")}
            total, chosen = self.splits[split].num_sentences, len(self.sentences[split])
            details = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items())
            of_all = "" if chosen == total else f" of {total}"
            words = self.num_words(split)
            rest = f"; in its file {details}" if details else ""
            log.info("%s: %d%s sentences, %d words%s", split, chosen, of_all, words, rest)
        if self.context and all(self.counts[split]["documents"] == 1 for split in SPLITS):
            log.warning("data.context: the files mark no documents, so that neighbours may be of another document")


def _labels(found: dict[str, Any]) -> list[str]:
    """Returns the labels of all splits, sorted: a label that training lacks is scored too, as never predicted."""
    for split in ("validation", "test"):
        if unseen := sorted(set(found[split]) - set(found["train"])):
            log.warning("labels of the %s split that training lacks, scored as errors: %s", split, ", ".join(unseen))
    return sorted({label for labels in found.values() for label in labels})


def _checked(source: Source, files: dict[str, str]) -> dict[str, str]:
    """Returns the file of each split, refusing one that cannot be there.

    Raises:
        ConfigError: naming its split.
    """
    for split, path in files.items():
        try:
            source.check(path)
        except ConfigError as error:
            raise ConfigError(f"{split}={error}", key=split) from error
    return files
