"""The lines of a text file, and the line at which it is none."""

import gzip
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clozelab.data.lines import check_fallback, read_lines, read_lines_or, shown
from clozelab.errors import ConfigError, DataError

LINE = st.text(st.characters(codec="utf-8", exclude_characters="\n\r\0\ufeff"), max_size=12)


@given(lines=st.lists(LINE, min_size=1, max_size=6), end=st.sampled_from(["\n", "\r\n"]), mark=st.booleans())
def test_whatever_stands_in_them_lines_end_at_lf_or_crlf_alone(
    lines: list[str], end: str, mark: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("lines") / "file"
    path.write_bytes(b"\xef\xbb\xbf" * mark + "".join(line + end for line in lines).encode())
    assert list(read_lines(path)) == lines


def test_lines_before_a_bad_one_are_read(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for bad, reason in ((b"\xff", "not UTF-8"), (b"a\0b", "NUL character")):
        path.write_bytes(b"one\ntwo\n" + bad + b"\n")
        lines = read_lines(path)
        assert [next(lines), next(lines)] == ["one", "two"]
        with pytest.raises(DataError, match=f"file:3: {reason}"):
            next(lines)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="absent: cannot be read"):
        list(read_lines(tmp_path / "absent"))


def test_a_message_shows_a_line_quoted_and_short() -> None:
    assert shown("a\tb") == "'a\\tb'"
    assert len(shown("x" * 10_000)) < 90


@pytest.mark.parametrize("content", [b"a O\rb O\r\rc O\r", b"\xef\xbb\xbfa O\rb O", b"\ra O"])
def test_line_ends_of_old_macintoshs_are_refused_and_do_not_make_one_long_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(DataError, match="file:1: lines end with CR alone"):
        list(read_lines(path))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-7", "latin-1", "cp1252"])
def test_text_in_another_encoding_is_never_taken_for_utf8(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes("Ada B-PER\nZürich B-LOC\n".encode(encoding))
    if encoding == "utf-7":  # which is ASCII, and cannot be told from text
        assert list(read_lines(path)) == ["Ada B-PER", "Z+APw-rich B-LOC"]
        return
    with pytest.raises(DataError, match=r"file:[12]: (not UTF-8|NUL character)"):
        list(read_lines(path))


@given(content=st.binary(max_size=40))
def test_whatever_the_bytes_a_file_is_lines_or_an_error(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("lines") / "file"
    path.write_bytes(content)
    try:
        lines = list(read_lines(path))
    except DataError as error:
        assert str(error).startswith(f"{path}:")  # noqa: PT017
    else:
        assert len(lines) == content.count(b"\n") + (not content.endswith(b"\n") and content != b"")


def test_a_file_that_ends_in_gz_is_unpacked_where_asked_and_named_if_it_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "file.GZ"
    packed = gzip.compress("Zürich\r\n\u2028".encode())
    path.write_bytes(packed)
    assert list(read_lines(path, unpack=True)) == ["Zürich", "\u2028"]
    with pytest.raises(DataError, match=r"file\.GZ:1: not UTF-8"):
        list(read_lines(path))
    path.write_bytes(packed[:-9])
    with pytest.raises(DataError, match=r"file\.GZ: not a whole gzip file"):
        list(read_lines(path, unpack=True))
    path.write_bytes(gzip.compress(b"a\n\xff"))
    with pytest.raises(DataError, match=r"file\.GZ:2: not UTF-8"):
        list(read_lines(path, unpack=True))


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "shift_jis", "utf-8"])
@pytest.mark.parametrize("name", ["file", "file.gz"])
def test_lines_in_another_encoding_are_read_and_counted_where_it_is_named(
    encoding: str, name: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    lines = ["plain", "", "数" if encoding == "shift_jis" else "Zürich"]
    content = "\r\n".join(lines).encode(encoding)
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    counts = Counter[str]()
    assert list(read_lines_or(path, encoding, counts)) == lines
    assert counts == ({} if encoding == "utf-8" else {"texts_in_another_encoding": 1})


def test_a_file_in_neither_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for content, fallback, reason in (
        (b"a\n\x81", "cp1252", "neither UTF-8 nor cp1252, soon after line"),
        (b"a\xff", "utf-16", "neither UTF-8 nor utf-16"),
        (b"a\n\xff\0", "latin-1", "file:2: NUL character"),
        (b"a\0", "latin-1", "file:1: NUL character"),
        (b"\xff", None, "file:1: not UTF-8"),
    ):
        path.write_bytes(content)
        with pytest.raises(DataError, match=reason):
            list(read_lines_or(path, fallback, Counter()))


@pytest.mark.parametrize("fallback", ["nonsense", "base64", "", "a\0b"])
def test_what_is_no_encoding_of_text_is_refused(fallback: str) -> None:
    with pytest.raises(ConfigError, match="no such encoding"):
        check_fallback(fallback)
