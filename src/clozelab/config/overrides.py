"""Reads the command line of `train` before Hydra does: every mistake in it is reported at once and in plain words."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Override, QuotedString
from hydra.errors import HydraException

from clozelab.config.origin import config_dirs, keys_called, option_problem
from clozelab.config.schema import GROUPS, SCALARS, scalar_problem, unknown_root
from clozelab.errors import ConfigError, did_you_mean

ANY = None
FLAGS: dict[str, tuple[str, ...] | None] = {
    "--help": (),
    "-h": (),
    "--cfg": ("job", "hydra", "all"),
    "-c": ("job", "hydra", "all"),
    "--resolve": (),
    "--info": ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath"),
    "-i": ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath"),
    "--config-dir": ANY,
    "-cd": ANY,
    "-m": (),
    "--multirun": (),
}
"""Flags and the values they take. Hydra has more, which load other configs than the check knows, or even pickles."""

NESTED = ("data.general",)
"""Places, beside its own, where an option may stand: `data@data.general=wikitext2`."""

KEY = re.compile(r"[~+]*\w[\w$-]*([./@][\w$-]+)*", re.ASCII)
PLAIN = re.compile(r"[^\[\]{}'\",$=\\]+|[^\[\]{}'\",$=\\]*/[^\[\]{}'\",$\\]*")
"""Values that can only be meant as they stand, even where Hydra's grammar wants them quoted: `~/data (1).txt`, or a run
directory, whose name has `=`."""


@dataclass(slots=True)
class CommandLine:
    """The arguments of `train`, sorted.

    Attributes:
        flags: for Hydra, without `-m`.
        overrides: as typed.
        forced: as Hydra gets them. Hydra stops at the first unknown key; forced in, all of them reach the check.
        single: those of them that have one value, not several (a sweep).
        problems: one line a mistake.
        refused: keys of overrides that are among the problems.
        folders: where configs are looked for.
        unknown_options: groups of which an option is asked for that there is not.
        is_sweep: whether `-m` is there.
        wants_help: whether `--help` is there.
        shows: whether to print a configuration rather than to run it.
    """

    flags: list[str] = field(default_factory=list)
    overrides: list[str] = field(default_factory=list)
    forced: list[str] = field(default_factory=list)
    single: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)
    unknown_options: list[str] = field(default_factory=list)
    is_sweep: bool = False
    wants_help: bool = False
    shows: bool = False


def parse(arguments: Sequence[str]) -> CommandLine:
    """Returns the sorted command line; mistakes in overrides are in its `problems`.

    Raises:
        ConfigError: for a flag that does not exist, or one without its value.
    """
    line = CommandLine(folders=config_dirs(arguments))
    pending = list(arguments)
    while pending:
        argument = pending.pop(0)
        if argument.startswith("-"):
            _take_flag(line, argument, pending)
        else:
            line.overrides.append(argument)
    for folder in line.folders[1:]:
        if not folder.is_dir():
            raise ConfigError(f"--config-dir={folder}: no such folder")
    if "--resolve" in line.flags and not line.shows:
        raise ConfigError("--resolve: goes with --cfg")
    if line.is_sweep and line.shows:
        raise ConfigError("-m: --cfg and --info show one configuration; leave -m away")
    for override in line.overrides:
        _take_override(line, override)
    return line


def _take_flag(line: CommandLine, argument: str, pending: list[str]) -> None:
    name, given, value = argument.partition("=")
    if name not in FLAGS:
        known = [flag for flag in FLAGS if flag.startswith("--") or flag == "-m"]
        whole = _whole_key(name.lstrip("-").replace("-", "_"), line)
        hint = f"{whole} A key has no dashes before it: key=value." if whole else did_you_mean(name, known)
        raise ConfigError(f"{name}: no such flag.{hint} Flags: {', '.join(known)}")
    values = FLAGS[name]
    if name in ("-m", "--multirun"):
        line.is_sweep = True
    elif name in ("-h", "--help"):
        line.wants_help = True
    elif values == ():
        line.flags.append(name)
    else:
        if not given:
            value = pending.pop(0) if pending else ""
        if not value or (values and value not in values):
            allowed = f"one of {', '.join(values)}" if values else "a value"
            raise ConfigError(f"{name}{f'={value}' if value else ''}: takes {allowed}")
        line.flags += [name, value]
        line.shows |= values is not ANY


def _take_override(line: CommandLine, text: str) -> None:
    override, problem = _read(text)
    if override is not None:
        problem = _problem(override, line)
    if override is None or problem:
        key = text.lstrip("+~").partition("=")[0]
        line.problems.append(problem)
        line.refused.append(key)
        line.unknown_options += [key] if key in GROUPS else []
        return
    key, plain = override.key_or_group, str(override.input_line).lstrip("+")
    leaf = not override.is_delete() and (key in SCALARS or ("." in key and not key.startswith("hydra.")))
    line.forced.append(f"++{plain}" if leaf else plain)
    line.single += [] if override.is_sweep_override() else line.forced[-1:]


def _read(text: str) -> tuple[Override | None, str]:
    """Returns a parsed override, or else why there is none."""
    key, equals, value = text.partition("=")
    if not (equals or text.startswith("~")) or not KEY.fullmatch(key):
        return None, f"{text}: not an override; write key=value, or group=option"
    parts = value.split(",")
    quoted = ",".join(f"'{part}'" for part in parts)
    for form in (text, f"{key}={quoted}") if all(map(PLAIN.fullmatch, parts)) else (text,):
        try:
            return OverridesParser.create().parse_override(form), ""
        except HydraException:
            continue
    return None, f"{text}: the value cannot be read; if it is meant as it stands, write \"{key}='{value}'\""


def _problem(override: Override, line: CommandLine) -> str:
    """Returns what is wrong with an override as far as that is known without composing, or an empty string."""
    if override.is_sweep_override() and not line.is_sweep:
        text = str(override.input_line)
        key, _, value = text.partition("=")
        one = f", or if one value is meant, write \"{key}='{value}'\""
        if override.key_or_group in GROUPS:
            one = f', or for all of them in one run, write "{key}=[{value}]"' if key == "logger" else ""
        return f"{text}: several values are a sweep: add -m{one}"
    key = override.key_or_group
    root = re.split(r"[./]", key)[0]
    if root == "hydra":
        allowed = key == "hydra/sweeper" or key.startswith("hydra.sweeper.")
        return "" if allowed else f"{key}: Hydra only composes here; of its own keys only hydra.sweeper's may be set"
    if root not in (*GROUPS, *SCALARS):
        return f"{key}: no such key.{whole}" if (whole := _whole_key(key, line)) else unknown_root(key, root)
    if root in SCALARS and root != key:
        return f"{key}: {root} is a single value and has no keys"
    if key == root and override.package in NESTED and override.value() is None:
        return f"{key}@{override.package}=null: to have none, write {override.package}=null"
    if "/" in key or override.package not in (None, *NESTED):
        return f"{key}: groups are one level deep and keep their place; write {root}=option"
    if override.is_delete() and "." not in key:
        return f"~{key}: every configuration has it; it cannot be removed"
    check = {**dict.fromkeys(GROUPS, option_problem), **dict.fromkeys(SCALARS, _scalar_problem)}.get(key)
    problems = [p for value in _values(override) if check and (p := check(key, value, line.folders))]
    return problems[0] if problems else ""


def _whole_key(word: str, line: CommandLine) -> str:
    """Returns which keys a word may mean that leaves out their group, as `lr` does, or an empty string."""
    found = keys_called(word, [*line.overrides, *(f"--config-dir={folder}" for folder in line.folders[1:])])
    is_named = any(key.rpartition(".")[2] == word for key in found)
    if not found or "." in word or (not is_named and did_you_mean(word, (*GROUPS, *SCALARS))):
        return ""
    return f" Did you mean {' or '.join(map(repr, found))}?"


def _values(override: Override) -> Iterator[Any]:
    """Yields the value, or every value of a list of choices; ranges and the like are left to Hydra."""
    value = override.value()
    if isinstance(value, ChoiceSweep):
        for choice in value.list:
            yield choice.text if isinstance(choice, QuotedString) else choice
    elif not override.is_sweep_override():
        yield value


def _scalar_problem(key: str, value: Any, folders: Sequence[Path]) -> str:
    return scalar_problem(key, value)
