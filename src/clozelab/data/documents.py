"""Unlabelled documents: what pretraining and domain adaptation learn from."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any, final

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerFast

from clozelab.data.anchors import Filling, write_anchors
from clozelab.data.example import Examples
from clozelab.data.folds import Shares, texts_in
from clozelab.data.frame import frame_of
from clozelab.data.masking import Masker, Masking, mask_id_of
from clozelab.data.module import Corpus, DataModule
from clozelab.data.passages import Passages
from clozelab.data.repeats import warn_of_leakage
from clozelab.data.tokenised import tokenise
from clozelab.errors import ConfigError, DataError, require
from clozelab.store.cache import build_once, cache_dir
from clozelab.store.hashing import digest
from clozelab.store.ragged import VERSIONS, RaggedStore
from clozelab.types import DataSpec, Source, Text, TextFormat

BLOCK = 10_000_000
"""Tokens counted at once."""


GENERAL = "general"
"""The split that is scored beside the domain's own, to see what a model forgets."""


def vocab_size_of(tokenizer: PreTrainedTokenizerFast) -> int:
    """Returns how many ids there are, gaps included."""
    return 1 + max(tokenizer.get_vocab().values())


def _check_beside(more: Mapping[str, DataModule], general: DataModule | None) -> None:
    """Refuses a share of a corpus beside the data's own, which would do nothing.

    Raises:
        ConfigError: naming its key.
    """
    beside = {**{f"more.{name}": corpus for name, corpus in more.items()}, GENERAL: general}
    for name, corpus in beside.items():
        if corpus is not None:
            share = corpus.fraction
            require(
                f"{name}.fraction", share, share == 1, f"1, for its texts join whole; {name}.limit takes the first ones"
            )


def _apart(texts: Iterable[Text]) -> Iterator[Text]:
    """Yields each text of a pair as a document of its own: the second does not go on where the first ends.

    Splits are drawn before, so that the texts of a pair are in the same one.
    """
    for text in texts:
        yield from (replace(text, segments=(segment,)) for segment in text.segments if segment.strip())


@final
class DocumentSplit:
    """The documents of a split.

    Args:
        store: of the tokenised documents.
        vocab_size: number of tokens there are.
    """

    def __init__(self, *, store: RaggedStore, vocab_size: int) -> None:
        self.store = store
        self.vocab_size = vocab_size
        self.num_units = len(store["input_ids"])

    def fingerprints(self) -> NDArray[np.int64]:
        """Returns a number for each document that equal documents share, (documents,)."""
        return self.store["fingerprint"].values.view(np.int64)

    def label_counts(self, units: NDArray[np.int64]) -> tuple[int, ...]:
        """Returns how often each token of the vocabulary occurs in these documents."""
        counts = np.zeros(self.vocab_size, dtype=np.int64)
        ids = self.store["input_ids"]
        chosen = np.zeros(len(ids), dtype=bool)
        chosen[units] = True
        of_token = np.repeat(chosen, ids.lengths()) if not chosen.all() else None
        for start in range(0, len(ids.values), BLOCK):
            block = ids.values[start : start + BLOCK]
            block = block if of_token is None else block[of_token[start : start + BLOCK]]
            counts += np.bincount(block, minlength=self.vocab_size)
        return tuple(counts.tolist())


@final
class Documents(DataModule):
    """Unlabelled documents, read as contiguous passages with masked tokens.

    A split without a file is drawn from the training file, exactly as `Texts` draws it: a model may be adapted to the
    training texts of a corpus and then be fine-tuned on it without having seen its test texts.

    Args:
        source: where the files come from.
        format: how to read them.
        train: file or folder of the training split, as `source` understands it.
        validation: of the validation split; None draws it from the training file.
        test: of the test split; None draws it from the training file.
        batch_size: passages of an optimizer step; see `DataModule` for this and what follows.
        micro_batches: parts an optimizer step is computed in.
        eval_batch_size: passages of an evaluation batch.
        max_length: of a passage in tokens, special tokens included.
        limit: at most this many documents of each split.
        fraction: share of the training documents.
        masking: which tokens are to be predicted, and what stands in their places.
        next_sentence: read pairs of segments, half of which do not belong together (NSP).
        join: let a passage go on with the next document where one ends; not with `next_sentence`.
        short: share of pairs that are filled to a random shorter length only.
        validation_share: of the training file, where it has to give the validation split.
        test_share: of the training file, where it has to give the test split.
        fold: which of the parts of the training file is the test split, where it has to give one.
        split_seed: which of many ways to draw splits; each is as good as the next.
        more: further corpora by name, whose splits (up to their own `limit`) join those of this one.
        general: a corpus whose test split is scored, too, to see what the model forgets of it; `general.limit` of it.
        license: of the data, for the model card.
        citation: of the data, for the model card.
    """

    kind = "documents"
    unit = "documents"
    shares: Shares

    def __init__(
        self,
        *,
        source: Source,
        format: TextFormat,
        train: str,
        masking: Masking,
        validation: str | None = None,
        test: str | None = None,
        batch_size: int = 32,
        micro_batches: int = 1,
        eval_batch_size: int = 128,
        max_length: int | None = None,
        limit: int | None = None,
        fraction: float = 1.0,
        next_sentence: bool = False,
        join: bool = False,
        short: float = 0.1,
        validation_share: float = 0.1,
        test_share: float = 0.2,
        fold: int = 0,
        split_seed: int = 0,
        more: Mapping[str, DataModule] = MappingProxyType({}),
        general: DataModule | None = None,
        license: str = "unknown",
        citation: str = "unknown",
    ) -> None:
        super().__init__(
            source=source, files={"train": train, "validation": validation, "test": test}, batch_size=batch_size,
            micro_batches=micro_batches, eval_batch_size=eval_batch_size, max_length=max_length, limit=limit,
            fraction=fraction, about={"license": license, "citation": citation},
        )  # fmt: skip
        require("short", short, 0 <= short <= 1, "a share in [0, 1]")
        self.shares = Shares(validation=validation_share, test=test_share, fold=fold, seed=split_seed, files=self.files)
        _check_beside(more, general)
        self.more = more
        self.general = general
        self.evaluated = ("validation", "test") if general is None else ("validation", "test", GENERAL)
        self.format = format
        self.masking = masking
        self.next_sentence = next_sentence
        # A pair must be of one document: whether its second segment follows the first would else be open.
        self.join = join and not next_sentence
        self.short = short if next_sentence else 0.0
        self._passages: dict[str, Passages] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Splits that are read: always the training split, too, whose tokens replace others and make the baseline."""
        return tuple(dict.fromkeys(("train", *super().names)))

    def texts(self, split: str, counts: Counter[str]) -> Iterator[Text]:
        """Yields the documents of a split, those of further corpora after its own; see `DataModule.texts`."""
        if split == GENERAL:
            assert self.general is not None, "no general corpus"
            yield from _apart(self.general.texts("test", counts))
            return
        path, subset = self.source.locate(self.file(split)), self.shares.subset(split)
        yield from _apart(texts_in(path, self.format, subset, counts))
        for corpus in self.more.values():
            yield from _apart(islice(corpus.texts(split, counts), corpus.limit))

    def texts_key(self, split: str) -> dict[str, Any]:
        """Returns what `texts` depends on; see `DataModule.texts_key`."""
        if split == GENERAL:
            assert self.general is not None, "no general corpus"
            return self.general.texts_key("test")
        more = [{**corpus.texts_key(split), "limit": corpus.limit} for corpus in self.more.values()]
        return {**super().texts_key(split), "more": more}

    def read(self, tokenizer: PreTrainedTokenizerFast, tokenizer_fingerprint: str, max_length: int) -> Corpus:
        """Fetches, reads and tokenises the splits; see `DataModule`."""
        self.tokenizer = tokenizer
        self.frame = frame_of(tokenizer)
        mask_id_of(tokenizer)  # refuses a tokenizer without, before anything is tokenised
        segments = 2 if self.next_sentence else 1
        num_special = self.frame.num_special(segments)
        length = max_length - num_special
        if length < segments:
            least = num_special + segments
            raise ConfigError(
                f"data.max_length={max_length}: must be {least} at least, for {num_special} special tokens"
            )
        self.filling = Filling(length=length, join=self.join, short=self.short)
        key = {"tokenizer": tokenizer_fingerprint, **VERSIONS, "kind": "documents", "pairs": "apart"}
        names = (*self.names, GENERAL) if self.general is not None else self.names
        self.keys = {split: digest({**key, **self.texts_key(split)}) for split in names}
        splits = {split: self._split(split) for split in names}
        self.shares.log()
        return Corpus(splits, (), {split: data.store.header["counts"] for split, data in splits.items()})

    def prepare(self, **values: Any) -> DataSpec:
        """Reads all splits, chooses the documents and places the examples; see `DataModule.prepare`."""
        self.spec = spec = replace(super().prepare(**values), next_sentence=self.next_sentence)
        counts = np.array(spec.class_counts, dtype=np.int64)
        masker = Masker(masking=self.masking, tokenizer=self.tokenizer, counts=counts)
        # Special tokens are never to be predicted, so that no baseline may predict them.
        self.spec = spec = replace(spec, class_counts=tuple(np.where(masker.is_special, 0, counts).tolist()))
        if self.general is not None:
            self._choose_general(self.general)
        for split, documents in self.chosen.items():
            if split != "train":
                masker.check(split, np.array(self.splits[split].label_counts(documents)))
            self._passages[split] = Passages(
                store=self.splits[split].store, documents=documents, anchors=self._anchors(split),
                frame=self.frame, masker=masker, next_sentence=self.next_sentence, split=split,
                seed=self.seed,
            )  # fmt: skip
        return spec

    def examples(self, split: str) -> tuple[Examples, NDArray[np.int64]]:
        """Returns the passages of the chosen documents, and the numbers of all of them."""
        return self._passages[split], np.arange(len(self._passages[split]))

    def target_names(self) -> Sequence[str]:
        """Returns the tokens of the vocabulary."""
        names = {number: token for token, number in self.tokenizer.get_vocab().items()}
        return [names.get(number, "") for number in range(vocab_size_of(self.tokenizer))]

    def num_targets(self, split: str) -> int:
        """Returns how many tokens evaluation masks."""
        passages = self._passages[split]
        return sum(len(passages.draw(number, None).positions) for number in range(len(passages)))

    def _choose_general(self, general: DataModule) -> None:
        """Chooses the documents of the general corpus; what is learnt from cannot tell what is forgotten."""
        self.chosen[GENERAL] = np.arange(self.splits[GENERAL].num_units)[: general.limit]
        prints = {split: self.splits[split].fingerprints()[self.chosen[split]] for split in ("train", GENERAL)}
        self.counts[GENERAL] = {"documents_in_train": warn_of_leakage(prints, self.unit)[GENERAL]["train"]}

    def _split(self, split: str) -> DocumentSplit:
        def write(folder: Path) -> None:
            counts = Counter(texts_empty=0, documents_without_tokens=0)
            tokenise(folder, self.texts(split, counts), self.tokenizer, counts, name=split, size=self._size(split))

        store = RaggedStore(build_once(cache_dir() / "stores" / self.keys[split][:32], write))
        if not len(store["input_ids"]):
            empty = store.header["counts"]["documents_without_tokens"]
            own = "" if split in self.files else f"data.{split} may name a file of its own, and "
            raise DataError(
                f"{self.file(split)}: the {split} split has no document"
                + (f" that the tokenizer makes a token of, and {empty} without" if empty else "")
                + f"; {own}data.format says what a document is (of plain text, data.format.begins)"
            )
        return DocumentSplit(store=store, vocab_size=vocab_size_of(self.tokenizer))

    def _size(self, split: str) -> int | None:
        """Returns how many bytes there are to tokenise, as far as that is known beforehand."""
        if split == GENERAL or self.more or self.shares.subset(split) is not None:
            return None
        path = self.source.locate(self.file(split))
        return path.stat().st_size if path.is_file() and path.suffix != ".gz" else None

    def _anchors(self, split: str) -> RaggedStore:
        documents = self.chosen[split]
        chosen = hashlib.sha256(documents.tobytes()).hexdigest()
        key = digest({"tokens": self.keys[split], "documents": chosen, **vars(self.filling)})

        def write(folder: Path) -> None:
            write_anchors(folder, self.splits[split].store, documents.tolist(), self.filling)

        return RaggedStore(build_once(cache_dir() / "stores" / key[:32], write))
