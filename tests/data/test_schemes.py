"""Every scheme is recognised, and its entities are the same after conversion to IOB2, by seqeval's word, too."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.scheme import BILOU, IOB1, IOB2, IOBES, Entities

from clozelab.data.schemes import SCHEMES, Scheme, recognise, to_iob2
from clozelab.errors import DataError

REFERENCE = {"iob1": IOB1, "iob2": IOB2, "bioes": IOBES, "bilou": BILOU}
Spans = list[tuple[str, int, int]]

gaps_and_entities = st.lists(
    st.tuples(st.sampled_from(["", "PER", "LOC"]), st.integers(1, 4)), min_size=1, max_size=8
)  # "" is a stretch outside


def spans_of(pieces: list[tuple[str, int]]) -> tuple[Spans, int]:
    spans, start = [], 0
    for kind, length in pieces:
        if kind:
            spans.append((kind, start, start + length))
        start += length
    return spans, start


def write(spans: Spans, num_words: int, scheme: Scheme) -> list[str]:
    """Returns the tags of entities in a scheme, straight from its definition."""
    tags = ["O"] * num_words
    ends = {}
    for kind, start, end in spans:
        for word in range(start, end):
            first, last = word == start, word == end - 1
            if scheme == "iob2":
                prefix = "B" if first else "I"
            elif scheme == "iob1":
                prefix = "B" if first and ends.get(start) == kind else "I"
            else:
                single, final = ("S", "E") if scheme == "bioes" else ("U", "L")
                prefix = single if first and last else "B" if first else final if last else "I"
            tags[word] = f"{prefix}-{kind}"
        ends[end] = kind
    return tags


def seqeval_spans(tags: list[str], scheme: str) -> Spans:
    found = Entities([tags], REFERENCE[scheme]).entities[0]
    return sorted((e.tag, e.start, e.end) for e in found)


@pytest.mark.parametrize("scheme", ["iob1", "iob2", "bioes", "bilou"])
@given(pieces=gaps_and_entities)
def test_conversion_keeps_every_entity(scheme: Scheme, pieces: list[tuple[str, int]]) -> None:
    spans, num_words = spans_of(pieces)
    tags = write(spans, num_words, scheme)
    counts: Counter[str] = Counter()
    converted = to_iob2(tags, scheme, counts)
    assert converted == write(spans, num_words, "iob2")
    assert counts["tags_repaired"] == 0
    assert seqeval_spans(converted, "iob2") == sorted(spans)
    assert seqeval_spans(tags, scheme) == sorted(spans)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_scheme_is_recognised_from_a_corpus_that_shows_it(scheme: Scheme) -> None:
    spans = [("PER", 0, 1), ("PER", 1, 3), ("LOC", 5, 8)]
    corpus = [["NN", "B-FOO-", "O"]] if scheme == "plain" else [write(spans, 9, scheme), ["O", "O"]]
    assert recognise(corpus) == scheme


@pytest.mark.parametrize("corpus", [[["O", "O"]], [["DT", "NN"]], [["B-PER", "X"]], []])
def test_what_is_no_scheme_is_plain(corpus: list[list[str]]) -> None:
    assert recognise(corpus) == "plain"
    assert to_iob2(["DT", "NN"], "plain", Counter()) == ["DT", "NN"]


def test_a_tag_that_continues_nothing_begins_an_entity_and_is_counted() -> None:
    counts: Counter[str] = Counter()
    assert to_iob2(["B-LOC", "I-PER", "I-PER", "O", "I-LOC"], "iob2", counts) == [
        "B-LOC",
        "B-PER",
        "I-PER",
        "O",
        "B-LOC",
    ]
    assert counts["tags_repaired"] == 2
    assert to_iob2(["S-PER", "E-PER"], "bioes", counts) == ["B-PER", "B-PER"]
    assert counts["tags_repaired"] == 3


def test_a_tag_of_another_scheme_is_refused() -> None:
    with pytest.raises(DataError, match="'S-PER' is no tag of the scheme iob2"):
        to_iob2(["B-PER", "S-PER"], "iob2", Counter())
    with pytest.raises(DataError, match="'NN'"):
        to_iob2(["NN"], "iob2", Counter())


@pytest.mark.slow
def test_a_corpus_in_any_scheme_trains_the_same_and_says_so(
    clozelab: Callable[..., tuple[int, str, str]], overrides: list[str], conll_files: dict[str, Path], tmp_path: Path
) -> None:
    """The same entities written in BIOES end in the same weights as in IOB2."""
    files = []
    for split, path in conll_files.items():
        lines = path.read_text().splitlines()
        for i, line in enumerate(lines):
            word, _, tag = line.partition(" ")
            goes_on = i + 1 < len(lines) and lines[i + 1].partition(" ")[2].startswith("I-")
            if tag.startswith("B-") and not goes_on:
                lines[i] = f"{word} S-{tag[2:]}"
            elif tag.startswith("I-") and not goes_on:
                lines[i] = f"{word} E-{tag[2:]}"
        (tmp_path / f"{split}.bioes").write_text("\n".join(lines))
        files.append(f"data.{split}={tmp_path / split}.bioes")
    code, _, err = clozelab("train", *overrides, *files, f"output_dir={tmp_path / 'bioes'}")
    assert code == 0, err
    assert "BIOES" in err
    assert clozelab("train", *overrides, f"output_dir={tmp_path / 'iob2'}")[0] == 0
    (a,), (b,) = ((tmp_path / name).glob("*/*/*/metrics.json") for name in ("bioes", "iob2"))
    assert a.read_text() == b.read_text()


def test_a_tag_outside_a_declared_scheme_is_refused_with_file_and_line(
    clozelab: Callable[..., tuple[int, str, str]], overrides: list[str], conll_files: dict[str, Path], tmp_path: Path
) -> None:
    broken = tmp_path / "broken.conll"
    broken.write_text("a O\nb O\n\nc B-PER\nd X-PER\n")
    for scheme in ("auto", "iob2"):
        code, _, err = clozelab("train", *overrides, f"data.test={broken}", f"data.scheme={scheme}")
        assert code == 2
        assert f"{broken}:5: 'X-PER' is no tag of the scheme iob2" in err


@pytest.mark.parametrize(
    ("corpus", "reason"),
    [
        ([["B-PER", "I-PER"], ["O", "B_PER"]], "'B_PER' (sentence 2) has no prefix"),
        ([["tag"], ["B-PER", "O"]], "'tag' (sentence 1) has no prefix"),
        ([["B-PER", "S-PER", "U-PER"]], "no scheme has all of the prefixes B, S, U"),
    ],
)
def test_a_slip_of_the_pen_that_costs_all_entities_is_warned_of(
    corpus: list[list[str]], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert recognise(corpus) == "plain"
    assert reason in caplog.text


@pytest.mark.parametrize("corpus", [[["DT", "NN", "-LRB-", "O"]], [["O", "O"]], [["B-PER", "O"]], [["PRP$", "X-Y"]]])
def test_plain_tags_and_whole_schemes_are_not_warned_of(
    corpus: list[list[str]], caplog: pytest.LogCaptureFixture
) -> None:
    recognise(corpus)
    assert caplog.text == ""
