"""`clozelab runs` takes a study by name or anything by path, and helps with mistakes."""

from collections.abc import Callable
from pathlib import Path

import pytest

from clozelab.errors import ConfigError
from clozelab.housekeeping.command import EXTRA, USAGE, run
from clozelab.housekeeping.plan import DEFAULT, KINDS

MakeRun = Callable[..., Path]
Capture = pytest.CaptureFixture[str]


def test_a_study_is_given_by_name_or_by_path(make_run: MakeRun, capsys: Capture) -> None:
    make_run(study="grid")
    make_run(study="demo")
    for words, expected in (([], 2), (["grid"], 1), (["outputs/grid"], 1), (["outputs"], 2)):
        assert run(["list", "--format=csv", *words]) == 0
        assert len(capsys.readouterr().out.splitlines()) == 1 + expected


def test_a_folder_of_the_same_name_here_comes_first(make_run: MakeRun, tmp_path: Path) -> None:
    make_run(study="grid")
    (tmp_path / "grid").mkdir()
    with pytest.raises(ConfigError, match="'grid': no run in it or below it"):
        run(["list", "grid"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["lst"], "runs lst: no such verb. Did you mean 'list'? There are runs list and runs clean"),
        (["list", "gird"], "gird: no such study or folder. Did you mean 'grid'?"),
        (["list", "nowhere"], "'nowhere': no such folder; give a study, a cell or a run"),
        (["list", "outputs/grid", "demo"], "demo: one study or path at a time"),
        (["list", "--format", "yaml"], "--format yaml: must be one of table, json, csv."),
        (["list", "--fromat=csv"], "--fromat=csv: no such option. Did you mean '--format'?"),
        (["list", "--format"], "--format: takes one of table, json, csv"),
        (["clean", "--all"], "--all: no such option."),
        (["clean", "--unfinishd"], "Did you mean '--unfinished'?"),
        (["clean", "cache"], "'cache': no run in it or below it"),
    ],
)
def test_mistakes_are_told_what_there_is(words: list[str], message: str, make_run: MakeRun) -> None:
    make_run(study="grid")
    Path("cache").mkdir(exist_ok=True)
    with pytest.raises(ConfigError) as error:
        run(words)
    assert message in str(error.value)


def test_where_nothing_has_run_it_says_so_and_the_cache_can_be_freed_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    for words in (["list"], ["clean"]):
        with pytest.raises(ConfigError, match=r"no runs here: there is no outputs/; give the directory"):
            run(words)
    monkeypatch.setenv("CLOZELAB_CACHE", str(tmp_path / "cache"))
    assert run(["clean", "--cache"]) == 0
    assert capsys.readouterr().out == "nothing to free\n"
    assert list(tmp_path.iterdir()) == []


def test_help_names_every_kind_that_is_freed() -> None:
    assert {*DEFAULT, *EXTRA} == set(KINDS)
    assert all(f"--{name}" in USAGE for name in EXTRA)
    assert all(len(line) <= 120 for line in USAGE.splitlines())
