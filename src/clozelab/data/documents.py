"""Unlabelled documents: what pretraining and domain adaptation learn from."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerFast

from clozelab.data.anchors import Filling, write_anchors
from clozelab.data.example import Examples
from clozelab.data.folds import Shares, assign
from clozelab.data.frame import frame_of
from clozelab.data.masking import Masker, Masking
from clozelab.data.module import SPLITS, Corpus, DataModule
from clozelab.data.passages import Passages
from clozelab.data.tokenised import tokenise
from clozelab.errors import DataError, require
from clozelab.store.cache import build_once, cache_dir
from clozelab.store.hashing import digest
from clozelab.store.ragged import VERSIONS, RaggedStore
from clozelab.types import DataSpec, Source, TextFormat

BLOCK = 10_000_000
"""Tokens counted at once."""


@final
class DocumentSplit:
    """The documents of a split: a selection of those of a store.

    Args:
        store: of the tokenised documents of a file.
        documents: numbers of the split's own.
        num_tokens: size of the vocabulary.
    """

    def __init__(self, *, store: RaggedStore, documents: NDArray[np.int64], vocab_size: int) -> None:
        self.store = store
        self.documents = documents
        self.vocab_size = vocab_size

    @property
    def num_units(self) -> int:
        """How many documents there are."""
        return len(self.documents)

    def fingerprints(self) -> NDArray[np.int64]:
        """Returns a number for each document that equal documents share, (documents,)."""
        return self.store["fingerprint"].values.view(np.int64)[self.documents]

    def label_counts(self, units: NDArray[np.int64]) -> tuple[int, ...]:
        """Returns how often each token of the vocabulary occurs in these documents."""
        counts = np.zeros(self.vocab_size, dtype=np.int64)
        ids = self.store["input_ids"]
        chosen = np.zeros(len(ids), dtype=bool)
        chosen[self.documents[units]] = True
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
        license: of the data, for the model card.
        citation: of the data, for the model card.
    """

    kind = "documents"
    unit = "documents"

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
        license: str = "unknown",
        citation: str = "unknown",
    ) -> None:
        given = {"train": train, "validation": validation, "test": test}
        super().__init__(
            source=source, files={split: file for split, file in given.items() if file is not None},
            batch_size=batch_size, micro_batches=micro_batches, eval_batch_size=eval_batch_size, max_length=max_length,
            limit=limit, fraction=fraction, about={"license": license, "citation": citation},
        )  # fmt: skip
        require("short", short, 0 <= short <= 1, "a share in [0, 1]")
        self.shares = Shares(validation=validation_share, test=test_share, fold=fold, files=self.files)
        self.format = format
        self.masking = masking
        self.next_sentence = next_sentence
        # A pair must be of one document: whether its second segment follows the first would else be open.
        self.join = join and not next_sentence
        self.short = short if next_sentence else 0.0
        self._passages: dict[str, Passages] = {}

    def read(self, tokenizer: PreTrainedTokenizerFast, tokenizer_fingerprint: str, max_length: int) -> Corpus:
        """Fetches, reads and tokenises all splits; see `DataModule`."""
        self.tokenizer = tokenizer
        self.frame = frame_of(tokenizer)
        length = max_length - self.frame.num_special(2 if self.next_sentence else 1)
        self.filling = Filling(length=length, join=self.join, short=self.short)
        key = {
            "format": {"name": type(self.format).__name__, **vars(self.format)}, "tokenizer": tokenizer_fingerprint,
            **VERSIONS, "kind": "documents",
        }  # fmt: skip
        self.keys = {file: digest({**key, "source": self.source.fingerprint(file)}) for file in self.files.values()}
        stores = {file: self._store(file) for file in self.files.values()}
        self.shares.log()
        splits = {split: self._split(split, stores) for split in SPLITS}
        counts = {split: stores[self._file(split)].header["counts"] for split in SPLITS}
        return Corpus(splits, (), counts)

    def prepare(self, **values: Any) -> DataSpec:
        """Reads all splits, chooses the documents and places the examples; see `DataModule.prepare`."""
        self.spec = spec = replace(super().prepare(**values), next_sentence=self.next_sentence)
        counts = np.array(spec.class_counts, dtype=np.int64)
        masker = Masker(masking=self.masking, tokenizer=self.tokenizer, counts=counts)
        for split in SPLITS:
            data = self.splits[split]
            documents = data.documents[self.chosen[split]]
            self._passages[split] = Passages(
                store=data.store, documents=documents, anchors=self._anchors(split, documents)["parts"],
                frame=self.frame, masker=masker, next_sentence=self.next_sentence, seed=self.seed,
            )  # fmt: skip
        return spec

    def examples(self, split: str) -> tuple[Examples, NDArray[np.int64]]:
        """Returns the passages of the chosen documents, and the numbers of all of them."""
        return self._passages[split], np.arange(len(self._passages[split]))

    def target_names(self) -> Sequence[str]:
        """Returns the tokens of the vocabulary."""
        names: list[str] = self.tokenizer.convert_ids_to_tokens(range(len(self.tokenizer)))
        return names

    def num_targets(self, split: str) -> int:
        """Returns how many tokens evaluation masks."""
        passages = self._passages[split]
        return sum(len(passages.draw(number, None).positions) for number in range(len(passages)))

    def _file(self, split: str) -> str:
        return self.files.get(split, self.files["train"])

    def _store(self, file: str) -> RaggedStore:
        def write(folder: Path) -> None:
            counts = Counter(texts_empty=0, documents_without_tokens=0)
            path = self.source.locate(file)
            size = path.stat().st_size if path.is_file() and path.suffix != ".gz" else None
            texts = self.format.read(path, counts)
            tokenise(folder, texts, self.tokenizer, counts, name=path.name, size=size)

        return RaggedStore(build_once(cache_dir() / "stores" / self.keys[file][:32], write))

    def _split(self, split: str, stores: Mapping[str, RaggedStore]) -> DocumentSplit:
        store = stores[self._file(split)]
        documents = np.arange(len(store["input_ids"]))
        subset = self.shares.subset(split)
        if subset is not None:
            prints = store["fingerprint"].values.view(np.int64).tolist()
            names = store.header["labels"]
            documents = documents[assign(prints, [names[i] for i in store["label"].values.tolist()], subset)]
        if not len(documents):
            raise DataError(f"{self._file(split)}: the {split} split has no document")
        return DocumentSplit(store=store, documents=documents, vocab_size=len(self.tokenizer))

    def _anchors(self, split: str, documents: NDArray[np.int64]) -> RaggedStore:
        subset = self.shares.subset(split)
        chosen = [vars(subset) if subset else None, self.limit, self.fraction if split == "train" else 1.0]
        key = digest({"tokens": self.keys[self._file(split)], "documents": chosen, **vars(self.filling)})

        def write(folder: Path) -> None:
            write_anchors(folder, self.splits[split].store, documents.tolist(), self.filling)

        return RaggedStore(build_once(cache_dir() / "stores" / key[:32], write))
