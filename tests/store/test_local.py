"""Behaviour of files and folders on this machine as a source."""

from pathlib import Path

import pytest

from clozelab.errors import ConfigError
from clozelab.store.hashing import file_digest, folder_digest
from clozelab.store.local import Local


def test_a_file_is_located_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.touch()
    Local().check(str(path))
    assert Local().locate(str(path)) == path


def test_relative_paths_begin_at_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.txt").write_text("x")
    monkeypatch.chdir(tmp_path)
    assert Local().locate("a.txt").read_text() == "x"


def test_a_tilde_is_the_home_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.txt").write_text("x")
    monkeypatch.setenv("HOME", str(tmp_path))
    Local().check("~/a.txt")
    assert Local().locate("~/a.txt") == tmp_path / "a.txt"
    assert Local().fingerprint("~/a.txt") == Local().fingerprint(str(tmp_path / "a.txt"))


@pytest.mark.parametrize(
    "path", ["absent.txt", "", "absent/", "~no-such-user/x", "x" * 5000, "a\0b", "pyproject.toml/x"]
)
def test_a_path_that_is_not_there_is_refused_by_name_whatever_is_asked(path: str) -> None:
    for ask in (Local().check, Local().fingerprint, Local().locate):
        with pytest.raises(ConfigError, match="no such file or folder") as caught:
            ask(path)
        assert repr(path) in str(caught.value)


def test_the_fingerprint_is_that_of_the_bytes_behind_the_path(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a").write_text("x")
    (tmp_path / "b").write_text("x")
    (tmp_path / "b.csv").write_text("x")
    assert Local().fingerprint(str(tmp_path / "b.csv")) == file_digest(tmp_path / "b") + ".csv", (
        "endings have a meaning"
    )
    assert Local().fingerprint(str(tmp_path / "sub" / "a")) == Local().fingerprint(str(tmp_path / "b"))
    assert Local().fingerprint(str(tmp_path / "b")) == file_digest(tmp_path / "b")
    assert Local().fingerprint(str(tmp_path / "sub")) == folder_digest(tmp_path / "sub")
