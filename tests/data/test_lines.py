"""The lines of a text file, and the line at which it is none."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clozelab.data.lines import read_lines, shown
from clozelab.errors import DataError

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
