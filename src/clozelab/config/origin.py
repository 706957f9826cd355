"""Where the configs are, which of them a command line chooses, and which file set a key.

Messages send a user to the right file with this, and root keys of files are checked before anything is composed.
"""

import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from clozelab.config.schema import GROUPS
from clozelab.errors import ConfigError, did_you_mean

Origin = Callable[[str], str]
"""Key path -> " (conf/optimizer/adamw.yaml)", or an empty string where the file is not known."""

BASES = ("base", "words", "texts", "documents", "bbc", "bbc_section", "glue", "bert")
"""Files that others begin from; not options of their own."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One chosen config file.

    Attributes:
        file: as a message should name it.
        group: it belongs to.
        content: without its defaults, placed from the root.
        is_global: whether it may set any key, not only those of its group.
        chooses: options of other groups that its defaults override.
    """

    file: str
    group: str
    content: dict[str, Any]
    is_global: bool
    chooses: dict[str, Any]


def conf_dir() -> Path:
    """Returns the directory of the configs: beside the package in a wheel, at the top of a clone."""
    packaged = Path(__file__).parents[1] / "conf"
    return packaged if packaged.is_dir() else Path(__file__).parents[3] / "conf"


def config_dirs(arguments: Sequence[str]) -> list[Path]:
    """Returns where configs are looked for, in order: ours, then `--config-dir` of a command line."""
    given = [a.partition("=")[2] for a in arguments if a.startswith(("--config-dir=", "-cd="))]
    given += [b for a, b in pairwise(arguments) if a in ("--config-dir", "-cd")]
    return [conf_dir(), *(Path(folder) for folder in given)]


def options(group: str, folders: Sequence[Path]) -> list[str]:
    """Returns the options of a group."""
    found = {path.stem for folder in folders for path in (folder / group).glob("*.yaml")}
    return sorted(found.difference(BASES))


def option_problem(group: str, value: Any, folders: Sequence[Path]) -> str:
    """Returns what is wrong with the choice of an option or a list of them, or an empty string."""
    known = options(group, folders)
    if value == []:
        return f"{group}=[]: names no option. Options: {', '.join(known)}"
    for option in value if isinstance(value, list) else [value]:
        if option not in known:
            shown = "null" if option is None else option
            near = did_you_mean(str(option), known)
            names = textwrap.fill(", ".join(known), 100, initial_indent="  ", subsequent_indent="  ")
            listed = f" Options: {', '.join(known)}" if len(known) <= 12 else f" Options:\n{names}"
            places = "".join(f"; looked for in {folder / group}, too" for folder in folders[1:])
            return f"{group}={shown}: no such option.{near}{'' if near and len(known) > 12 else listed}{places}"
    return ""


def read_yaml(path: Path) -> dict[str, Any]:
    """Returns the content of a config file.

    Raises:
        ConfigError: if it is not valid YAML, or no mapping.
    """
    try:
        with open(path, encoding="utf-8") as file:
            content = yaml.safe_load(file)
    except yaml.YAMLError as error:
        raise ConfigError(yaml_message(error, str(path))) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8") from error
    if not isinstance(content, dict | None):
        raise ConfigError(f"{path}: must hold keys and values, holds a {type(content).__name__}")
    return content or {}


def yaml_message(error: yaml.YAMLError, file: str) -> str:
    """Returns one line for a file that is not YAML: file, line and what is wrong there."""
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return f"{file}: not valid YAML: {str(error).splitlines()[0]}"
    what = getattr(error, "problem", None) or getattr(error, "context", None)
    return f"{mark.name}:{mark.line + 1}: not valid YAML: {what}"


def layers(arguments: Sequence[str]) -> Iterator[Layer]:
    """Yields the chosen config files, the ones that win first.

    Args:
        arguments: of the command line. Of a list of options (a sweep), all are yielded.
    """
    folders = config_dirs(arguments)
    chosen = {g: o for g, _, o in (a.lstrip("+").partition("=") for a in arguments) if g in GROUPS}
    for group in reversed(GROUPS):  # an experiment may choose the task, a task the data
        pending = [option.strip() for option in (chosen.get(group) or _default(group)).strip("[]").split(",")]
        while pending:
            option = pending.pop(0)
            path = next((p for f in folders if (p := f / group / f"{option}.yaml").exists()), None)
            if path is None:
                continue  # composing names the options there are
            content = read_yaml(path)
            entries = content.pop("defaults", None)
            chooses: dict[str, Any] = {}
            for entry in entries if isinstance(entries, list) else []:
                if isinstance(entry, dict):
                    groups = {str(key).removeprefix("override").strip().lstrip("/"): o for key, o in entry.items()}
                    chooses |= {group: o for group, o in groups.items() if "@" not in group}  # in its own place
                elif entry != "_self_":
                    pending.append(str(entry))
            chosen = {**{key: str(option) for key, option in chooses.items()}, **chosen}
            is_global = "@package _global_" in path.read_text(encoding="utf-8")
            name = f"conf/{group}/{option}.yaml" if path.is_relative_to(folders[0]) else str(path)
            yield Layer(name, group, content if is_global else {group: content}, is_global, chooses)


def origin_of(arguments: Sequence[str]) -> Origin:
    """Returns a function from a key path to where it was set, as a remark for a message.

    Args:
        arguments: of the command line.
    """
    keys = {argument.lstrip("+~").partition("=")[0] for argument in arguments}

    @cache
    def found() -> list[Layer]:
        return list(layers(arguments))

    def origin(path: str) -> str:
        if any(key == path or key.startswith(f"{path}.") for key in keys):
            return " (command line)"
        return next((f" ({layer.file})" for layer in found() if has_key(layer.content, path)), "")

    return origin


def has_key(content: Any, path: str) -> bool:
    """Says whether a file sets a dotted key."""
    for part in path.split("."):
        if not isinstance(content, dict) or part not in content:
            return False
        content = content[part]
    return True


def keys_called(word: str, arguments: Sequence[str]) -> list[str]:
    """Returns the dotted keys of the chosen files that end in a word; if there is none, in the word most like it.

    Args:
        word: such as `lr`.
        arguments: of the command line.
    """
    ends: dict[str, list[str]] = {}
    for layer in layers(arguments):
        for key in _leaves(layer.content):
            ends.setdefault(key.rpartition(".")[2], []).append(key)
    near = get_close_matches(word, ends, n=1, cutoff=0.7)
    return list(dict.fromkeys(ends.get(word) or ends.get(near[0] if near else "", [])))


def _leaves(content: dict[str, Any]) -> Iterator[str]:
    for key, value in content.items():
        if isinstance(value, dict) and value:
            yield from (f"{key}.{below}" for below in _leaves(value))
        elif key != "_target_":
            yield str(key)


@cache
def _default(group: str) -> str:
    defaults = read_yaml(conf_dir() / "config.yaml")["defaults"]
    return next(str(entry[group]) for entry in defaults if isinstance(entry, dict) and group in entry)
