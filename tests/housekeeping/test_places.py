"""Every run below a directory is found once, those of studies within studies too."""

from collections.abc import Callable
from pathlib import Path

import pytest

from clozelab.errors import ConfigError
from clozelab.housekeeping.places import all_run_folders, study_of

MakeRun = Callable[..., Path]


def test_reproductions_are_found_beside_other_runs_and_alone(make_run: MakeRun) -> None:
    again = make_run(study="reproduced/grid", seed=3)
    assert all_run_folders(Path("outputs")) == [again]
    ten, nine = make_run(seed=10), make_run(seed=9)
    assert all_run_folders(Path("outputs")) == [nine, ten, again]
    assert all_run_folders(again) == [again]
    assert all_run_folders(Path("outputs/grid")) == [nine, ten]


def test_the_same_study_again_is_another_study(make_run: MakeRun) -> None:
    folder = make_run(study="reproduced/grid")
    for root, study in (("outputs", "reproduced/grid"), ("outputs/reproduced", "grid"), (folder, "grid"),
                        ("outputs/reproduced/grid", "grid")):  # fmt: skip
        assert study_of(folder, Path(root)) == study


def test_a_link_back_up_gives_no_run_twice(make_run: MakeRun) -> None:
    folder = make_run()
    (folder.parents[1] / "all").symlink_to(Path("outputs").absolute())
    assert all_run_folders(Path("outputs")) == [folder]


def test_a_place_without_runs_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name, message in (("nothing", "no such folder"), ("file", "not a folder"), (".", "no run in it or below it")):
        with pytest.raises(ConfigError, match=message):
            all_run_folders(tmp_path / name)
