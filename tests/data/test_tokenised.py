"""Documents become tokens once: by the chunk, nothing lost, as the tokenizer would have the whole line."""

import tracemalloc
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from clozelab.data import tokenised
from clozelab.data.repeats import fingerprint
from clozelab.data.tokenised import tokenise
from clozelab.errors import DataError
from clozelab.store.ragged import RaggedStore
from clozelab.types import Text

KINDS = ["word_piece", "byte_level", "unigram", "whole_sentence"]
STORY = "The old company wants every report. Grace Hopper saw the river in New York! Ada left."


def texts(*documents: str) -> list[Text]:
    return [Text((document,), "", number) for number, document in enumerate(documents, 1)]


def store(
    folder: Path, documents: Iterable[Text], tokenizer: PreTrainedTokenizerFast, counts: Counter[str] | None = None
) -> RaggedStore:
    tokenise(folder, documents, tokenizer, Counter() if counts is None else counts, name="train", size=None)
    return RaggedStore(folder)


def pieces(tokenizer: PreTrainedTokenizerFast, found: RaggedStore, mark: int) -> list[str]:
    """Returns the first document, cut where `begins` is `mark` at least."""
    edges = np.flatnonzero(found["begins"][0] >= mark)[1:]
    return [tokenizer.decode(ids).strip() for ids in np.split(found["input_ids"][0], edges)]


@pytest.fixture
def bert(tiny_model: Path) -> PreTrainedTokenizerFast:
    return AutoTokenizer.from_pretrained(tiny_model)


@pytest.mark.parametrize("kind", KINDS)
def test_a_line_has_the_tokens_that_the_tokenizer_gives_it(
    kind: str, tokenizers: Mapping[str, PreTrainedTokenizerFast], tmp_path: Path
) -> None:
    """Sentences inside it too: byte-level and SentencePiece pieces know whether a blank stands before them."""
    found = store(tmp_path / "store", texts(STORY, f"  {STORY}\n{STORY}"), tokenizers[kind])
    expected = tokenizers[kind](STORY, add_special_tokens=False)["input_ids"]
    assert found["input_ids"][0].tolist() == expected
    assert found["input_ids"][1].tolist() == expected * 2, "a line begins without a blank"


@pytest.mark.parametrize("kind", KINDS)
def test_a_sentence_begins_where_one_does(
    kind: str, tokenizers: Mapping[str, PreTrainedTokenizerFast], tmp_path: Path
) -> None:
    found = store(tmp_path / "store", texts(STORY), tokenizers[kind])
    assert set(found["begins"][0].tolist()) <= {0, 1, 3}
    assert found["begins"][0][0] == 3
    sentences = [sentence.lower() for sentence in pieces(tokenizers[kind], found, 3)]
    assert sentences == [sentence.lower() + mark for sentence, mark in zip(
        ["The old company wants every report", "Grace Hopper saw the river in New York", "Ada left"], ".!.", strict=True
    )]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_word_begins_behind_every_blank(
    kind: str, tokenizers: Mapping[str, PreTrainedTokenizerFast], tmp_path: Path
) -> None:
    text = "unbelievable companies wants Grace reports"
    found = store(tmp_path / "store", texts(text), tokenizers[kind])
    assert [word.lower() for word in pieces(tokenizers[kind], found, 1) if word] == text.lower().split()
    assert (found["begins"][0] == 0).any(), "and not at every piece"


@pytest.mark.parametrize("kind", KINDS)
def test_a_special_token_that_stands_in_the_text_is_a_word_of_its_own(
    kind: str, tokenizers: Mapping[str, PreTrainedTokenizerFast], tmp_path: Path
) -> None:
    tokenizer = tokenizers[kind]
    found = store(tmp_path / "store", texts(f"rivers{tokenizer.sep_token}rivers{tokenizer.mask_token}"), tokenizer)
    ids, begins = found["input_ids"][0].tolist(), found["begins"][0]
    for special in (tokenizer.sep_token_id, tokenizer.mask_token_id):
        assert begins[ids.index(special)] == 1
    assert begins[ids.index(tokenizer.sep_token_id) + 1] == 1


def some(number: int) -> list[Text]:
    draw = np.random.default_rng(0)
    words = ["river", "report", "Ada", "games.", "saw", "the", "left.\n", "\u200d"]
    return texts(*(" ".join(draw.choice(words, size=draw.integers(0, 30))) for _ in range(number)))


def test_the_store_is_the_same_whatever_the_size_of_a_chunk(
    bert: PreTrainedTokenizerFast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = []
    for chunk in (1, 50, 1000, 10**9):
        monkeypatch.setattr(tokenised, "CHUNK", chunk)
        counts: Counter[str] = Counter()
        store(tmp_path / str(chunk), iter(some(60)), bert, counts)
        files = sorted((tmp_path / str(chunk)).iterdir())
        written.append(([(file.name, file.read_bytes()) for file in files], counts))
    assert all(found == written[0] for found in written)


def test_documents_without_tokens_are_counted_and_left_out(bert: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    counts = Counter(documents_without_tokens=0)
    found = store(
        tmp_path / "store", texts("", "new river", " \n\t", "\u200d \u00ad", "a game. It said so."), bert, counts
    )
    assert [len(found[name]) for name in ("input_ids", "begins", "fingerprint")] == [2, 2, 2]
    assert counts == found.header["counts"] == {"documents_without_tokens": 3, "sentences": 3}
    prints = found["fingerprint"].values.view(np.int64).tolist()
    assert prints == [fingerprint("new river"), fingerprint("a game. It said so.")], "as `Texts` has them"


def test_both_texts_of_a_pair_are_read(bert: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    found = store(tmp_path / "store", [Text(("new river", "a game"), "x", 1), Text(("a", ""), 1.5, 2)], bert)
    assert pieces(bert, found, 3) == ["new river", "a game"]
    assert found["fingerprint"].values.view(np.int64)[0] == fingerprint("new river", "a game")


def test_no_document_is_an_empty_store(bert: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    assert len(store(tmp_path / "store", [], bert)["input_ids"]) == 0


def test_the_truncation_and_padding_of_a_tokenizers_file_do_not_cut_documents(
    bert: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    text = " ".join(["new river"] * 50)
    expected = bert(text, add_special_tokens=False)["input_ids"]
    bert.backend_tokenizer.enable_truncation(8)
    bert.backend_tokenizer.enable_padding(length=512)
    assert store(tmp_path / "store", texts(text), bert)["input_ids"][0].tolist() == expected


def test_texts_are_read_when_their_turn_comes(
    bert: PreTrainedTokenizerFast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokenised, "CHUNK", 100)
    begun = most = 0
    waits = tokenised._write

    def source() -> Iterator[Text]:
        nonlocal begun
        for text in texts(*["new river " * 5] * 100):
            begun += 1
            yield text

    def write(writer: object, documents: list[object], *rest: object, has_begun: bool) -> bool:
        nonlocal begun, most
        most = max(most, begun)
        begun -= len(documents)
        return waits(writer, documents, *rest, has_begun=has_begun)  # type: ignore[arg-type]

    monkeypatch.setattr(tokenised, "_write", write)
    assert len(store(tmp_path / "store", source(), bert)["input_ids"]) == 100
    assert begun == 0
    assert most <= 6, "of 50 characters each: a chunk that is tokenised and one that is read"


def test_memory_does_not_grow_with_the_documents(
    bert: PreTrainedTokenizerFast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokenised, "CHUNK", 2_000)

    def peak(number: int) -> int:
        tracemalloc.start()
        try:
            store(tmp_path / str(number), (Text(("new river " * 50,), "", 1) for _ in range(number)), bert)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(10)
    assert peak(1000) < peak(100) + 150_000, "450,000 characters more"


def test_the_tokens_of_a_document_of_any_size_are_never_in_memory_at_once(
    bert: PreTrainedTokenizerFast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokenised, "CHUNK", 1_000)
    most = 0
    encodes = tokenised._encode

    def encode(tokenizer: PreTrainedTokenizerFast, parts: list[tokenised.Part]) -> list[object]:
        nonlocal most
        encoded = encodes(tokenizer, parts)
        most = max(most, sum(len(one.ids) for one in encoded))
        return encoded

    monkeypatch.setattr(tokenised, "_encode", encode)
    found = store(tmp_path / "store", texts("\u200d\n" * 2000 + "new river.\n" * 2000, "a game"), bert)
    assert found["input_ids"].lengths().tolist() == [6000, 2]
    assert most <= 330, "of 1,000 characters"


def test_a_reader_that_fails_says_why(bert: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    def source() -> Iterator[Text]:
        yield from texts("new river")
        raise DataError("a.txt:2: no text")

    with pytest.raises(DataError, match=r"a.txt:2: no text"):
        store(tmp_path / "store", source(), bert)
