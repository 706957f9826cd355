"""The typed root of every configuration: a misspelt or mistyped root key in any file is an error."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from clozelab.errors import did_you_mean

GROUPS = ("data", "model", "optimizer", "scheduler", "trainer", "callbacks", "logger", "task", "experiment")
"""Config groups, in the order of the defaults list."""


@dataclass
class Root:
    """Root keys and their types; their values and what they mean are in conf/config.yaml."""

    data: Any = MISSING
    model: Any = MISSING
    optimizer: Any = MISSING
    scheduler: Any = MISSING
    trainer: Any = MISSING
    callbacks: Any = MISSING
    logger: Any = MISSING
    task: Any = MISSING
    seed: int = MISSING
    study: str = MISSING
    name: str | None = MISSING
    output_dir: str = MISSING
    num_threads: int | None = MISSING
    feature_cache_gb: float = MISSING
    rerun: bool = MISSING


ROOT_KEYS = tuple(f.name for f in fields(Root))
SCALARS = tuple(key for key in ROOT_KEYS if key not in GROUPS)

ALLOWED: dict[str, tuple[Callable[[Any], bool], str]] = {
    "seed": (lambda value: value >= 0, "an integer >= 0"),
    "study": (lambda value: _is_folder(value), "the name of a folder below output_dir"),
    "name": (lambda value: value is None or (_is_folder(value) and "/" not in value), "null or the name of a folder"),
    "output_dir": (bool, "a path"),
    "num_threads": (lambda value: value is None or value >= 1, "null or an integer >= 1"),
    "feature_cache_gb": (lambda value: value >= 0, "a number >= 0"),
    "rerun": (lambda value: True, "true or false"),
}
"""What a root scalar may be beyond its type, and how to say so."""


def register(*, typed: bool = True) -> None:
    """Makes the schema known to Hydra.

    Args:
        typed: False lets any root key pass, to look for further mistakes behind a wrong one.
    """
    ConfigStore.instance().store(name="schema", node=Root if typed else {})


def unknown_root(key: str, root: str) -> str:
    """Returns the message for a key whose first part no configuration has."""
    known = (*GROUPS, *SCALARS)
    advice = did_you_mean(root, known) or f" Keys begin with one of: {', '.join(known)}"
    return f"{key}: no such key.{advice}"


def scalar_problem(key: str, value: object) -> str:
    """Returns what is wrong with the value of a root scalar, or an empty string."""
    fits, allowed = ALLOWED[key]
    root = OmegaConf.structured(Root)
    try:
        root[key] = value
        wrong = OmegaConf.is_missing(root, key) or not (OmegaConf.is_interpolation(root, key) or fits(root[key]))
    except OmegaConfBaseException:
        wrong = True
    return f"{key}={value!r}: must be {allowed}" if wrong else ""


def root_problems(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yields (key, message) of every mistake among root keys; `config` need not hold all of them."""
    for key, value in config.items():
        if key not in ROOT_KEYS:
            yield key, unknown_root(key, key)
        elif key in SCALARS and (problem := scalar_problem(key, value)):
            yield key, problem
        elif key not in SCALARS and not isinstance(value, Mapping):
            option = (
                f"; an option is chosen under defaults: `- override /{key}: {value}`" if isinstance(value, str) else ""
            )
            yield key, f"{key}={value!r}: must hold keys and values{option}"


def _is_folder(name: str) -> bool:
    return bool(name) and not name.startswith((".", "/", "~")) and ".." not in name
