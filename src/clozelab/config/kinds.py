"""Task and data of different kinds: one sentence instead of the list of keys that one of them does not know."""

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from clozelab.config.nodes import find_target
from clozelab.config.origin import conf_dir, options, read_yaml
from clozelab.errors import ConfigError

WHAT = {"words": "words with tags", "texts": "texts with labels", "documents": "unlabelled documents"}

SERVING = {"words": ("words",), "texts": ("texts",), "documents": ("documents", "texts")}
"""Bases in conf/data of the options that serve a task of a kind."""

SHOWN = 12


def kind_problem(data: Any, task: Any) -> str:
    """Returns what is wrong with data that a task cannot learn from, or an empty string.

    Args:
        data: node of the configuration.
        task: likewise. Nodes that are none are for the rest of the check.
    """
    try:
        needed = getattr(find_target(task["_target_"]), "kind", None)
        given = getattr(find_target(data["_target_"]), "kind", None)
        read = _read_by(find_target(data["format"]["_target_"]))
    except (ConfigError, KeyError, TypeError):
        return ""
    # Any texts are read as documents by a task that needs them, and these say so already: only words cannot be.
    given = "words" if read == "Sentence" else "texts" if given == "words" and read == "Text" else given
    if needed not in WHAT or given not in WHAT or given == needed:
        return ""
    name = task["_target_"].rpartition(".")[2]
    return f"data: these are {WHAT[given]}, and {name} learns from {WHAT[needed]}; data that serve: {_some(needed)}"


def beside_problems(data: Any) -> Iterator[tuple[str, str]]:
    """Yields keys of corpora beside the data's own (`general`, `more`) that are words with tags, and what is wrong.

    Args:
        data: node of the configuration.
    """
    if not isinstance(data, Mapping):
        return
    more = data.get("more") or {}
    beside = {"general": data.get("general"), **({f"more.{name}": node for name, node in more.items()})}
    for name, node in beside.items():
        try:
            read = _read_by(find_target(node["format"]["_target_"]))
        except (ConfigError, KeyError, TypeError):
            continue
        if read == "Sentence":
            what = f"these are {WHAT['words']}, not documents; data that serve: {_some('documents')}"
            yield f"data.{name}", f"data.{name}: {what}"


def _some(kind: str) -> str:
    found = sorted(serving(kind), key=lambda name: not _reads_own_files(name))
    return ", ".join(found[:SHOWN]) + (", ..." if len(found) > SHOWN else "")


def _read_by(format: type) -> str:
    """Returns what a format yields: `Sentence` or `Text`; an empty string if it does not say."""
    said = str(inspect.get_annotations(format.read).get("return", ""))  # type: ignore[attr-defined]
    return next((name for name in ("Sentence", "Text") if f"{name}]" in said), "")


def serving(kind: str) -> Iterator[str]:
    """Yields the options of data that serve tasks of a kind, those that are made for them first."""
    names = options("data", [conf_dir()])
    for base in SERVING[kind]:
        yield from (name for name in names if base in _bases(name))


def _reads_own_files(name: str) -> bool:
    """Says whether an option reads files of the user's: the one that is looked for most, and hard to guess."""
    source = read_yaml(conf_dir() / "data" / f"{name}.yaml").get("source", {})
    return str(source.get("_target_")).endswith(".Local")


def _bases(name: str) -> set[str]:
    """Returns the files that an option begins from, however indirectly."""
    entries = read_yaml(conf_dir() / "data" / f"{name}.yaml").get("defaults", [])
    direct = {entry for entry in entries if isinstance(entry, str) and "@" not in entry}
    return direct.union(*map(_bases, direct))
