"""Scoring a finished run once more, with its own weights: the same data read or decoded in another way.

Nothing is trained and nothing of the run itself is changed; what comes out goes into `evaluations/` below it.
"""

import copy
import json
import logging
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from clozelab import environment
from clozelab.config.check import check
from clozelab.errors import ConfigError, DataError, did_you_mean
from clozelab.experiment import build, make_trainer
from clozelab.identity import flatten, identify
from clozelab.quiet import quiet_libraries
from clozelab.scoring import score_all
from clozelab.store.cache import atomic_write
from clozelab.store.hashing import digest
from clozelab.summary import read_metrics

log = logging.getLogger(__name__)

GROUPS = ("task", "data", "num_threads", "trainer")
"""What may be set anew: not what the weights came from."""

FIXED = (
    "data.limit", "data.fraction", "data.fold", "data.split_seed", "data.validation_share", "data.test_share",
    "data.batch_size", "data.micro_batches", "task.head",
)  # fmt: skip
"""What says which examples were trained on and how: they stay what they were."""

FILES = ("data.train", "data.validation", "data.test")


def evaluate(folder: Path, overrides: Sequence[str]) -> Path:
    """Scores the weights of a completed run and returns the folder of the results.

    Args:
        folder: run directory.
        overrides: `key=value`, of the groups in `GROUPS`.

    Raises:
        ConfigError: if there is no such run, or a key or value cannot be.
        DataError: if the data are not what the run was trained on, or have labels that its model does not know.
    """
    quiet_libraries()
    config = changed(read_config(folder), overrides)
    run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    _check(config, run, folder)
    identity = identify(config)
    _check_files(identity.values, run["identity"], {override.partition("=")[0] for override in overrides})
    model = json.loads((folder / "model" / "config.json").read_text(encoding="utf-8"))
    parts = build(config, labels=tuple(model["id2label"].values()))
    target = folder / "evaluations" / digest(list(overrides))[:8]
    target.mkdir(parents=True, exist_ok=True)
    parts.task.eval()
    metrics = score_all(make_trainer(config, target, []), parts.task, parts.data, target)
    about = {
        "overrides": list(overrides), "data": {key: identity.values[key] for key in FILES if key in identity.values},
        "data_counts": parts.data.counts, "code": environment.code(), "packages": environment.packages(),
    }  # fmt: skip
    atomic_write(target / "evaluation.json", json.dumps(about, indent=2, ensure_ascii=False) + "\n")
    atomic_write(target / "metrics.json", json.dumps(metrics, indent=2) + "\n")
    return target


def _check(config: Mapping[str, Any], run: Mapping[str, Any], folder: Path) -> None:
    """Refuses a configuration that cannot be, and says so if that may be the code's doing.

    Raises:
        ConfigError: with every mistake.
    """
    try:
        check(config)
    except ConfigError as error:
        then, now = (run.get("code") or {}).get("commit"), environment.code()["commit"]
        made = f"\n{folder} was made by other code ({then}) than this ({now})" if then != now else ""
        raise ConfigError(f"{error}{made}") from error


def _check_files(now: Mapping[str, Any], then: Mapping[str, Any], overridden: Collection[str]) -> None:
    """Refuses files that are not the run's: scores of other data would pass for those of its own.

    Raises:
        DataError: naming the key.
    """
    for key in FILES:
        if (key == "data.train" or key not in overridden) and now.get(key) != then.get(key):
            advice = "" if key == "data.train" else f"; {key}=... scores another file knowingly"
            raise DataError(f"{key}: the file is not the one that the run was made with{advice}")


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
        if key in FIXED:
            raise ConfigError(f"{key}: cannot be set for a finished run, which was trained with what it is")
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
