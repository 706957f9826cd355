"""The same sentences are read from every kind of file, and whatever way they are written there."""

import json
import logging
from collections import Counter
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clozelab.data.records import Records
from clozelab.data.rows import Kind
from clozelab.errors import ConfigError, DataError

WORD = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), min_size=1, max_size=6)
PAIR = st.tuples(WORD, st.sampled_from(["O", "B-X", "I-X"]))
SENTENCES = st.lists(st.lists(PAIR, min_size=1, max_size=5), min_size=1, max_size=5)
Sentences = list[list[tuple[str, str]]]


def read(path: Path, kind: Kind, **options: Any) -> Sentences:
    found = Records(kind=kind, **options).read(path, Counter())
    return [list(zip(sentence.words, sentence.tags, strict=True)) for sentence in found]


def lists(sentences: Sentences) -> list[tuple[list[str], list[str]]]:
    return [([word for word, _ in s], [tag for _, tag in s]) for s in sentences]


def quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"'


@given(sentences=SENTENCES)
def test_every_kind_of_file_gives_the_same_sentences(
    sentences: Sentences, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("records")
    pairs = lists(sentences)
    rows = [{"tokens": words, "tags": tags} for words, tags in pairs]
    (folder / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    pq.write_table(pa.Table.from_pylist(rows), folder / "a.parquet")
    as_json = [f"{quoted(json.dumps(words))},{quoted(json.dumps(tags))}\n" for words, tags in pairs]
    (folder / "json.csv").write_text("tokens,tags\n" + "".join(as_json), encoding="utf-8")
    as_python = [f"{quoted(repr(words))},{quoted(repr(tags))}\n" for words, tags in pairs]
    (folder / "python.csv").write_text("tokens,tags\n" + "".join(as_python), encoding="utf-8")
    assert read(folder / "a.jsonl", "jsonl") == sentences
    assert read(folder / "a.parquet", "parquet") == sentences
    assert read(folder / "json.csv", "csv") == sentences
    assert read(folder / "python.csv", "csv") == sentences


def test_words_with_blanks_between_them_are_a_list_too(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text("id\ttags\twords\n1\tB-X O\tAda  met\n")
    assert read(path, "tsv") == [[("Ada", "B-X"), ("met", "O")]]


@pytest.mark.parametrize("filled", [True, False], ids=["in every row", "in the first row of each"])
def test_files_with_a_word_a_row_are_put_together_by_their_sentence_column(filled: bool, tmp_path: Path) -> None:
    sentences = [[("Ada", "B-X"), ("met", "O")], [("Ada", "O")], [("the", "O"), ("end", "O")]]
    rows = [
        f"{f'Sentence: {i}' if filled or place == 0 else ''},{word},{tag}\n"
        for i, sentence in enumerate(sentences)
        for place, (word, tag) in enumerate(sentence)
    ]
    path = tmp_path / "a.csv"
    path.write_text("Sentence #,Word,Tag\n" + "".join(rows))
    records = Records(kind="csv", words="Word", labels="Tag", sentence="Sentence #")
    found = list(records.read(path, Counter()))
    assert [list(zip(s.words, s.tags, strict=True)) for s in found] == sentences
    assert [(s.line, s.line_of(len(s.words) - 1)) for s in found] == [(2, 3), (4, 4), (5, 6)]


def test_a_word_in_a_file_with_a_word_a_row_may_hold_blanks_and_brackets(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("s,tokens,tags\n1,New York,B-X\n1,[x,O\n")
    assert read(path, "csv", sentence="s") == [[("New York", "B-X"), ("[x", "O")]]


def test_documents_are_numbered_as_their_column_says(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    rows = [{"tokens": ["a"], "tags": ["O"], "doc": doc} for doc in ("x", "x", 7, "y")]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = Records(kind="jsonl", document="doc").read(path, Counter())
    assert [sentence.document for sentence in found] == [0, 0, 1, 2]
    assert {sentence.document for sentence in Records(kind="jsonl").read(path, Counter())} == {0}


@pytest.mark.parametrize(
    "spans", [[[0, 3, "PER"]], [{"start": 0, "end": 3, "label": "PER"}], [{"start": 0, "end": 3, "type": "PER"}]]
)
@pytest.mark.parametrize("column", ["spans", "entities", "label", "labels"])
def test_texts_with_spans_become_words_with_tags(spans: list[Any], column: str, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"text": "Ada met.", column: spans}) + "\n")
    assert read(path, "jsonl") == [[("Ada", "B-PER"), ("met", "O"), (".", "O")]]


def test_columns_that_are_named_go_before_those_that_are_guessed(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    row = {"tokens": ["a"], "tags": ["O"], "text": "Ada", "spans": [[0, 3, "X"]], "w": ["b"], "t": ["B-Y"]}
    path.write_text(json.dumps(row) + "\n")
    assert read(path, "jsonl") == [[("a", "O")]]
    assert read(path, "jsonl", words="w", labels="t") == [[("b", "B-Y")]]
    assert read(path, "jsonl", text="text") == [[("Ada", "B-X")]]


def test_integers_are_named_and_plain_ones_need_names(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"tokens": ["a", "b"], "tags": [1, 0]}\n')
    assert read(path, "jsonl", names=["O", "B-X"]) == [[("a", "B-X"), ("b", "O")]]
    with pytest.raises(DataError, match=r"a\.jsonl:1: tag 1 is an integer; data\.format\.names"):
        read(path, "jsonl")
    path.write_text('{"tokens": ["a"], "tags": [true]}\n')
    with pytest.raises(DataError, match="must be text or an integer, is True"):
        read(path, "jsonl", names=["O", "B-X"])


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"kind": "xml"}, "kind"),
        ({"kind": "csv", "words": "a", "text": "b"}, "text"),
        ({"kind": "csv", "words": "a", "spans": "b"}, "spans"),
        ({"kind": "csv", "sentence": "a", "text": "b"}, "text"),
        ({"kind": "csv", "sentence": "a", "spans": "b"}, "spans"),
        ({"kind": "csv", "separator": "||"}, "separator"),
        ({"kind": "csv", "separator": '"'}, "separator"),
        ({"kind": "tsv", "separator": "\n"}, "separator"),
        ({"kind": "csv", "separator": ""}, "separator"),
        ({"kind": "csv", "names": ["O", "O"]}, "names"),
        ({"kind": "csv", "names": []}, "names"),
    ],
)
def test_what_cannot_be_is_refused_before_any_file_is_read(options: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Records(**options)
    assert caught.value.key == key


def by_word(path: Path, content: str, **options: Any) -> list[tuple[tuple[str, ...], int, int]]:
    """Returns words, document and line of the sentences of a csv with a word a row."""
    path.write_text(content)
    records = Records(kind="csv", words="w", labels="t", sentence="s", **options)
    return [(sentence.words, sentence.document, sentence.line) for sentence in records.read(path, Counter())]


def test_a_sentence_of_another_document_is_another_one_though_its_number_is_the_same(tmp_path: Path) -> None:
    content = "w,t,s,d\na,O,1,x\nb,O,1,y\nc,O,1,y\nd,O,2,y\ne,O,2,x\n"
    expected = [(("a",), 0, 2), (("b", "c"), 1, 3), (("d",), 1, 5), (("e",), 0, 6)]
    assert by_word(tmp_path / "a.csv", content, document="d") == expected


def test_where_document_and_sentence_are_empty_they_are_those_of_the_row_before(tmp_path: Path) -> None:
    content = "w,t,s,d\na,O,1,x\nb,O,,\n\nc,O,2,\nd,O,1,y\ne,O,,\n"
    expected = [(("a", "b"), 0, 2), (("c",), 0, 5), (("d", "e"), 1, 6)]
    assert by_word(tmp_path / "a.csv", content, document="d") == expected


def test_a_file_whose_first_rows_belong_to_no_sentence_makes_one_of_them(tmp_path: Path) -> None:
    assert by_word(tmp_path / "a.csv", "w,t,s\na,O,\nb,O,\nc,O,2\n") == [(("a", "b"), 0, 2), (("c",), 0, 4)]


def test_an_empty_number_in_parquet_may_be_null_or_nan(tmp_path: Path) -> None:
    for empty in (None, float("nan")):
        numbers = pa.array([0.0, empty, empty, 2.0, empty], pa.float64(), from_pandas=False)
        pq.write_table(pa.table({"tokens": list("abcde"), "tags": ["O"] * 5, "s": numbers}), tmp_path / "a")
        found = [[word for word, _ in sentence] for sentence in read(tmp_path / "a", "parquet", sentence="s")]
        assert found == [["a", "b", "c"], ["d", "e"]]


@pytest.mark.parametrize("column", ["sentence", "document"])
def test_a_column_that_is_not_there_does_not_make_the_file_one_sentence(column: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("tokens,tags,sid\na,O,1\nb,O,2\n")
    with pytest.raises(DataError, match=r"a\.csv:2: no column 'sidd'\. Did you mean 'sid'\?"):
        read(tmp_path / "a.csv", "csv", **{column: "sidd"})
    (tmp_path / "a.jsonl").write_text('{"tokens": "a", "tags": "O", "s": 1}\n{"tokens": "b", "tags": "O"}\n')
    with pytest.raises(DataError, match=r"a\.jsonl:2: no column 's'"):
        read(tmp_path / "a.jsonl", "jsonl", **{column: "s"})


@pytest.mark.parametrize(
    ("row", "reason"), [("c,", "a tag must be"), ("c,9", "tag 9 is not among"), ("\ud800", "UTF-8")]
)
def test_a_bad_word_or_tag_is_named_with_its_own_line(row: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(f"s,tokens,tags\n1,a,0\n,b,1\n\n,{row}\n".encode("utf-8", "surrogatepass"))
    with pytest.raises(DataError, match=rf"a\.csv:5: .*{reason}"):
        read(path, "csv", sentence="s", names=["O", "B-X"])


def test_a_sentence_column_speaks_of_words_though_there_is_a_text_with_spans(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("sentence,spans,w,t\n1,[],a,O\n1,[],b,B-X\n")
    assert read(path, "csv", sentence="sentence", words="w", labels="t") == [[("a", "O"), ("b", "B-X")]]
    with pytest.raises(DataError, match=r"a\.csv:2: which column holds words"):
        read(path, "csv", sentence="sentence")


def test_integers_in_csv_are_named_also_where_they_are_text(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    for cell in ("1 0", '"[1, 0]"', "\"['1', '0']\"", "B-X O"):
        path.write_text(f"tokens,tags\na b,{cell}\n")
        assert read(path, "csv", names=["O", "B-X"]) == [[("a", "B-X"), ("b", "O")]]


def test_names_in_parquet_are_those_of_the_datasets_library_unless_others_are_given(tmp_path: Path) -> None:
    label = datasets.List(datasets.ClassLabel(names=["O", "B-X"]))
    features = datasets.Features({"tokens": datasets.List(datasets.Value("string")), "ner_tags": label})
    rows = datasets.Dataset.from_dict({"tokens": [["a", "b"], []], "ner_tags": [[1, 0], []]}, features=features)
    path = tmp_path / "a.parquet"
    rows.to_parquet(str(path))
    assert read(path, "parquet") == [[("a", "B-X"), ("b", "O")]]
    assert read(path, "parquet", names=["X", "Y"]) == [[("a", "Y"), ("b", "X")]]


@pytest.mark.parametrize(("rows", "warned"), [(["a", "b"], True), (["a b", "c"], False), (["a"], False)])
def test_a_word_a_row_without_a_column_of_sentences_is_warned_of(
    rows: list[str], warned: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("tokens,tags\n" + "".join(f"{row},{' '.join('O' for _ in row.split())}\n" for row in rows))
    with caplog.at_level(logging.WARNING):
        read(path, "csv")
    assert ("every row holds one word" in caplog.text) == warned


def test_document_borders_are_those_of_conll_files(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    rows = [["-DOCSTART-"], ["a"], ["b"], ["-DOCSTART-"], ["c"]]
    path.write_text("".join(json.dumps({"tokens": words, "tags": ["O"] * len(words)}) + "\n" for words in rows))
    found = [(s.words, s.document) for s in Records(kind="jsonl").read(path, Counter())]
    assert found == [(("a",), 0), (("b",), 0), (("c",), 1)]


@pytest.mark.parametrize(("words", "tags"), [("a b", '"O, O"'), ("\"('a', 'b')\"", "O O")])
def test_lists_with_commas_or_brackets_of_another_kind_are_refused(words: str, tags: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"tokens,tags\n{words},{tags}\n")
    with pytest.raises(DataError, match=r"a\.csv:2: .*(comma|tuple)"):
        read(path, "csv")
