"""The typed root of every configuration: a misspelt or mistyped root key in any file is an error."""

from dataclasses import dataclass, fields
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING

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
    rerun: bool = MISSING


ROOT_KEYS = tuple(f.name for f in fields(Root))
SCALARS = tuple(key for key in ROOT_KEYS if key not in GROUPS)


def register() -> None:
    """Makes the schema known to Hydra."""
    ConfigStore.instance().store(name="schema", node=Root)
