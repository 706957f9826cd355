"""From a finished run to the configuration, the place and the surroundings it would have now."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from clozelab import environment
from clozelab.config.compose import compose
from clozelab.errors import ConfigError, UserError, did_you_mean
from clozelab.identity import LOCATED, Identity, Kind, flatten, kind_of, open_run
from clozelab.record import Run
from clozelab.reproduce.originals import Original

STUDY = "reproduced"
"""Folder of studies that holds reproductions, below the directory of outputs."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A finished run, ready to be launched again.

    Attributes:
        original: the run.
        config: of its reproduction: plain and resolved; in another place, without dashboards.
        run: where it goes.
        identity: as the files are now.
    """

    original: Original
    config: dict[str, Any]
    run: Run
    identity: Identity

    @property
    def is_done(self) -> bool:
        """Whether it has been launched and completed before."""
        return self.run.status == "completed" and not self.config["rerun"]


def rebuild(original: Original, overrides: Sequence[str]) -> Rebuilt:
    """Returns the reproduction of a run; nothing is written.

    Args:
        original: the run.
        overrides: `key=value`, of keys that do not say what is computed.

    Raises:
        ConfigError: if a key cannot be set, the configuration cannot run here, or the place is the original's.
    """
    config = copy.deepcopy(original.config)
    config |= {
        "output_dir": "outputs", "study": f"{STUDY}/{config['study']}", "logger": {}, "rerun": False,
        # Not as requested: `null` takes all threads, and there may be more or fewer here.
        "num_threads": original.run.state.get("numerics", {}).get("num_threads", config["num_threads"]),
    }  # fmt: skip
    for override in overrides:
        _set(config, override)
    try:
        run, identity = open_run(config, lambda key: "")
    except UserError as error:
        raise explained(error, original) from error
    if run.folder.resolve() == original.run.folder.resolve():
        raise ConfigError(f"study={config['study']}: this is where the run itself is; choose another study")
    return Rebuilt(original, config, run, identity)


def explained(error: UserError, original: Original) -> ConfigError:
    """Returns an error of a configuration that once ran, with what may have happened to it since."""
    lines = [f"{original.run.folder}: cannot run here:", *str(error).splitlines()]
    if "no such file or folder" in str(error) or "no such folder" in str(error):
        lines.append("what has moved is named by its key: data.train=PATH, model.path=PATH")
    for parent in original.run.state.get("ancestry", [])[:1]:
        lines.append(f"it began with the model of run {parent['id']} ({str(parent['identity_hash'])[:8]})")
    then, now = (original.run.state.get("code") or {}).get("commit"), environment.code()["commit"]
    if then != now:
        lines.append(f"it was made by other code ({then or 'no commit'}) than this ({now or 'no commit'})")
    return ConfigError("\n  ".join(lines))


def _set(config: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals:
        raise ConfigError(f"{override}: must be key=value; one run or study at a time")
    if key == "logger":
        config["logger"] = compose([override])["logger"]
        return
    known = [name for name, _ in flatten(config)]
    located = key.split(".")[0] in ("data", "model") and key.rpartition(".")[2] in LOCATED
    if located and key not in known:
        raise ConfigError(f"{key}: no such key in this run.{did_you_mean(key, known)}")
    if not located and _kind(key, known) is Kind.IDENTITY:
        if key not in known and key.startswith(("data.", "model.")):  # of which all keys are there
            raise ConfigError(f"{key}: no such key in this run.{did_you_mean(key, known)}")
        raise ConfigError(f"{key}: says what is computed, and stays; clozelab train launches another run")
    node: Any = config
    *path, last = key.split(".")
    for part in path:
        node = node.setdefault(part, {}) if isinstance(node, dict) else None
    if not isinstance(node, dict) or isinstance(node.get(last), Mapping):
        raise ConfigError(f"{key}: no such key.{did_you_mean(key, known)}")
    try:
        node[last] = text if located else yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{override}: the value is not valid YAML") from error


def _kind(key: str, known: Sequence[str]) -> Kind:
    try:
        return kind_of(key)
    except ConfigError as error:
        raise ConfigError(f"{key}: no such key.{did_you_mean(key, known)}") from error
