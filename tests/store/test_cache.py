"""Behaviour of the cache: an entry is there whole or not at all, whoever builds it and whatever interrupts them."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from clozelab.errors import DataError
from clozelab.store.cache import atomic_path, atomic_write, build_once, cache_dir, remove

BUILDER = """
import sys, time
from pathlib import Path
from clozelab.store.cache import build_once

entry, log, me, other = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4])

def build(path):
    with log.open("a") as file:
        file.write("built\\n")
    path.write_text("half")
    deadline = time.monotonic() + 20
    while not other.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.2)  # the other process now stands before the lock
    path.write_text("whole")

me.touch()
print(build_once(entry, build).read_text())
"""


def names(folder: Path) -> set[str]:
    """Returns what is in a folder, locks aside: they stay, and hold nothing."""
    return {path.name for path in folder.iterdir() if not path.name.endswith(".lock")}


def test_a_cache_that_cannot_be_made_is_a_users_mistake(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match="CLOZELAB_CACHE"):
        build_once(tmp_path / "file" / "entry", lambda path: path.touch())


def test_the_cache_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CLOZELAB_CACHE", str(tmp_path))
    assert cache_dir() == tmp_path
    monkeypatch.setenv("CLOZELAB_CACHE", "~/elsewhere")
    assert cache_dir() == Path.home() / "elsewhere"


@pytest.mark.parametrize("value", [None, ""])
def test_without_a_word_from_the_environment_the_cache_is_in_the_home_directory(
    value: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CLOZELAB_CACHE")
    if value is not None:
        monkeypatch.setenv("CLOZELAB_CACHE", value)
    assert cache_dir() == Path.home() / ".cache" / "clozelab"


def test_an_entry_is_built_once_and_then_found(tmp_path: Path) -> None:
    entry = tmp_path / "deep" / "er" / "entry"
    calls = []

    def build(path: Path) -> None:
        calls.append(path)
        path.write_text("x")

    assert build_once(entry, build) == entry
    assert build_once(entry, build) == entry
    assert len(calls) == 1
    assert entry.read_text() == "x"
    assert names(entry.parent) == {"entry"}


def test_an_entry_may_be_a_folder(tmp_path: Path) -> None:
    def build(path: Path) -> None:
        (path / "sub").mkdir(parents=True)
        (path / "sub" / "file").write_text("x")

    assert (build_once(tmp_path / "entry", build) / "sub" / "file").read_text() == "x"
    assert names(tmp_path) == {"entry"}


def test_nobody_sees_the_entry_while_it_is_being_built(tmp_path: Path) -> None:
    entry = tmp_path / "entry"

    def build(path: Path) -> None:
        path.write_text("x")
        assert not entry.exists()
        assert path.parent.parent == tmp_path, "another file system could not be renamed from"

    build_once(entry, build)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_build_that_raises_leaves_nothing_and_can_be_tried_again(error: type[BaseException], tmp_path: Path) -> None:
    def build(path: Path) -> None:
        path.mkdir()
        (path / "half").write_text("x")
        raise error("broken")

    with pytest.raises(error, match="broken"):
        build_once(tmp_path / "entry", build)
    assert names(tmp_path) == set()
    assert build_once(tmp_path / "entry", lambda path: path.touch()).exists()


def test_two_processes_that_build_at_once_build_once(tmp_path: Path) -> None:
    log, markers = tmp_path / "log", [tmp_path / "first", tmp_path / "second"]
    entry = tmp_path / "cache" / "entry"
    commands = [[sys.executable, "-c", BUILDER, entry, log, me, other] for me, other in (markers, markers[::-1])]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for command in commands]
    outputs = [process.communicate(timeout=60)[0] for process in processes]
    assert outputs == ["whole\n", "whole\n"]
    assert log.read_text() == "built\n"
    assert names(entry.parent) == {"entry"}


def test_two_threads_that_build_at_once_build_once(tmp_path: Path) -> None:
    calls = []

    def build(path: Path) -> None:
        calls.append(path)
        time.sleep(0.1)
        path.write_text("x")

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: build_once(tmp_path / "entry", build).read_text(), range(4)))
    assert found == ["x"] * 4
    assert len(calls) == 1


def test_a_killed_builder_leaves_no_entry_and_the_next_one_clears_up_after_it(tmp_path: Path) -> None:
    entry, never = tmp_path / "cache" / "entry", tmp_path / "never"
    command = [sys.executable, "-c", BUILDER, entry, tmp_path / "log", tmp_path / "me", never]
    process = subprocess.Popen(command)
    deadline = time.monotonic() + 20
    while not list(entry.parent.glob(".entry.*.tmp/entry")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert not entry.exists()
    assert len(names(entry.parent)) == 1, "the temporary folder of the killed process"
    build_once(entry, lambda path: path.write_text("whole") and None)
    assert entry.read_text() == "whole"
    assert names(entry.parent) == {"entry"}


def test_the_work_of_another_process_on_an_entry_of_similar_name_is_left_alone(tmp_path: Path) -> None:
    def build_outer(outer: Path) -> None:  # holds the lock of `data.txt` only
        outer.write_text("outer")
        build_once(tmp_path / "data", lambda path: path.write_text("inner") and None)

    assert build_once(tmp_path / "data.txt", build_outer).read_text() == "outer"


@pytest.mark.parametrize("name", ["plain", "with.dot", "[a-z]", "what?", "st*r"])
def test_a_stale_temporary_is_removed_whatever_the_entrys_name(name: str, tmp_path: Path) -> None:
    def killed(path: Path) -> None:
        path.write_text("half")
        os.rename(path.parent, tmp_path / "kept")  # as if nobody had come to remove it
        (tmp_path / "original_name").write_text(path.parent.name)

    with pytest.raises(FileNotFoundError):
        build_once(tmp_path / name, killed)
    stale = tmp_path / (tmp_path / "original_name").read_text()
    os.rename(tmp_path / "kept", stale)
    build_once(tmp_path / name, lambda path: path.touch())
    assert not stale.exists()
    assert names(tmp_path) == {name, "original_name"}


def test_a_present_entry_needs_neither_lock_nor_write_access(tmp_path: Path) -> None:
    (tmp_path / "entry").write_text("x")
    assert build_once(tmp_path / "entry", lambda path: pytest.fail("built again")).read_text() == "x"
    assert [path.name for path in tmp_path.iterdir()] == ["entry"]


def test_removing_takes_files_and_folders_and_does_not_mind_their_absence(tmp_path: Path) -> None:
    (tmp_path / "folder" / "sub").mkdir(parents=True)
    (tmp_path / "folder" / "sub" / "file").touch()
    (tmp_path / "file").touch()
    for name in ("folder", "file", "absent"):
        remove(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_an_atomic_write_makes_the_folders_it_needs_and_leaves_nothing_beside_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file.txt"
    atomic_write(path, "Grüße\n")
    atomic_write(path, "Grüße 2\n")
    assert path.read_bytes() == "Grüße 2\n".encode()
    assert [p.name for p in path.parent.iterdir()] == ["file.txt"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(error: type[BaseException], tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def half() -> None:
        with atomic_path(path) as temporary:
            temporary.write_text("ne")
            assert path.read_text() == "old"
            raise error

    with pytest.raises(error):
        half()
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_writers_of_one_file_do_not_disturb_each_other_even_with_the_same_process_id(tmp_path: Path) -> None:
    # Threads stand for the processes of two containers: both call themselves process 1.
    path = tmp_path / "file"
    texts = [f"{i}" * 10_000 for i in range(4)]

    def write(text: str) -> None:
        for _ in range(20):
            atomic_write(path, text)
            assert path.read_text() in texts

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, texts))
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
