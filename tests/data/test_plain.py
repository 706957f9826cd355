"""Unlabelled documents of plain text: where they begin, and what is no text."""

import gzip
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from clozelab.data.plain import Plain
from clozelab.errors import ConfigError, DataError

Found = list[tuple[int, str]]

TEXT = "\n = A = \n \n one\ntwo \n\n\n = = B = = \nx = 1 ; y\n = z = \n \n = C = \n \nthree"
"""Two articles, a heading inside the first one, and an equation that looks like a third."""


def found(path: Path, counts: Counter[str] | None = None, **options: Any) -> Found:
    """Returns lines and documents, having looked at what is the same in all."""
    texts = list(Plain(**options).read(path, Counter() if counts is None else counts))
    assert all(text.label == "" and len(text.segments) == 1 for text in texts)
    return [(text.line, text.segments[0]) for text in texts]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "corpus"
    path.write_text(TEXT)
    return path


def test_a_file_is_a_document_without_the_blank_lines_around_it(path: Path) -> None:
    assert found(path, begins="file") == [(2, TEXT[1:])]
    path.write_text(" \n\n  a\n\nb \n\t\n")
    assert found(path, begins="file") == [(3, "  a\n\nb ")]


def test_blank_lines_stand_between_documents(path: Path) -> None:
    assert found(path, begins="blank_line") == [
        (2, " = A = "), (4, " one\ntwo "), (8, " = = B = = \nx = 1 ; y\n = z = "), (12, " = C = "), (14, "three")
    ]  # fmt: skip


def test_every_line_is_a_document_and_blank_ones_are_counted(path: Path) -> None:
    path.write_text("one\n\n two \n \nthree\n")
    counts = Counter[str]()
    assert found(path, counts, begins="line") == [(1, "one"), (3, " two "), (5, "three")]
    assert counts == {"texts_empty": 2}


@pytest.mark.parametrize(
    ("pattern", "lines"),
    [("^ = [^=].* = $", [2, 10, 12]), (" = [^=].* = ", [2, 10, 12]), (r"(?<=\n \n) = [^=].* = ", [1, 12])],
)
def test_a_line_that_fits_a_pattern_begins_a_document(pattern: str, lines: list[int], path: Path) -> None:
    documents = found(path, begins="pattern", pattern=pattern)
    # What stands before the first such line is a document, if there is anything.
    assert [line for line, _ in documents] == [max(line, 2) for line in lines]
    assert [part for _, text in documents for part in text.split()] == TEXT.split()
    path.write_text("before\n" + TEXT)
    assert found(path, begins="pattern", pattern=pattern)[0][0] == 1


def test_a_lookbehind_in_a_pattern_sees_the_line_before(path: Path) -> None:
    pattern = r"^(?<=\n\n)\w+$"
    path.write_text("a\nb\n\nc\n\nd\n\n\ne\nf g\n")
    assert found(path, begins="pattern", pattern=pattern) == [(1, "a\nb"), (4, "c"), (6, "d"), (9, "e\nf g")]


def test_a_pattern_that_no_line_fits_is_no_pattern_for_the_file(path: Path) -> None:
    with pytest.raises(DataError, match=r"corpus: no line fits data\.format\.pattern 'Chapter'"):
        found(path, begins="pattern", pattern="Chapter")


@pytest.mark.parametrize("begins", ["file", "blank_line", "line"])
@pytest.mark.parametrize("content", [b"a\r\n\r\n", b"\xef\xbb\xbfa", b"a\n", b"a"])
def test_how_lines_end_and_what_marks_a_file_makes_no_difference(begins: str, content: bytes, path: Path) -> None:
    path.write_bytes(content)
    assert found(path, begins=begins) == [(1, "a")]


def test_the_files_of_a_folder_are_read_in_the_order_of_their_paths(tmp_path: Path) -> None:
    for name in ("b/2.txt", "b/1.txt", "a.txt", "b.txt", "b/c/d/3.txt", ".hidden.txt", ".git/x.txt", "b/x.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "b" / "empty.txt").write_text("\n \n")
    (tmp_path / "folder.txt").mkdir()
    (tmp_path / "link.txt").symlink_to(tmp_path / "b" / "x.md")
    (tmp_path / "loop").symlink_to(tmp_path)
    for begins, num_empty in (("file", 1), ("blank_line", 1), ("line", 2)):
        counts = Counter[str]()
        documents = [text for _, text in found(tmp_path, counts, begins=begins)]
        assert documents == ["a.txt", "b.txt", "b/1.txt", "b/2.txt", "b/c/d/3.txt", "b/x.md"]
        assert counts == {"texts_empty": num_empty}
    assert found(tmp_path, begins="file", ending=".md") == [(1, "b/x.md")]
    (tmp_path / "other").symlink_to(tmp_path / "b")
    assert len(found(tmp_path / "other", begins="file")) == 3


def test_a_hidden_folder_may_be_named_itself(tmp_path: Path) -> None:
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache" / "a.txt").write_text("a")
    assert found(tmp_path / ".cache", begins="file") == [(1, "a")]


@pytest.mark.parametrize("begins", ["file", "blank_line", "line", "pattern"])
def test_nothing_to_read_is_an_error(begins: str, tmp_path: Path) -> None:
    options = {"begins": begins, "pattern": "a" if begins == "pattern" else None}
    with pytest.raises(DataError, match=r"holds no file that ends in '\.txt'; data\.format\.ending"):
        found(tmp_path, **options)
    for content in ("", "\n \n"):
        (tmp_path / "a.txt").write_text(content)
        for place in (tmp_path, tmp_path / "a.txt"):
            with pytest.raises(DataError, match=f"{place.name}: holds no document"):
                found(place, **options)
    with pytest.raises(DataError, match=r"absent\.txt: cannot be read"):
        found(tmp_path / "absent.txt", **options)


def test_packed_files_are_unpacked_or_named(tmp_path: Path) -> None:
    packed = gzip.compress(b"one\n\ntwo" + bytes(str([*range(9999)]), "ascii"))
    path = tmp_path / "a.txt.gz"
    path.write_bytes(packed)
    assert [text[:3] for _, text in found(path, begins="blank_line")] == ["one", "two"]
    assert len(found(tmp_path, begins="file", ending=".txt.gz")) == 1
    for content in (b"one", packed[:-20], packed[:99], packed[:99] + b"?" + packed[100:]):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"a\.txt\.gz: not a whole gzip file"):
            found(path, begins="line")


def test_what_is_no_text_is_named_with_its_line(path: Path) -> None:
    for content, reason in (
        (b"a\n\xa35", "corpus:2: not UTF-8"),
        (b"a\n\nb\0", "corpus:3: NUL"),
        (b"a\rb", "CR alone"),
    ):
        path.write_bytes(content)
        with pytest.raises(DataError, match=reason):
            found(path, begins="file")


def test_files_in_another_encoding_are_read_and_counted_where_one_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"costs \xa35\r\n\r\n\x80")
    (tmp_path / "b.txt").write_text("costs £6")
    counts = Counter[str]()
    texts = [text for _, text in found(tmp_path, counts, begins="blank_line", fallback="cp1252")]
    assert texts == ["costs £5", "€", "costs £6"]
    assert counts == {"texts_in_another_encoding": 1}


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"begins": "page"}, "begins"),
        ({"begins": "pattern"}, "pattern"),
        ({"begins": "pattern", "pattern": ""}, "pattern"),
        ({"begins": "pattern", "pattern": "("}, "pattern"),
        ({"begins": "file", "pattern": "a"}, "pattern"),
        ({"begins": "file", "fallback": "nonsense"}, "fallback"),
    ],
)
def test_values_that_cannot_be_meant_are_refused_by_name(options: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError, match=key) as caught:
        Plain(**options)
    assert caught.value.key == key


@pytest.mark.slow
def test_memory_holds_one_document_whatever_the_size_of_the_file(path: Path) -> None:
    document = ("word " * 200 + "\n") * 20 + "\n"  # 20 kB
    with open(path, "w") as file:
        for _ in range(10_000):
            file.write(document)
    tracemalloc.start()
    try:
        num_documents = sum(1 for _ in Plain(begins="blank_line").read(path, Counter()))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        path.unlink()
    assert num_documents == 10_000
    assert peak < 5_000_000
