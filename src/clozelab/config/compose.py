"""Hydra composes configurations, and does nothing else here: no directories, no logs, no jobs."""

import os
import re
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hydra
from omegaconf import DictConfig, OmegaConf

from clozelab.config.messages import join, readable_errors, unknown_group
from clozelab.config.origin import Layer, Origin, conf_dir, has_key, layers, option_problem, options, origin_of
from clozelab.config.overrides import CommandLine, parse
from clozelab.config.schema import GROUPS, ROOT_KEYS, SCALARS, register, root_problems
from clozelab.errors import ConfigError

HELP = """usage: clozelab train [group=option ...] [key=value ...] [-m]

  clozelab train                       fine-tune MiniLM on CoNLL-2003
  clozelab train experiment=debug      the same path in seconds
  clozelab train task=sequence_classification data=sms_spam
  clozelab train optimizer.lr=1e-5,5e-5 seed=1,2 -m    a sweep of four runs

Groups and their options:
{groups}

{scalars}

All keys with their values     clozelab train --cfg job
Which files are composed       clozelab train --info defaults
More options of your own       clozelab train --config-dir FOLDER ...
What a key means               the comments in the options' files, and in the
                               files that their defaults name:
                               {conf}/<group>/<option>.yaml"""


def run_hydra(arguments: Sequence[str], launch: Callable[[dict[str, Any], Origin], None]) -> None:
    """Answers `--help`, `--cfg` and the like, or composes and launches.

    Args:
        arguments: of the command line, after the verb; `-m` may stand anywhere.
        launch: takes the one composed config, and where its keys were set. A sweep's cells go to the launcher.

    Raises:
        ConfigError: if the configuration cannot be composed.
    """
    line = parse(arguments)
    if line.wants_help:
        groups = "\n".join(_listed(f"  {group:<12}", options(group, line.folders)) for group in GROUPS)
        print(HELP.format(groups=groups, scalars=_listed("Keys beside them: ", SCALARS), conf=conf_dir()))
    elif line.is_sweep or line.shows:
        _refuse_early(line, arguments)
        with readable_errors(origin_of(arguments), line.folders):
            _call_hydra(line)
    else:
        launch(_compose_checked(line, arguments), origin_of(arguments))


def _listed(start: str, names: Sequence[str]) -> str:
    """Returns names behind a start, in lines of 80 columns."""
    return textwrap.fill(", ".join(names), 80, initial_indent=start, subsequent_indent=" " * len(start))


def compose(arguments: Sequence[str]) -> dict[str, Any]:
    """Returns the plain, resolved configuration of a command line, not yet checked below the root.

    Raises:
        ConfigError: if it cannot be composed.
    """
    return _compose_checked(parse(arguments), arguments)


def _compose_checked(line: CommandLine, arguments: Sequence[str]) -> dict[str, Any]:
    _refuse_early(line, arguments)
    with readable_errors(origin_of(arguments), line.folders):
        config = _compose(line.forced, line.folders)
        if config.hydra.sweeper.params:
            raise ConfigError(f"{', '.join(config.hydra.sweeper.params)}: the experiment is a sweep over them; add -m")
        return freeze(config, line.overrides)


def freeze(config: DictConfig, overrides: Sequence[str]) -> dict[str, Any]:
    """Returns a composed config as a plain, resolved dict, with its readable name made if it has none.

    Args:
        config: with Hydra's own node.
        overrides: of the command line, for the name.
    """
    choices = {group: str(config.hydra.runtime.choices.get(group)) for group in GROUPS}
    plain = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
    result: dict[str, Any] = OmegaConf.to_container(plain, resolve=True)  # type: ignore[assignment]
    result.pop("experiment", None)
    result["name"] = result["name"] or _readable_name(choices, overrides)
    return result


def _readable_name(choices: dict[str, str], overrides: Sequence[str]) -> str:
    """Returns data, model and the changed keys, short enough for a folder's name; its hash makes it unique."""
    changed = []
    for override in overrides:
        key, _, value = override.lstrip("+~").partition("=")
        if "." in key and not key.startswith(("logger.", "callbacks.", "hydra.")):
            changed.append(f"{key.rpartition('.')[2]}={value.rstrip('/').rpartition('/')[2]}")
    name = "-".join([choices["data"], choices["model"], *changed])
    return re.sub(r"[^\w.=+-]+", "_", name)[:80].rstrip("._-")


def _refuse_early(line: CommandLine, arguments: Sequence[str]) -> None:
    """Refuses mistakes in the command line and in the root keys of files, all at once and without importing torch.

    Raises:
        ConfigError: one line a mistake.
    """
    register()
    origin = origin_of(arguments)
    problems = list(line.problems)
    for layer in layers(arguments):
        problems += [f"{problem} ({layer.file})" for problem in _file_problems(layer, line)]
    if problems and not (line.is_sweep or line.shows or line.unknown_options) and _may_have_more(line, arguments):
        problems += _leaf_problems(line, origin)
    if problems:
        raise ConfigError(join(problems))
    if len(line.folders) > 1:
        with readable_errors(origin, line.folders):
            _refuse_foreign_hydra(line)


def _file_problems(layer: Layer, line: CommandLine) -> Iterator[str]:
    for group, option in layer.chooses.items():
        if group.startswith("hydra/"):
            continue
        problem = option_problem(group, option, line.folders) if group in GROUPS else unknown_group(group)
        if problem:
            line.unknown_options.append(group)
            yield problem
    if layer.is_global:
        for _, problem in root_problems({key: value for key, value in layer.content.items() if key != "hydra"}):
            yield problem


def _may_have_more(line: CommandLine, arguments: Sequence[str]) -> bool:
    """Says whether leaves may be wrong, too, so that a full check is worth the seconds it takes.

    They may if the command line sets any, or if a file sets one that no option's file lists.
    """
    if any("." in override.partition("=")[0] for override in line.overrides):
        return True
    found = list(layers(arguments))
    listed = [layer.content for layer in found if layer.group != "experiment"]
    nodes = [
        item for layer in found for item in layer.content.items() if isinstance(item[1], dict) and item[0] in ROOT_KEYS
    ]
    return any(not any(has_key(content, f"{root}.{key}") for content in listed) for root, node in nodes for key in node)


def _leaf_problems(line: CommandLine, origin: Origin) -> list[str]:
    """Returns what the full check finds behind mistakes that would have stopped it."""
    from clozelab.config.check import find_problems  # imports torch

    register(typed=False)
    try:
        with readable_errors(origin, line.folders):
            composed = freeze(_compose(line.forced, line.folders), line.overrides)
    except ConfigError:  # what is known already is mended first
        return []
    finally:
        register()
    found = find_problems({key: value for key, value in composed.items() if key in ROOT_KEYS}, origin)
    # What was refused already was left out, and may seem to be missing now.
    return [problem for problem in found if re.split(r"[=:]", problem)[0] not in line.refused]


def _compose(overrides: Sequence[str], folders: Sequence[Path]) -> DictConfig:
    """Returns the composed config with Hydra's own node, without running anything."""
    quoted = ["'file://" + str(folder.absolute()).replace("'", "\\'") + "'" for folder in folders[1:]]
    search = [f"hydra.searchpath=[{','.join(quoted)}]"] if quoted else []
    with hydra.initialize_config_dir(str(conf_dir()), version_base="1.3", job_name="clozelab"):
        return hydra.compose("config", overrides=[*search, *overrides], return_hydra_config=True)


def _refuse_foreign_hydra(line: CommandLine) -> None:
    """Refuses files of `--config-dir` that configure Hydra itself: it would run what they say before any check.

    Raises:
        ConfigError: naming the keys.
    """
    typed = [override for override in line.single if override.startswith("hydra")]
    ours = _plain_hydra(_compose(typed, line.folders[:1]))
    given = _plain_hydra(_compose(line.single, line.folders))
    if changed := [f"hydra.{key}" for key in sorted({*ours, *given}) if ours.get(key) != given.get(key)]:
        raise ConfigError(
            f"{', '.join(changed)}: set by a file of {line.folders[1]}; no file may configure Hydra itself"
        )


def _plain_hydra(config: DictConfig) -> dict[str, Any]:
    node: dict[str, Any] = OmegaConf.to_container(config.hydra, resolve=False)  # type: ignore[assignment]
    for key in ("runtime", "overrides", "searchpath"):
        node.pop(key, None)
    node["job"] = {k: v for k, v in node["job"].items() if k in ("chdir", "env_set", "env_copy")}
    node["sweeper"] = {k: v for k, v in node["sweeper"].items() if k != "params"}
    return node


def _call_hydra(line: CommandLine) -> None:
    """Gives Hydra its command line; errors are passed on instead of printed."""
    with tempfile.TemporaryDirectory() as scratch, _arguments(line, scratch):
        hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name="config")(_nothing)()


def _nothing(config: DictConfig) -> None:
    """Stands where Hydra wants a job: what is launched is not launched by Hydra."""


@contextmanager
def _arguments(line: CommandLine, scratch: str) -> Iterator[None]:
    saved_argv, saved = sys.argv, os.environ.get("HYDRA_FULL_ERROR")
    # Hydra's sweeper writes a file before anything is checked: it may, where it goes away.
    sweep = ["-m", f"hydra.sweep.dir='{scratch}'"] if line.is_sweep else []
    sys.argv = ["clozelab train", *line.flags, *sweep, *line.forced]
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        yield
    finally:
        sys.argv = saved_argv
        if saved is None:
            del os.environ["HYDRA_FULL_ERROR"]
        else:
            os.environ["HYDRA_FULL_ERROR"] = saved
