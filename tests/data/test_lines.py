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
