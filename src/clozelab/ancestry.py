"""Where a run's weights come from: the run they were taken of, the run before that one, and so on.

Each run writes down the whole line, so that it is known when the earlier runs have been deleted.
"""

import logging
from collections.abc import Mapping
from typing import Any

import yaml

from clozelab.store.runs import read_run, run_directory

log = logging.getLogger(__name__)


def trace(model: Mapping[str, Any], model_hash: str | None) -> list[dict[str, Any]]:
    """Returns the runs that a model descends from, nearest first; warns if the nearest saw its text otherwise.

    Args:
        model: node of the configuration. Whatever its source: a path that is a run, or its `model` folder, is one.
        model_hash: digest of the files at its path.
    """
    folder = run_directory(str(model.get("path", "")))
    if "path" not in model or not (folder / "run.json").exists():
        return []
    parent = read_run(folder)
    if (folder / "config.yaml").exists():
        config = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
        then, now = (node.get("attention", "bidirectional") for node in (config["model"], model))
        if then != now:
            log.warning("%s was trained with model.attention=%s, this run goes on with %s", folder, then, now)
    nearest = {
        "id": parent.get("id"), "identity_hash": parent.get("identity_hash"), "path": str(folder),
        "model_hash": model_hash,
    }  # fmt: skip
    return [nearest, *parent.get("ancestry", [])]
