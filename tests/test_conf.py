"""Every config file composes, passes the check, and says what it is and how to run it."""

import copy
import inspect
import os
import re
import shlex
import shutil
import statistics
import subprocess
import sys
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from clozelab.config.check import find_problems
from clozelab.config.compose import compose
from clozelab.config.kinds import serving
from clozelab.config.nodes import find_target, is_node
from clozelab.config.origin import BASES, conf_dir
from clozelab.config.schema import GROUPS
from clozelab.identity import identify

ROOT = Path(__file__).parents[1]
CONF = ROOT / "conf"
FILES = sorted(path.relative_to(CONF) for path in CONF.rglob("*.yaml"))
OPTIONS = [path for path in FILES if len(path.parts) == 2 and path.stem not in BASES]
OURS = ("task", "data", "model", "logger", "scheduler")
TUNABLE = ("optimizer", "scheduler", "trainer", "callbacks", "logger", "task")
COUNT = 74
"""Config files there are; a file that Git lost, or one that no test sees, changes it."""


def lines(file: Path) -> list[str]:
    return (CONF / file).read_text(encoding="utf-8").splitlines()


def title(file: Path) -> str:
    """Returns the first line that is not the package directive."""
    return next(line for line in lines(file) if not line.startswith("# @package"))


@pytest.fixture
def fill(conll_files: dict[str, Path], tiny_model: Path, hub_dataset: Path, tmp_path: Path) -> dict[str, str]:
    """Harmless values for keys that a file leaves open or that name a place."""
    places = {f"data.{split}": str(path) for split, path in conll_files.items()}
    model = shutil.copytree(tiny_model, tmp_path / "run" / "model")  # of a run, and a folder like any other
    (tmp_path / "run" / "run.json").write_text('{"status": "completed"}')
    return {**places, "model.path": str(model), "data.source.path": str(hub_dataset)}


def _swept(experiment: str) -> dict[str, Any]:
    """Returns the values of the keys that an experiment sweeps over."""
    node = yaml.safe_load((CONF / "experiment" / f"{experiment}.yaml").read_text(encoding="utf-8")) or {}
    swept: dict[str, Any] = node.get("hydra", {}).get("sweeper", {}).get("params", {})
    return swept


@cache
def composed(*arguments: str) -> dict[str, Any]:
    """Returns a composed configuration, to read only: many tests look at the same."""
    return compose(arguments)


def complete(arguments: list[str], fill: dict[str, str]) -> dict[str, Any]:
    """Returns the composed configuration with nothing left open; of a sweep, the first cell."""
    experiments = [word.partition("=")[2] for word in arguments if word.startswith("experiment=")]
    cell = [f"{key}={values}".split(",")[0] for name in experiments for key, values in _swept(name).items()]
    config = copy.deepcopy(composed(*(["hydra.sweeper.params=null", *cell] if cell else []), *arguments))
    for key, value in fill.items():
        group, *path, name = key.split(".")
        kind = config[group]["source"]["_target_"].rpartition(".")[2]
        node = config[group]["source"] if path else config[group]
        if name in node and kind in (("Dataset",) if path else ("Local", "Hub", "Runs")):
            node[name] = value
    return config


def test_there_are_as_many_files_as_expected() -> None:
    assert conf_dir() == CONF
    assert len(FILES) == COUNT, "a file came or went: change COUNT"
    assert {path.parts[0] for path in FILES if len(path.parts) == 2} == set(GROUPS)
    assert all(len(path.parts) <= 2 for path in FILES), "groups are one level deep"
    assert [path.name for path in CONF.rglob("*") if path.is_file() and path.suffix != ".yaml"] == []


@pytest.mark.parametrize("file", OPTIONS, ids=str)
def test_every_option_composes_is_identified_passes_the_check_and_lists_every_key(
    file: Path, fill: dict[str, str]
) -> None:
    tasks = {"words": "token_classification", "texts": "sequence_classification", "documents": "pretraining"}
    task = next((f"task={tasks[k]}" for k in tasks if file.parts[0] == "data" and file.stem in serving(k)), None)
    config = complete([*filter(None, [task]), f"{file.parts[0]}={file.stem}"], fill)
    assert find_problems(config, lambda key: "") == []
    identity = identify(config)
    assert len(identity.cell) == 8
    assert "???" not in map(str, identity.values.values())
    for node in _own_nodes(config, file.parts[0]):
        assert set(node) - {"_target_"} == set(inspect.signature(find_target(node["_target_"])).parameters)


def _own_nodes(config: dict[str, Any], group: str) -> list[dict[str, Any]]:
    """Returns the nodes of a group that name classes of ours, whose every key stands in the file."""
    if group not in OURS:
        return []
    return [config[group]] if is_node(config[group]) else list(config[group].values())


@pytest.mark.parametrize("file", OPTIONS, ids=str)
def test_the_command_in_the_first_line_runs_this_option(file: Path, fill: dict[str, str]) -> None:
    _, found, rest = title(file).partition("clozelab train")
    assert found, "the first line says how to run it"
    shown = shlex.split(rest.partition("  ")[0].replace("[", "").replace("]", ""))
    values = "," if "-m" in shown else None  # of a sweep, the first cell
    arguments = [word.split(values)[0] for word in shown if "=" in word]
    assert arguments, "a command with something to try"
    assert find_problems(complete(arguments, fill), lambda key: "") == []
    if file.parts[0] == "experiment" and _swept(file.stem):
        assert "-m" in shown, "an experiment that sweeps is a sweep"
    group, option = file.parts[0], file.stem
    chosen = f"{group}={option}" in arguments
    is_default = option in str(yaml.safe_load((CONF / "config.yaml").read_text())["defaults"])
    assert chosen or (is_default and any(word.startswith(f"{group}.") for word in arguments))


@pytest.mark.parametrize("file", FILES, ids=str)
def test_the_first_line_is_a_comment_that_says_what_the_file_is(file: Path) -> None:
    assert lines(file)[0].startswith("# ")
    assert title(file).startswith("# ")
    assert len(title(file)) <= 140
    runs = "clozelab train" in title(file)
    assert runs or "not an option of its own" in title(file)
    assert runs == (file.stem not in BASES)
    assert not any(line.rstrip() != line or "\t" in line for line in lines(file))


@pytest.mark.parametrize("file", FILES, ids=str)
def test_only_tasks_and_experiments_set_keys_outside_their_group(file: Path) -> None:
    directives = [number for number, line in enumerate(lines(file)) if "@package" in line]
    expected = file.parts[0] in ("task", "experiment")
    assert directives == ([0] if expected else [])
    assert not expected or lines(file)[0] == "# @package _global_"


def test_files_are_deltas() -> None:
    lengths = {file: len(lines(file)) for file in FILES}
    assert {file: n for file, n in lengths.items() if file.parts[0] == "experiment" and n > 25} == {}
    assert statistics.median(lengths.values()) <= 10


@pytest.mark.parametrize("file", [file for file in OPTIONS if file.parts[0] == "task"], ids=str)
def test_a_task_is_called_the_same_in_its_file_its_module_and_its_class(file: Path) -> None:
    camel = "".join(part.capitalize() for part in file.stem.split("_"))
    assert composed(f"task={file.stem}")["task"]["_target_"] == f"clozelab.task.{file.stem}.{camel}"
    assert (ROOT / "tests" / "task" / f"test_{file.stem}.py").exists()


@pytest.mark.parametrize("file", [f for f in FILES if f.parts[0] in TUNABLE or f.stem in BASES], ids=str)
def test_what_a_user_may_tune_has_a_comment(file: Path) -> None:
    nested = ("_target_", "defaults", "project", "version", "sha256", "size", "license", "citation")
    for line in lines(file):
        found = re.fullmatch(r" *(\w+): +[^ #].*", line)
        assert not found or found[1] in nested or " # " in line or line.startswith("#"), line


@pytest.mark.slow
def test_a_wheel_holds_every_config_and_works_from_any_directory(tmp_path: Path) -> None:
    pytest.importorskip("hatchling")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "dist")]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        archive.extractall(tmp_path / "installed")
    assert {f"clozelab/conf/{file.as_posix()}" for file in FILES} <= set(names)
    assert "hydra_plugins/clozelab/launcher.py" in names
    assert {f"clozelab/report/{name}" for name in ("page.html", "page.css", "base.js", "main.js")} <= set(names)
    assert not [name for name in names if name.startswith(("tests/", "outputs/"))]
    somewhere = tmp_path / "somewhere"
    somewhere.mkdir()
    code = "import sys; from clozelab.cli import main; sys.exit(main(['train', '--help']) or main(sys.argv[1:]))"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "installed")}
    command = [sys.executable, "-c", code, "train", "--cfg", "job"]
    done = subprocess.run(command, cwd=somewhere, env=environment, capture_output=True, text=True, check=True)
    assert str(tmp_path / "installed" / "clozelab" / "conf") in done.stdout
    assert "_target_: torch.optim.AdamW" in done.stdout
