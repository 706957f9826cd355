"""The verb `compare`: options, exit codes, and messages that help."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., tuple[int, str, str]]


def test_a_study_is_compared(clozelab: Run, study: Path) -> None:
    code, out, err = clozelab("compare", str(study))
    assert (code, err) == (0, "")
    assert "* selected by val/accuracy: 00000003" in " ".join(out.split())


def test_options_take_their_value_with_or_without_an_equals_sign(clozelab: Run, study: Path) -> None:
    options = ["--format=json", "--metrics", "test/accuracy", "--filter=lr=1e-5", "--sort=accuracy"]
    code, out, _ = clozelab("compare", *options, str(study))
    assert code == 0
    (row,) = json.loads(out)
    assert list(row["metrics"]) == ["test/accuracy"]


def test_a_run_that_was_really_trained_is_shown(clozelab: Run, finished_run: Path) -> None:
    code, out, err = clozelab("compare", str(finished_run), "--metrics", "f1_strict")
    assert (code, err) == (0, "")
    assert out.split()[:4] == ["cell", "n", "val/f1_strict", "test/f1_strict"]
    assert out.endswith("n = 1\n\n"), "one line parts the table from what comes next"


def test_help_is_given(clozelab: Run) -> None:
    code, out, _ = clozelab("compare", "--help")
    assert code == 0
    assert out.startswith("usage: clozelab compare PATH... [option ...]")
    assert clozelab("compare")[0] == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--fromat", "csv"], "--fromat: no such option. Did you mean '--format'? Options: --metrics, --sort"),
        (["--format", "cvs"], "--format cvs: must be one of table, csv, json, latex, markdown. Did you mean 'csv'?"),
        (["--sort"], "--sort: takes a value"),
        (["-f", "csv"], "-f: no such option. Options: --metrics, --sort"),
        (["--against", "nothing"], "nothing: no such cell"),
        (["nowhere"], "'nowhere': no such folder; give a study, a cell or a run"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(clozelab: Run, study: Path, arguments: list[str], message: str) -> None:
    code, out, err = clozelab("compare", str(study), *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_a_study_called_by_its_name_alone_is_pointed_at(
    clozelab: Run, study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "outputs" / "grid").mkdir(parents=True, exist_ok=True)
    _, _, err = clozelab("compare", "grid")
    assert err == "clozelab: 'grid': no such folder. Did you mean 'outputs/grid'?\n"


def test_a_path_must_be_given(clozelab: Run) -> None:
    code, _, err = clozelab("compare", "--format", "csv")
    assert (code, err.count("\n")) == (2, 1)
    assert "give a study, a cell or a run" in err
