"""Where a run's weights come from: the run they were taken of, the run before that one, and so on.

Each run writes down the whole line, so that it is known when the earlier runs have been deleted.
"""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from clozelab.store.runs import read_run, run_directory

log = logging.getLogger(__name__)


SPLIT = ("fold", "split_seed", "validation_share", "test_share")
"""Keys of data that say which texts of a training file are for testing."""


def trace(model: Mapping[str, Any], data: Mapping[str, Any], model_hash: str | None) -> list[dict[str, Any]]:
    """Returns the runs that a model descends from, nearest first.

    Warns if the nearest saw its text otherwise, or may have been trained on texts that are for testing now.

    Args:
        model: node of the configuration. Whatever its source: a path that is a run, or its `model` folder, is one.
        data: node of the configuration.
        model_hash: digest of the files at its path.
    """
    line = descent(model, model_hash)
    if line:
        _warn(Path(line[0]["path"]), model, data)
    return line


def descent(model: Mapping[str, Any], model_hash: str | None) -> list[dict[str, Any]]:
    """Returns the runs that a model descends from, nearest first, without a word; arguments as for `trace`."""
    folder = run_directory(str(model.get("path", "")))
    if "path" not in model or not (folder / "run.json").exists():
        return []
    parent = read_run(folder)
    nearest = {
        "id": parent.get("id"), "identity_hash": parent.get("identity_hash"), "path": str(folder),
        "model_hash": model_hash,
    }  # fmt: skip
    return [nearest, *parent.get("ancestry", [])]


def _warn(folder: Path, model: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    if not (folder / "config.yaml").exists():
        return
    config = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
    then, now = (node.get("attention", "bidirectional") for node in (config["model"], model))
    if then != now:
        log.warning("%s was trained with model.attention=%s, this run goes on with %s", folder, then, now)
    other = [key for key in SPLIT if config["data"].get(key) != data.get(key)]
    if config["data"]["train"] == data.get("train") and other:
        log.warning(
            "%s read the same file with another data.%s: it was trained on texts that are for testing now",
            folder, ", data.".join(other),
        )  # fmt: skip
