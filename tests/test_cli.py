"""The command line: verbs, exit codes, and answers at once where nothing is computed."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clozelab.errors import RunFailedError

Run = Callable[..., tuple[int, str, str]]
HEAVY = "{'torch', 'transformers', 'pytorch_lightning', 'lightning_fabric', 'wandb', 'torchmetrics', 'datasets'}"
PROBE = f"""import sys
from clozelab.cli import main
code = main(sys.argv[1:])
assert not {HEAVY} & set(sys.modules)
sys.exit(code)"""


def python(*arguments: str, folder: Path) -> tuple[subprocess.CompletedProcess[str], float]:
    """Runs a Python process in a folder; returns it and the processor seconds it took, however busy the machine is."""
    before = os.times()
    command = [sys.executable, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, timeout=120)
    after = os.times()
    return done, after.children_user + after.children_system - before.children_user - before.children_system


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["train", "--help"], 0, "usage: clozelab train [group=option ...] [key=value ...] [-m]"),
        (["train", "--cfg", "job"], 0, "_target_: torch.optim.AdamW"),
        (["train", "--info", "defaults"], 0, "token_classification"),
        (["train", "seed=abc"], 2, "clozelab: seed='abc': must be an integer >= 0\n"),
        (["train", "model=bert_tinny"], 2, "Did you mean 'bert_tiny'?"),
        (["data", "list"], 0, "conll2003"),
        (["compare", "--help"], 0, "usage: clozelab compare PATH..."),
        (["runs", "list"], 2, "no runs here: there is no outputs/"),
        (["doctor", "--help"], 0, "usage: clozelab doctor"),
        (["reproduce", "--help"], 0, "usage: clozelab reproduce PATH"),
    ],
)
def test_what_needs_no_torch_does_not_import_it_and_answers_at_once(
    arguments: list[str], code: int, words: str, tmp_path: Path
) -> None:
    seconds = []
    while not seconds or (min(seconds) >= 2 and len(seconds) < 3):  # a cold start may be slow once
        done, taken = python("-c", PROBE, *arguments, folder=tmp_path)
        seconds.append(taken)
        assert done.returncode == code, done.stderr
        assert words in done.stdout + done.stderr
    assert min(seconds) < 2
    assert list(tmp_path.iterdir()) == []


def test_what_hydra_and_the_parent_of_a_sweep_import_is_free_of_torch(tmp_path: Path) -> None:
    modules = (
        "cli identity record sweep.run sweep.view sweep.pool fetch summary environment config.compose compare.command "
        "housekeeping.command housekeeping.clean housekeeping.listing doctor.command "
        "reproduce.command"
    )
    names = [f"clozelab.{name}" for name in modules.split()]
    code = f"import sys, {', '.join(names)}, hydra_plugins.clozelab.launcher; print({HEAVY} & set(sys.modules))"
    done, _ = python("-c", code, folder=tmp_path)
    assert done.stdout == "set()\n", done.stderr


@pytest.mark.slow
def test_a_mistake_below_the_root_is_one_line_and_exit_code_2_for_the_real_command(tmp_path: Path) -> None:
    done, seconds = python("-m", "clozelab", "train", "optimizer.lr=-1", folder=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == "clozelab: optimizer.lr=-1: Invalid learning rate: -1 (command line)\n"
    assert seconds < 30, "mostly the import of torch"
    assert list(tmp_path.iterdir()) == []


def test_the_installed_command_and_the_module_are_the_same(tmp_path: Path) -> None:
    script = Path(sys.executable).parent / "clozelab"
    if not script.exists():
        pytest.skip("clozelab is not installed as a command")
    module, _ = python("-m", "clozelab", "train", "--cfg", "job", "seed=7", folder=tmp_path)
    command, _ = python(str(script), "train", "--cfg", "job", "seed=7", folder=tmp_path)
    assert module.stdout == command.stdout
    assert "seed: 7\n" in module.stdout


@pytest.fixture
def cells(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The cells that a sweep would have run."""
    found: list[Any] = []

    def run_sweep(cells: list[Any]) -> list[float]:
        found.extend(cells)
        return [0.0] * len(cells)

    monkeypatch.setattr("clozelab.sweep.run.run_sweep", run_sweep)
    return found


@pytest.mark.parametrize(
    "line",
    [
        "-m train optimizer.lr=1e-5,3e-5 seed=1,2",
        pytest.param("train -m optimizer.lr=1e-5,3e-5 seed=1,2", marks=pytest.mark.slow),
        pytest.param("train optimizer.lr=1e-5,3e-5 -m seed=1,2", marks=pytest.mark.slow),
        "train optimizer.lr=1e-5,3e-5 seed=1,2 --multirun",
    ],
)
def test_the_sweep_flag_may_stand_anywhere(
    clozelab: Run, cells: list[Any], line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert clozelab(*line.split()) == (0, "", "")
    values = [(cell.config["optimizer"]["lr"], cell.config["seed"]) for cell in cells]
    assert values == [(1e-5, 1), (1e-5, 2), (3e-5, 1), (3e-5, 2)]
    assert cells[1].overrides == ("optimizer.lr=1e-05", "seed=2")
    assert cells[0].config["name"] == "conll2003-minilm_l6-lr=1e-05"
    assert list(tmp_path.iterdir()) == [], "Hydra's own file of the sweep is nowhere"


def test_a_sweep_may_come_from_an_experiment_file(clozelab: Run, cells: list[Any], tmp_path: Path) -> None:
    (tmp_path / "experiment").mkdir()
    text = "# @package _global_\nhydra: {sweeper: {params: {optimizer.lr: '1e-5,3e-5'}}}\n"
    (tmp_path / "experiment" / "mine.yaml").write_text(text)
    assert clozelab("train", "-m", "experiment=mine", f"--config-dir={tmp_path}") == (0, "", "")
    assert [cell.config["optimizer"]["lr"] for cell in cells] == [1e-5, 3e-5]


def test_without_a_verb_the_usage_is_shown(clozelab: Run) -> None:
    for arguments in ([], ["--help"], ["-h"]):
        code, out, err = clozelab(*arguments)
        assert (code, err) == (0, "")
        assert out.startswith("usage: clozelab VERB")
    assert clozelab("--version")[1].startswith("clozelab ")


@pytest.mark.parametrize("verb", ["evaluate", "compare", "reproduce", "predict", "export", "runs", "doctor", "data"])
def test_how_a_verb_is_used_is_said_if_it_is_asked_for_or_words_are_missing(verb: str, clozelab: Run) -> None:
    for asked in (["--help"], ["x", "-h"]):
        code, out, err = clozelab(verb, *asked)
        assert (code, err) == (0, "")
        assert out.startswith(f"usage: clozelab {verb} ")
    if verb != "doctor":  # needs no words
        assert clozelab(verb) == (2, out, "")


@pytest.mark.parametrize(
    "verb", ["", "train", "evaluate", "compare", "reproduce", "predict", "export", "runs", "doctor", "data"]
)
def test_help_fits_a_terminal_of_80_columns(verb: str, clozelab: Run) -> None:
    code, out, _ = clozelab(*filter(None, [verb]), "--help")
    assert code == 0
    # Where the configs are is as long as it is.
    assert [line for line in out.splitlines() if len(line) > 80 and "/conf/" not in line] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["export", "a", "b", "c"], "c: export takes RUN and DIR, no more"),
        (["export", "--force", "a", "b"], "--force: no such option; export takes RUN and DIR only"),
        (["data", "lst"], "data lst: no such verb. Did you mean 'list'? There are data list, and data fetch NAME"),
        (
            ["data", "fetch", "a", "b"],
            "data fetch a b: There are data list, and data fetch NAME, one dataset at a time",
        ),
        (
            ["trian"],
            "Did you mean 'train'? Verbs: train, evaluate, compare, reproduce, predict, export, runs, doctor, data; "
            "clozelab --help says more",
        ),
        (["seed=3"], "seed=3: no such verb. Did you mean 'clozelab train seed=3'?"),
        (["data", "fetch", "conl2003"], "conl2003: no such dataset. Did you mean 'conll2003'?"),
    ],
)
def test_a_wrong_word_is_the_users_mistake(clozelab: Run, arguments: list[str], message: str) -> None:
    code, out, err = clozelab(*arguments)
    assert (code, out) == (2, "")
    assert message in err


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (KeyboardInterrupt(), 130, "clozelab: interrupted; the same command continues where it was\n"),
        (SystemExit(1), 130, "clozelab: interrupted; the same command continues where it was\n"),
        (RunFailedError("2 cells failed"), 1, "clozelab: 2 cells failed\n"),
    ],
)
def test_how_a_run_ends_is_the_exit_code(
    clozelab: Run, overrides: list[str], monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, message: str
) -> None:
    def end(*args: object) -> None:
        raise error

    monkeypatch.setattr("clozelab.experiment.execute", end)
    assert clozelab("train", *overrides) == (code, "", message)


def test_an_error_that_is_nobodys_mistake_keeps_its_traceback(
    clozelab: Run, overrides: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("clozelab.experiment.execute", fail)
    with pytest.raises(ZeroDivisionError):
        clozelab("train", *overrides)


def test_everything_is_checked_before_a_run_directory_is_made(
    clozelab: Run, overrides: list[str], tmp_path: Path
) -> None:
    code, _, err = clozelab("train", *overrides, "data.batch_size=0")
    assert code == 2
    assert "data.batch_size=0" in err
    assert not (tmp_path / "outputs").exists()
