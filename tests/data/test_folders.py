"""Documents in folders that are their labels."""

from collections import Counter
from pathlib import Path

import pytest

from clozelab.data.folders import Folders
from clozelab.errors import ConfigError, DataError


def test_a_document_has_the_name_of_its_folder_as_label(tmp_path: Path) -> None:
    for label, name, text in (
        ("tech", "2.txt", "b\n\nc\n"),
        ("tech", "1.txt", "a"),
        ("sport", "1.txt", " \n"),
        ("x", "y.md", "z"),
    ):
        (tmp_path / label).mkdir(exist_ok=True)
        (tmp_path / label / name).write_text(text)
    counts = Counter[str]()
    found = list(Folders().read(tmp_path, counts))
    assert [(text.label, text.segments) for text in found] == [("tech", ("a",)), ("tech", ("b\n\nc",))]
    assert counts == {"texts_empty": 1}
    assert [text.label for text in Folders(ending=".md").read(tmp_path, Counter())] == ["x"]


def test_a_folder_without_documents_and_a_document_that_is_no_text_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no folder here holds a file that ends in '\.txt'"):
        list(Folders().read(tmp_path, Counter()))
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.txt").write_bytes(b"\xff")
    with pytest.raises(DataError, match=r"b\.txt:1: not UTF-8"):
        list(Folders().read(tmp_path, Counter()))


def test_documents_in_another_encoding_are_read_and_counted_where_one_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.txt").write_bytes(b"costs \xa35\r\nonly")
    (tmp_path / "a" / "c.txt").write_text("costs £6")
    counts = Counter[str]()
    assert [t.segments[0] for t in Folders(fallback="cp1252").read(tmp_path, counts)] == ["costs £5\nonly", "costs £6"]
    assert counts == {"texts_in_another_encoding": 1}
    with pytest.raises(ConfigError, match="fallback='nonsense'"):
        Folders(fallback="nonsense")
