"""Sizes count what is there, not what links point to, and removing takes nothing that is elsewhere."""

import os
import shutil
from pathlib import Path

import pytest

from clozelab.housekeeping.disk import is_idle, readable, size_of, take_away


def test_a_link_counts_nothing_and_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "file").write_bytes(b"x" * 300)
    (tmp_path / "large").write_bytes(b"x" * 10_000)
    before = size_of(tmp_path / "a")
    (tmp_path / "a" / "round").symlink_to(tmp_path / "a")
    (tmp_path / "a" / "broken").symlink_to("nowhere")
    assert before == 300
    assert size_of(tmp_path / "a") < 1000
    (tmp_path / "link").symlink_to("large")
    assert size_of(tmp_path / "link") == size_of(tmp_path / "nothing") == 0
    assert size_of(tmp_path / "large") == 10_000


@pytest.mark.parametrize(
    ("num_bytes", "shown"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (9_949, "9.9 kB"), (9_951, "10 kB"), (999_499, "999 kB"),
     (999_600, "1.0 MB"), (1.25e9, "1.2 GB"), (3e13, "30 TB"), (4e15, "4000 TB")],
)  # fmt: skip
def test_sizes_are_short(num_bytes: float, shown: str) -> None:
    assert readable(num_bytes) == shown


def test_what_links_point_to_stays(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.tex").touch()
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "link").symlink_to(precious)
    take_away(folder)
    (tmp_path / "direct").symlink_to(precious)
    take_away(tmp_path / "direct")
    take_away(tmp_path / "nothing")
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]
    assert (precious / "thesis.tex").exists()


def test_a_folder_vanishes_at_once_even_if_its_removal_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "seed-1").mkdir()
    (tmp_path / "seed-1" / "run.json").touch()

    def killed(path: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(shutil, "rmtree", killed)
    with pytest.raises(KeyboardInterrupt):
        take_away(tmp_path / "seed-1")
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".seed-1.")
    assert left.name.endswith(".tmp")


def test_one_fresh_file_makes_a_folder_busy(tmp_path: Path) -> None:
    file = tmp_path / "a" / "b"
    file.parent.mkdir()
    file.touch()
    os.utime(file, (0, 0))
    os.utime(tmp_path / "a", (0, 0))
    assert is_idle(tmp_path / "a")
    lock = tmp_path / "a" / ".lock"
    lock.touch()
    os.utime(tmp_path / "a", (0, 0))
    assert not is_idle(tmp_path / "a")
    assert is_idle(tmp_path / "a", without=".lock"), "to look whether a lock is held is no sign of life"
    file.touch()
    assert not is_idle(tmp_path / "a")
