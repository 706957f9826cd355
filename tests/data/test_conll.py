"""Behaviour of the reader of CoNLL columns."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clozelab.data.conll import Conll
from clozelab.errors import ConfigError, DataError
from clozelab.types import Sentence

NER = Conll(columns=["word", "ner"], labels="ner")


def read(path: Path, content: str | bytes, conll: Conll = NER) -> list[Sentence]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(conll.read(path, Counter()))


def words(sentences: list[Sentence]) -> list[tuple[str, ...]]:
    return [sentence.words for sentence in sentences]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data.conll"


def test_blank_lines_part_sentences(path: Path) -> None:
    expected = [Sentence(("Ada", "met"), ("B-PER", "O"), 0), Sentence(("Oslo",), ("B-LOC",), 0, line=4)]
    assert read(path, "Ada B-PER\nmet O\n\nOslo B-LOC\n") == expected


@pytest.mark.parametrize("end", ["", "\n", "\n\n", "\n \t\n\n", "\r\n"])
def test_the_last_sentence_is_read_whatever_ends_the_file(end: str, path: Path) -> None:
    assert words(read(path, f"Ada B-PER\n\nOslo B-LOC{end}")) == [("Ada",), ("Oslo",)]


@pytest.mark.parametrize("content", ["", "\n", "\n\n\r\n \n\t\n", "-DOCSTART- O\n\n", "\ufeff"])
def test_a_file_without_a_word_has_no_sentence(content: str, path: Path) -> None:
    assert read(path, content) == []


def test_many_blank_lines_are_one_border(path: Path) -> None:
    assert words(read(path, "\n\n\na O\n\n \n\t\n\nb O\n\n\n")) == [("a",), ("b",)]


def test_windows_line_ends_are_no_part_of_a_tag(path: Path) -> None:
    assert read(path, "Ada B-PER\r\nmet O\r\n\r\nOslo B-LOC\r\n")[0] == Sentence(("Ada", "met"), ("B-PER", "O"), 0)


def test_a_byte_order_mark_is_no_part_of_the_first_word(path: Path) -> None:
    assert words(read(path, "\ufeffAda B-PER\n\ufeffOslo O\n")) == [("Ada", "\ufeffOslo")]  # elsewhere it is text


def test_a_byte_order_mark_before_a_document_border_hides_it_not(path: Path) -> None:
    assert words(read(path, "\ufeff-DOCSTART- O\n\nAda B-PER\n")) == [("Ada",)]


@pytest.mark.parametrize("blank", [" ", "\t", "  ", " \t "])
def test_columns_are_parted_by_any_run_of_blanks_and_tabs(blank: str, path: Path) -> None:
    assert read(path, f"{blank}Ada{blank}B-PER{blank}\n") == [Sentence(("Ada",), ("B-PER",), 0)]


@pytest.mark.parametrize(
    "code", [0x85, 0xA0, 0x2028, 0x2029, 0x2003, 0x3000, 0x1680, 0x0B, 0x0C, 0x1C, 0x1E, 0x1F, 0x0D]
)
def test_other_white_space_stands_inside_a_word(code: int, path: Path) -> None:
    word = f"10{chr(code)}000"
    assert read(path, f"{word} O\nb O\n") == [Sentence((word, "b"), ("O", "O"), 0)]


def test_a_given_separator_is_the_only_one(path: Path) -> None:
    conll = Conll(columns=["word", "ner"], labels="ner", separator="\t")
    assert read(path, "New York\tB-LOC\n\n a\tO\n", conll) == [
        Sentence(("New York",), ("B-LOC",), 0),
        Sentence((" a",), ("O",), 0, line=3),
    ]


@pytest.mark.parametrize(("line", "what"), [("\tO", "word"), ("a\t", "tag")])
def test_an_empty_word_or_tag_is_an_error_with_file_and_line(line: str, what: str, path: Path) -> None:
    conll = Conll(columns=["word", "ner"], labels="ner", separator="\t")
    with pytest.raises(DataError, match=rf"data\.conll:2: empty {what}"):
        read(path, f"a\tO\n{line}\n", conll)


@pytest.mark.parametrize(
    ("labels", "tags"), [("pos", ("NNP", "VBD")), ("chunk", ("B-NP", "B-VP")), ("ner", ("B-PER", "O"))]
)
def test_the_named_column_is_learnt(labels: str, tags: tuple[str, ...], path: Path) -> None:
    conll = Conll(columns=["pos", "word", "chunk", "ner"], labels=labels)
    assert read(path, "NNP Ada B-NP B-PER\nVBD met B-VP O\n", conll) == [Sentence(("Ada", "met"), tags, 0)]


@pytest.mark.parametrize("line", ["\u2028", "\u00a0", "\u3000\u3000"])
def test_a_line_of_odd_white_space_is_no_blank_line(line: str, path: Path) -> None:
    with pytest.raises(DataError, match=r"data\.conll:2: 1 columns, expected 2"):
        read(path, f"a O\n{line}\nb O\n")


@pytest.mark.parametrize("line", ["Ada", "Ada NNP B-PER", "Ada  B - PER"])
def test_a_line_with_another_number_of_columns_is_an_error_with_file_and_line(line: str, path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read(path, f"a O\n\nb O\n{line}\nc O\n")
    message = str(caught.value)
    assert message.startswith(f"{path}:4: {len(line.split())} columns, expected 2 (word, ner)")
    assert repr(line) in message


def test_a_long_line_is_quoted_in_part(path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read(path, "x" * 100_000)
    assert len(str(caught.value)) < len(str(path)) + 200


@pytest.mark.parametrize("bad", [b"Z\xfcrich B-LOC", b"\xed\xa0\x80 O", b"a O\xff", "a O".encode("utf-16")])
def test_text_that_is_not_utf8_is_an_error_with_file_and_line(bad: bytes, path: Path) -> None:
    with pytest.raises(DataError, match=r"data\.conll:3: not UTF-8"):
        read(path, b"a O\r\n\r\n" + bad + b"\n")


def test_a_file_that_cannot_be_opened_is_an_error_that_names_it(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "absent"):
        with pytest.raises(DataError, match="cannot be read") as caught:
            list(NER.read(place, Counter()))
        assert str(place) in str(caught.value)


def test_documents_are_numbered_from_zero_and_their_borders_are_no_sentences(path: Path) -> None:
    sentences = read(path, "-DOCSTART- O\n\na O\n\nb O\n\n-DOCSTART- O\n\nc O\n")
    assert [(sentence.words, sentence.document) for sentence in sentences] == [(("a",), 0), (("b",), 0), (("c",), 1)]


def test_a_border_parts_documents_also_if_the_first_has_none(path: Path) -> None:
    assert [sentence.document for sentence in read(path, "a O\n\n-DOCSTART- O\n\nb O\n")] == [0, 1]


def test_documents_without_a_sentence_have_no_number(path: Path) -> None:
    content = "-DOCSTART- O\n\n-DOCSTART- O\n\na O\n\n-DOCSTART- O\n-DOCSTART- O\nb O\n"
    assert [sentence.document for sentence in read(path, content)] == [0, 1]


def test_a_document_border_ends_a_sentence_without_a_blank_line(path: Path) -> None:
    assert words(read(path, "a O\n-DOCSTART- O\nb O\n")) == [("a",), ("b",)]


@pytest.mark.parametrize(
    "border", ["-DOCSTART-", "-DOCSTART- -X- -X- O O", "-DOCSTART- (42) O", "-DOCSTART-\tO", "O -DOCSTART-"]
)
def test_a_document_border_may_have_any_number_of_columns(border: str, path: Path) -> None:
    conll = Conll(columns=["ner", "word"], labels="ner")
    assert words(read(path, f"O a\n\n{border}\n\nO b\n", conll)) == [("a",), ("b",)]


LINE = st.tuples(
    st.text(st.characters(codec="utf-8", exclude_characters=" \t\n\r\ufeff\0"), min_size=1, max_size=8).filter(
        lambda word: not word.startswith("-DOCSTART-")
    ),
    st.sampled_from(["O", "B-PER", "I-PER"]),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    sentences=st.lists(st.lists(LINE, min_size=1, max_size=5), max_size=5),
    separator=st.sampled_from([" ", "\t"]),
    newline=st.sampled_from(["\n", "\r\n"]),
)
def test_whatever_the_words_each_is_read_back_with_its_tag(
    sentences: list[list[tuple[str, str]]], separator: str, newline: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    blocks = [newline.join(separator.join(line) for line in sentence) for sentence in sentences]
    content = (newline * 2).join(blocks)
    for conll in (NER, Conll(columns=["word", "ner"], labels="ner", separator=separator)):
        found = read(tmp_path_factory.mktemp("conll") / "data", content, conll)
        assert [list(zip(s.words, s.tags, strict=True)) for s in found] == sentences


@pytest.mark.parametrize(
    ("key", "arguments"),
    [
        ("columns", {"columns": ["token", "ner"], "labels": "ner"}),
        ("columns", {"columns": ["word", "ner", "ner"], "labels": "ner"}),
        ("columns", {"columns": [], "labels": "ner"}),
        ("labels", {"columns": ["word", "ner"], "labels": "pos"}),
        ("labels", {"columns": ["word", "ner"], "labels": "word"}),
        ("separator", {"columns": ["word", "ner"], "labels": "ner", "separator": ""}),
    ],
)
def test_columns_that_cannot_be_right_are_refused(key: str, arguments: dict[str, object]) -> None:
    with pytest.raises(ConfigError) as caught:
        Conll(**arguments)  # type: ignore[arg-type]
    assert caught.value.key == key
