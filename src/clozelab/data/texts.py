"""Texts and pairs of texts with one label or number each: what sequence classification trains and scores on."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
from transformers import PreTrainedTokenizerFast

from clozelab.data.folds import Shares, texts_in
from clozelab.data.labels import are_scores
from clozelab.data.module import SPLITS, Corpus, DataModule
from clozelab.data.repeats import count_repeats, fingerprint
from clozelab.data.rescoring import vocabulary
from clozelab.data.split import Split
from clozelab.errors import ConfigError, DataError
from clozelab.store.cache import build_once, cache_dir
from clozelab.store.hashing import digest
from clozelab.store.ragged import VERSIONS, RaggedStore
from clozelab.types import Source, Text, TextFormat

COUNTS = (
    "texts_truncated", "texts_empty", "texts_in_another_encoding", "texts_repeated", "texts_repeated_with_other_labels",
)  # fmt: skip
"""What is counted while a split is built, for the log and run.json."""

CHUNK = 1000
"""Texts tokenised at once."""

VERSION = 2
"""Part of every store's name: raise it when texts or their labels are read otherwise."""

log = logging.getLogger(__name__)


@final
class Texts(DataModule):
    """Texts, or pairs of texts, with one label or number each.

    A split without a file is drawn from the training file: by the content of its texts, so that equal texts stay
    together and another run, machine or order of the file gives the same; stratified by label.

    Args:
        source: where the files come from.
        format: how to read them.
        train: file of the training split, as `source` understands it.
        validation: file of the validation split; None draws it from the training file.
        test: file of the test split; None draws it from the training file.
        batch_size: texts of an optimizer step; see `DataModule` for this and what follows.
        micro_batches: parts an optimizer step is computed in.
        eval_batch_size: texts of an evaluation batch.
        max_length: of a text (or pair) in tokens; longer ones are cut, the longer segment of a pair first.
        limit: at most this many texts of each split.
        fraction: share of the training texts.
        validation_share: of the training file, where it has to give the validation split.
        test_share: of the training file, where it has to give the test split.
        fold: which of the parts of the training file is the test split, where it has to give one: with a test share of
            0.2 there are five, 0 to 4.
        split_seed: which of many ways to draw splits; each is as good as the next.
        license: of the data, for the model card.
        citation: of the data, for the model card.
    """

    kind = "texts"
    unit = "texts"
    shares: Shares

    def __init__(
        self,
        *,
        source: Source,
        format: TextFormat,
        train: str,
        validation: str | None = None,
        test: str | None = None,
        batch_size: int = 32,
        micro_batches: int = 1,
        eval_batch_size: int = 128,
        max_length: int | None = None,
        limit: int | None = None,
        fraction: float = 1.0,
        validation_share: float = 0.1,
        test_share: float = 0.2,
        fold: int = 0,
        split_seed: int = 0,
        license: str = "unknown",
        citation: str = "unknown",
    ) -> None:
        super().__init__(
            source=source, files={"train": train, "validation": validation, "test": test}, batch_size=batch_size,
            micro_batches=micro_batches, eval_batch_size=eval_batch_size, max_length=max_length, limit=limit,
            fraction=fraction, about={"license": license, "citation": citation},
        )  # fmt: skip
        self.shares = Shares(validation=validation_share, test=test_share, fold=fold, seed=split_seed, files=self.files)
        self.format = format

    def read(self, tokenizer: PreTrainedTokenizerFast, tokenizer_fingerprint: str, max_length: int) -> Corpus:
        """Fetches, reads and tokenises the splits; see `DataModule`."""
        if not any(tokenizer("a", return_special_tokens_mask=True)["special_tokens_mask"][:1]):
            raise ConfigError(
                f"model: its tokenizer ({type(tokenizer).__name__}) puts no special token before a text, so that an "
                "empty one has none to be read from; its tokenizer.json needs a post_processor ([CLS] A [SEP])"
            )
        key = {"tokenizer": tokenizer_fingerprint, "max_length": max_length, **VERSIONS, "kind": f"texts {VERSION}"}
        stores: dict[str, RaggedStore] = {}
        for split in self.names:
            entry = cache_dir() / "stores" / digest({**key, **self.texts_key(split)})[:32]
            stores[split] = RaggedStore(build_once(entry, self._writer(split, tokenizer, max_length)))
        self.shares.log()
        found = {split: store.header["labels"] for split, store in stores.items()}
        numbers = next(iter(stores.values())).header["numbers"]
        labels, names = vocabulary(
            found, self.rescoring, self.evaluated, self.kind, numbers=numbers, elsewhere=self._labels_elsewhere
        )
        if self.rescoring is None and are_scores(labels):
            log.warning(
                "the labels are numbers (%s ...), taken for %d classes; data.format.numbers=true predicts the number "
                "itself", ", ".join(labels[:3]), len(labels),
            )  # fmt: skip
        splits = {split: Split(store=store, labels=labels, names=names) for split, store in stores.items()}
        self._check_pairs(splits)
        counts = {split: store.header["counts"] for split, store in stores.items()}
        return Corpus(splits, labels, counts, numbers)

    def texts(self, split: str, counts: Counter[str]) -> Iterator[Text]:
        """Yields the texts of a split; see `DataModule.texts`."""
        return texts_in(self.source.locate(self.file(split)), self.format, self.shares.subset(split), counts)

    def _check_pairs(self, splits: Mapping[str, Split]) -> None:
        """Refuses files of which one has pairs and another has not, as far as their columns were guessed.

        Raises:
            DataError: naming both.
        """
        single, paired = ([name for name, split in splits.items() if len(split.parts(0)) == n] for n in (1, 2))
        if single and paired:
            raise DataError(
                f"{self.file(paired[0])}: the {paired[0]} split has pairs of texts, the {single[0]} split "
                f"({self.file(single[0])}) has not; data.format.pair names the column of the second ('' reads none)"
            )

    def _labels_elsewhere(self) -> set[str]:
        """Returns the labels of the splits that are not tokenised."""
        others = [split for split in SPLITS if split not in self.names]
        return {str(text.label) for split in others for text in self.texts(split, Counter())}

    def _writer(self, split: str, tokenizer: PreTrainedTokenizerFast, max_length: int) -> Callable[[Path], None]:
        def write(folder: Path) -> None:
            counts = Counter(dict.fromkeys(COUNTS, 0))
            texts = list(self.texts(split, counts))
            if not texts:
                raise DataError(f"{self.file(split)}: the {split} split has no text{self.shares.why_none(split)}")
            _write(folder, texts, tokenizer, max_length, counts)

        return write


def _write(
    folder: Path, texts: Sequence[Text], tokenizer: PreTrainedTokenizerFast, max_length: int, counts: Counter[str]
) -> None:
    prints = [fingerprint(*text.segments) for text in texts]
    repeats = count_repeats(prints, [[str(text.label)] for text in texts]).values()
    counts.update(dict(zip(("texts_repeated", "texts_repeated_with_other_labels"), repeats, strict=True)))
    are_numbers = isinstance(texts[0].label, float)
    labels = [] if are_numbers else sorted({str(text.label) for text in texts})
    number = {label: i for i, label in enumerate(labels)}
    tokens = list(tokenise([text.segments for text in texts], tokenizer, max_length))
    counts["texts_truncated"] += sum(one.cut for one in tokens)

    def target(text: Text) -> Any:
        return np.array([text.label], dtype=np.float32).view(np.int32) if are_numbers else [number[str(text.label)]]

    fields: dict[str, Any] = {
        "input_ids": (one.ids for one in tokens),
        "second_segments": ([one.second] for one in tokens),
        "positions": ([0] for _ in texts),
        "lengths": ([len(one.ids)] for one in tokens),
        "targets": (target(text) for text in texts),
        "examples": ([i] for i in range(len(texts))),
        "first_targets": ([0] for _ in texts),
        "text": (np.frombuffer("\0".join(text.segments).encode(), dtype=np.uint8) for text in texts),
        "fingerprint": (np.array([value], dtype=np.int64).view(np.int32) for value in prints),
    }
    RaggedStore.write(folder, fields, {"labels": labels, "numbers": are_numbers, "counts": dict(counts)})


@dataclass(frozen=True, slots=True)
class Tokens:
    """A tokenised text, or pair of texts.

    Attributes:
        ids: token ids, special tokens included.
        second: where the tokens of its second segment begin; the number of tokens if nowhere.
        cut: whether it was longer than allowed.
    """

    ids: list[int]
    second: int
    cut: bool


def tokenise(texts: Sequence[Sequence[str]], tokenizer: PreTrainedTokenizerFast, max_length: int) -> Iterator[Tokens]:
    """Yields the tokens of texts, all of which have one segment, or all two; the longer one of two is cut first."""
    for start in range(0, len(texts), CHUNK):
        part = texts[start : start + CHUNK]
        segments = [list(column) for column in zip(*part, strict=True)]
        full = tokenizer(*segments, add_special_tokens=True, return_token_type_ids=True)
        for row, encoding in enumerate(full.encodings):
            ids, types = encoding.ids, encoding.type_ids
            if cut := len(ids) > max_length:
                one = tokenizer(
                    *(column[row] for column in segments), truncation="longest_first", max_length=max_length,
                    return_token_type_ids=True,
                )  # fmt: skip
                ids, types = one["input_ids"], one["token_type_ids"]
            yield Tokens(list(ids), types.index(1) if 1 in types else len(ids), cut)
        tokenizer.backend_tokenizer.no_truncation()
