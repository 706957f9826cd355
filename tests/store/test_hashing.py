"""Behaviour of digests and of their memory."""

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from clozelab.store.hashing import digest, file_digest, folder_digest


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CLOZELAB_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files whose bytes were read to be hashed, as it happens."""
    seen: list[str] = []
    original = hashlib.file_digest

    def spy(file: Any, algorithm: str) -> Any:
        seen.append(Path(file.name).name)
        return original(file, algorithm)

    monkeypatch.setattr(hashlib, "file_digest", spy)
    return seen


def write(path: Path, text: str, *, mtime_ns: int) -> Path:
    path.write_text(text)
    os.utime(path, ns=(mtime_ns, mtime_ns))
    return path


def test_a_files_digest_is_the_sha256_of_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abc\r\n\x00")
    assert file_digest(path) == hashlib.sha256(b"abc\r\n\x00").hexdigest()


def test_the_second_time_the_file_is_not_read(reads: list[str], tmp_path: Path) -> None:
    path = write(tmp_path / "file", "x", mtime_ns=10**18)
    assert file_digest(path) == file_digest(path)
    assert reads == ["file"]


def test_a_link_and_its_file_share_one_memory(reads: list[str], tmp_path: Path) -> None:
    path = write(tmp_path / "file", "x", mtime_ns=10**18)
    (tmp_path / "link").symlink_to(path)
    assert file_digest(tmp_path / "link") == file_digest(path)
    assert len(reads) == 1


def test_a_link_that_points_elsewhere_has_another_digest(tmp_path: Path) -> None:
    for name in "ab":
        write(tmp_path / name, name, mtime_ns=10**18)
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "a")
    before = file_digest(link)
    link.unlink()
    link.symlink_to(tmp_path / "b")
    assert file_digest(link) != before


@pytest.mark.parametrize(("text", "later"), [("bbbb", 1), ("bbbbb", 0), ("bbb", -1)])
def test_a_changed_file_has_another_digest_also_at_the_same_size_or_the_same_time(
    text: str, later: int, tmp_path: Path
) -> None:
    path = write(tmp_path / "file", "aaaa", mtime_ns=10**18)
    before = file_digest(path)
    write(path, text, mtime_ns=10**18 + later)
    assert file_digest(path) == hashlib.sha256(text.encode()).hexdigest() != before


def test_a_file_put_in_place_of_another_of_the_same_size_and_time_has_another_digest(tmp_path: Path) -> None:
    path = write(tmp_path / "file", "aaaa", mtime_ns=10**18)
    before = file_digest(path)
    os.replace(write(tmp_path / "new", "bbbb", mtime_ns=10**18), path)
    assert file_digest(path) != before


def test_files_of_equal_size_and_time_at_different_paths_are_told_apart(tmp_path: Path) -> None:
    digests = {file_digest(write(tmp_path / name, name, mtime_ns=10**18)) for name in "abc"}
    assert len(digests) == 3


def test_the_digest_of_a_value_is_canonical_and_never_changes() -> None:
    value = {"b": [1, 2.5, None, True], "a": {"ü": "é"}}
    same = {"a": {"ü": "é"}, "b": (1, 2.5, None, True)}
    assert digest(value) == digest(same)
    assert digest(value) == "305f3eb937a913483a7f0d878c8b36d562c332ee4e625d2a2779c5111c0abc6f"
    assert digest({}) == hashlib.sha256(b"{}").hexdigest()


def test_different_values_have_different_digests() -> None:
    values = [
        0,
        0.0,
        False,
        None,
        "",
        "0",
        [],
        [0],
        [[0]],
        {},
        {"0": 0},
        {"0": [0]},
        1,
        1.0,
        True,
        "1",
        ["a", "b"],
        ["ab"],
    ]
    assert len({digest(value) for value in values}) == len(values)


def test_the_order_of_a_list_matters() -> None:
    assert digest([1, 2]) != digest([2, 1])


@pytest.mark.parametrize("value", [{1, 2}, Path("x"), object(), b"x", {"a": {1}}])
def test_only_plain_values_have_a_digest(value: object) -> None:
    with pytest.raises(TypeError):
        digest(value)


def folder(place: Path) -> Path:
    (place / "sub").mkdir(parents=True)
    write(place / "config.json", "{}", mtime_ns=10**18)
    write(place / "sub" / "weights", "w", mtime_ns=10**18)
    return place


def test_a_folders_digest_depends_on_its_content_and_not_on_its_place(tmp_path: Path) -> None:
    assert folder_digest(folder(tmp_path / "a")) == folder_digest(folder(tmp_path / "b" / "c"))


@pytest.mark.parametrize("change", ["content", "rename", "move", "add", "remove"])
def test_every_change_in_a_folder_changes_its_digest(change: str, tmp_path: Path) -> None:
    place = folder(tmp_path / "a")
    before = folder_digest(place)
    weights = place / "sub" / "weights"
    match change:
        case "content":
            write(weights, "v", mtime_ns=10**18 + 1)
        case "rename":
            weights.rename(place / "sub" / "weight")
        case "move":
            weights.rename(place / "weights")
        case "add":
            (place / "sub" / "empty").touch()
        case "remove":
            weights.unlink()
    assert folder_digest(place) != before


def test_hidden_files_and_hidden_folders_do_not_count(tmp_path: Path) -> None:
    place = folder(tmp_path / ".hidden" / "a")  # a hidden folder above does not hide it
    before = folder_digest(place)
    assert before != folder_digest(tmp_path / "absent")
    (place / ".DS_Store").write_text("x")
    (place / ".cache" / "huggingface").mkdir(parents=True)
    (place / ".cache" / "huggingface" / "config.json.metadata").write_text("time of the download")
    (place / "sub" / ".git").mkdir()
    (place / "sub" / ".git" / "HEAD").write_text("x")
    assert folder_digest(place) == before
