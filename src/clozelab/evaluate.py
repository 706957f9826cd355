"""Scoring a finished run once more, with its own weights: the same data read or decoded in another way.

Nothing is trained and nothing of the run itself is changed; what comes out goes into `evaluations/` below it.
"""

import copy
import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from clozelab.config.check import check
from clozelab.errors import ConfigError, DataError, did_you_mean
from clozelab.experiment import build, make_trainer
from clozelab.identity import flatten
from clozelab.quiet import quiet_libraries
from clozelab.scoring import score_all
from clozelab.store.cache import atomic_write
from clozelab.store.hashing import digest
from clozelab.summary import read_metrics

log = logging.getLogger(__name__)

GROUPS = ("task", "data", "num_threads", "trainer")
"""What may be set anew: not what the weights came from."""


def evaluate(folder: Path, overrides: Sequence[str]) -> Path:
    """Scores the weights of a completed run and returns the folder of the results.

    Args:
        folder: run directory.
        overrides: `key=value`, of the groups in `GROUPS`.

    Raises:
        ConfigError: if there is no such run, or a key or value cannot be.
        DataError: if the labels of the data are not those of the model.
    """
    quiet_libraries()
    config = changed(read_config(folder), overrides)
    check(config)
    parts = build(config)
    labels = json.loads((folder / "model" / "config.json").read_text(encoding="utf-8"))["id2label"]
    if (names := tuple(labels.values())) != parts.spec.labels:
        only = sorted(set(parts.spec.labels) ^ set(names))
        raise DataError(f"{folder}: its model has other labels than the data: {', '.join(only)}")
    target = folder / "evaluations" / digest(sorted(overrides))[:8]
    target.mkdir(parents=True, exist_ok=True)
    parts.task.eval()
    trainer = make_trainer(config, target, [])
    metrics = score_all(trainer, parts.task, parts.data, target)
    atomic_write(target / "metrics.json", json.dumps(metrics, indent=2) + "\n")
    atomic_write(target / "overrides.yaml", yaml.safe_dump(list(overrides)))
    return target


def read_config(folder: Path) -> dict[str, Any]:
    """Returns the configuration of a completed run, with the weights it ended with in the place of its model.

    Raises:
        ConfigError: if it is not the directory of a completed run.
    """
    read_metrics(folder)  # refuses anything else
    if missing := [name for name in ("config.yaml", "model/config.json") if not (folder / name).exists()]:
        raise ConfigError(f"{str(folder)!r}: has no {missing[0]}; only the directory of a run can be scored anew")
    config: dict[str, Any] = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
    config["model"] = {
        "_target_": "clozelab.model.pretrained.Pretrained",
        "source": {"_target_": "clozelab.store.local.Local"},
        "path": str(folder / "model"),
        "attention": config["model"].get("attention", "bidirectional"),
    }
    return config


def changed(config: Mapping[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """Returns a configuration with dotted keys set to new values, read as YAML.

    Raises:
        ConfigError: for anything but `key=value` with a key that may be set here. Whether the constructor behind it has
            such a key is for `config.check` to say.
    """
    result = copy.deepcopy(dict(config))
    known = [key for key, _ in flatten(config) if key.split(".")[0] in GROUPS]
    for override in overrides:
        key, equals, text = override.partition("=")
        if not equals:
            raise ConfigError(f"{override}: must be key=value, such as task.decoding=viterbi; one run at a time")
        group, *path = key.split(".")
        if group not in GROUPS or (not path and group != "num_threads"):
            raise ConfigError(f"{key}: cannot be set for a finished run.{did_you_mean(key, known)} {_allowed()}")
        node: Any = result
        for part in (group, *path)[:-1]:
            node = node.setdefault(part, {}) if isinstance(node, dict) else None
        if not isinstance(node, dict):
            raise ConfigError(f"{key}: no such key.{did_you_mean(key, known)}")
        node[(group, *path)[-1]] = _value(override, text)
    return result


def _value(override: str, text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{override}: the value is not valid YAML") from error


def _allowed() -> str:
    return f"Keys begin with {', '.join(f'{group}.' for group in GROUPS if group != 'num_threads')} or are num_threads"
