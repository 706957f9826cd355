"""Every command of the README is one that works, to the letter."""

import glob
import importlib
import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from clozelab.config.check import find_problems
from clozelab.config.compose import compose
from clozelab.identity import identify

Run = Callable[..., tuple[int, str, str]]
ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = "\n".join(re.findall(r"```bash\n(.*?)```", README, flags=re.S))
COMMANDS = [line.partition("#")[0].strip() for line in BLOCKS.splitlines() if line.startswith("clozelab ")]
INLINE = re.findall(r"`(clozelab [^`]+)`", README)


def test_the_readme_begins_with_its_two_commands() -> None:
    first = README[: README.index("clozelab is a")]
    assert re.findall(r"^make (\w+)", first, flags=re.M) == ["demo", "test"]
    assert len(COMMANDS) >= 10


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith("clozelab train") and "--" not in c])
def test_a_train_command_composes_and_passes_the_check(
    command: str, conll_files: dict[str, Path], finished_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for earlier in re.findall(r"model.path=(outputs/\S+)", command):
        shutil.copytree(finished_run, tmp_path / earlier)
    for name, file in zip("abc", conll_files.values(), strict=True):
        shutil.copy(file, tmp_path / f"{name}.conll")
        for ending in ("csv", "tsv"):
            shutil.copy(file, tmp_path / f"{name}.{ending}")
        (tmp_path / "notes").mkdir(exist_ok=True)
        (tmp_path / f"{name}.jsonl").write_text('{"tokens": ["Ada"], "ner_tags": ["B-PER"]}\n')
    words = [w for w in shlex.split(command)[2:] if w != "-m"]
    single = [re.sub(r"=([^=,]+),.*", r"=\1", word) if "-m" in command.split() else word for word in words]
    config = compose(single)
    assert find_problems(config, lambda key: "") == []
    if "model=hub" not in single and "data=hub" not in single:  # the hub would have to be asked
        identify(config)


@pytest.mark.parametrize(
    "command",
    [c for c in COMMANDS if "--" in c and c.split()[1] in ("train", "data")] + [c for c in INLINE if "data list" in c],
)
def test_a_question_is_answered(command: str, clozelab: Run) -> None:
    code, out, _ = clozelab(*shlex.split(command)[1:])
    assert code == 0
    assert out


def test_a_finished_run_is_evaluated_as_shown(
    clozelab: Run, overrides: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert clozelab("train", *overrides, "study=demo", "output_dir=outputs")[0] == 0
    commands = [c for c in COMMANDS if c.startswith("clozelab evaluate") and " data=" not in c]
    assert len(commands) == 2
    for command in commands:
        words = [found for w in shlex.split(command)[1:] for found in (glob.glob(w) or [w])]
        code, out, err = clozelab(*words)
        assert code == 0, err
        assert "f1_conlleval" in out
        assert ("the hardest words" in out) == ("--errors" in command)


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith("clozelab evaluate") and " data=" in c])
def test_a_finished_run_is_scored_on_other_data_as_shown(
    command: str, clozelab: Run, run_of: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for study, kind in (("sentiment", "single"), ("demo", "words")):
        shutil.copytree(run_of(kind), tmp_path / "outputs" / study / "cell" / "seed-42")
    (tmp_path / "other.conll").write_text("Ada B-person\nmet O\nOslo B-place\n\nnew B-product\n")
    words = [found for w in shlex.split(command)[1:] for found in (glob.glob(w) or [w])]
    if "data=amazon_reviews" in words:  # its wheel has to be fetched
        (tmp_path / "reviews.csv").write_text("text,label\n" + "".join(f"a {'long ' * i},long\n" for i in range(20)))
        place = words.index("data=amazon_reviews")
        words[place : place + 1] = ["data=text_files", "data.train=reviews.csv"]
    code, out, err = clozelab(*words)
    assert code == 0, err
    assert out.startswith("scored     data=")


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith("clozelab compare")])
def test_runs_are_compared_as_shown(
    command: str, clozelab: Run, finished_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for study, name, lr in (("grid", "a-0c753de4", 1e-5), ("grid", "b-1d864ef5", 3e-5), ("demo", "a-0c753de4", 1e-5)):
        folder = tmp_path / "outputs" / study / name / "seed-1"
        shutil.copytree(finished_run, folder, ignore=shutil.ignore_patterns("model"))
        state = json.loads((folder / "run.json").read_text())
        state["identity"]["optimizer.lr"] = lr
        (folder / "run.json").write_text(json.dumps(state))
    if "--html" in command:
        pytest.importorskip("plotly")
    code, out, err = clozelab(*shlex.split(command)[1:])
    assert code == 0, err
    assert Path("report.html").exists() == ("--html" in command)
    assert "0c753de4" in out
    assert ("demo" in out) == ("outputs/demo" in command)
    assert ("paired bootstrap (Koehn" in out) == ("--against" in command)


def test_runs_are_looked_after_as_shown(
    clozelab: Run, finished_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLOZELAB_CACHE", str(tmp_path / "cache"))
    shutil.copytree(finished_run, tmp_path / "outputs" / "grid" / "a-0c753de4" / "seed-1")
    commands = [c for c in COMMANDS if c.startswith(("clozelab runs", "clozelab doctor"))]
    assert len(commands) == 6
    for command in commands:
        code, out, err = clozelab(*shlex.split(command)[1:])
        assert code == 0 or (command == "clozelab doctor" and "problem" in out), (command, err)
        assert out
    assert (tmp_path / "outputs" / "grid" / "a-0c753de4" / "seed-1" / "metrics.json").exists()


def test_runs_are_reproduced_as_shown(
    clozelab: Run, overrides: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for study, more in (("demo", []), ("grid", ["seed=1", "optimizer.lr=1e-5"])):
        assert clozelab("train", *overrides, "output_dir=outputs", f"study={study}", *more)[0] == 0
    block = README[README.index("## Reproduce") : README.index("Runs go to")]
    commands = [line.partition("#")[0].strip() for line in block.splitlines() if line.startswith("clozelab ")]
    assert [command.split()[1] for command in commands].count("reproduce") == 4
    for command in commands:
        code, out, err = clozelab(
            *(found for word in shlex.split(command)[1:] for found in (glob.glob(word) or [word]))
        )
        assert code == 0, (command, out, err)
        assert ("what differs: nothing" in out) == ("reproduce" in command)
        assert ("reproduced  outputs/reproduced" in out) == ("reproduce" in command and "--dry-run" not in command)


def test_the_notebook_gets_what_is_shown(finished_run: Path) -> None:
    pytest.importorskip("pandas")
    (code,) = [b for b in re.findall(r"```python\n(.*?)```", README, flags=re.S) if "clozelab.runs" in b]
    imported, call = code.strip().split("\n\n")
    assert imported == "import clozelab"
    call = call.replace("outputs/grid", str(finished_run)).replace(', against="0c75"', "")
    assert len(eval(call, {"clozelab": importlib.import_module("clozelab")})) == 1


def test_a_finished_run_is_used_as_shown(
    clozelab: Run, overrides: list[str], run_of: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reviews.csv").write_text("id,text\n1,Ada met Grace.\n")
    (tmp_path / "new.conll").write_text("Ada\nmet\nGrace\n")
    (tmp_path / "pairs.txt").write_text("Ada met.\tGrace saw.\n")
    for name, kind in (("demo", "words"), ("spam", "single"), ("pretrained", "masks")):
        shutil.copytree(run_of(kind), tmp_path / "outputs" / name / "cell" / "seed-42")
    commands = [c for c in COMMANDS if c.startswith(("clozelab predict", "clozelab export"))]
    assert len(commands) >= 7
    for command in commands:
        assert "|" not in command
        words = [found for w in shlex.split(command)[1:] for found in (glob.glob(w) or [w])]
        code, out, err = clozelab(*words)
        assert code == 0, (command, err)
        assert out or "--output" in command
    (block,) = [b for b in re.findall(r"```python\n(.*?)```", README, flags=re.S) if "clozelab.load" in b]
    exec(block, {})


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\bmake (\w+)", README))))
def test_a_make_target_exists(target: str) -> None:
    done = subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_files_of_a_run_directory_are_the_ones_named(clozelab: Run, overrides: list[str], tmp_path: Path) -> None:
    assert clozelab("train", *overrides)[0] == 0
    (run,) = (tmp_path / "outputs").glob("*/*/seed-42")
    block = README[README.index("outputs/<study>") : README.index("The hash is")]
    for name in re.findall(r"(?:^|\s)([a-z]+(?:\.\w+|/))(?=\s)", block):
        assert (run / name).exists(), name
    assert yaml.safe_load((run / "config.yaml").read_text())["seed"] == 42


def test_the_demo_s_run_directory_is_the_one_that_is_shown() -> None:
    config = compose(["experiment=demo"])
    shown = set(re.findall(r"outputs/demo/([\w.-]+)/seed-42", README.partition("A second")[0]))
    assert shown == {f"{config['name']}-{identify(config).cell}"}
