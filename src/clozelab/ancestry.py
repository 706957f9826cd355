"""Where a run's weights come from: the run they were taken of, the run before that one, and so on.

Each run writes down the whole line, so that it is known when the earlier runs have been deleted.
"""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clozelab.errors import ConfigError
from clozelab.store.runs import read_config, read_object, read_run, run_directory

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

    Raises:
        ConfigError: if what the nearest left is damaged.
    """
    line = descent(model, model_hash)
    if line:
        _warn(Path(line[0]["path"]), model, data)
    return line


def descent(model: Mapping[str, Any], model_hash: str | None) -> list[dict[str, Any]]:
    """Returns the runs that a model descends from, nearest first, without a word; arguments as for `trace`.

    Raises:
        ConfigError: if the nearest run's own account is damaged.
    """
    folder = run_directory(str(model.get("path", "")))
    if "path" not in model or not (folder / "run.json").exists():
        return []
    parent = read_run(folder)
    for key, kind in (("id", str), ("identity_hash", str), ("ancestry", list)):
        if not isinstance(parent.get(key), kind):
            raise ConfigError(f"{str(folder / 'run.json')!r}: damaged, has no {key}")
    nearest = {
        "id": parent["id"], "identity_hash": parent["identity_hash"], "path": str(folder),
        "model_hash": model_hash, "license": _license(folder, parent),
    }  # fmt: skip
    return [nearest, *parent["ancestry"]]


def _warn(folder: Path, model: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    config = _config(folder)
    if not config:
        return
    then, now = (node.get("attention", "bidirectional") for node in (config["model"], model))
    if then != now:
        log.warning("%s was trained with model.attention=%s, this run goes on with %s", folder, then, now)
    _warn_of_positions(folder, model, data)
    other = [key for key in SPLIT if config["data"].get(key) != data.get(key)]
    if config["data"].get("train") == data.get("train") and other:
        log.warning(
            "%s read the same file with another data.%s: it was trained on texts that are for testing now",
            folder, ", data.".join(other),
        )  # fmt: skip


def _license(folder: Path, parent: Mapping[str, Any]) -> str:
    """Returns the licence of a run's encoder: its own, else that of the run it began from, as that run knew it."""
    own = str(_config(folder).get("model", {}).get("license", "unknown"))
    before = parent["ancestry"]
    return str(before[0].get("license", own)) if own == "unknown" and before else own


def _warn_of_positions(folder: Path, model: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    """Warns if a run may read longer texts than any before it, back to random weights: those positions are random."""
    longest = _longest(folder)
    path = folder / "model" / "config.json"
    if longest is None or not path.exists():
        return
    limit = read_object(path).get("max_position_embeddings", longest)
    now = data.get("max_length") or limit
    if now > longest:
        log.warning(
            "%s and the runs before it read at most %d tokens at once, this one up to %d: later positions have not "
            "been trained; data.max_length=%d stays within", folder, longest, now, longest,
        )  # fmt: skip


def _longest(folder: Path) -> int | None:
    """Returns how many tokens a line of runs read at once; None if its beginning is lost or not of random weights."""
    config = _config(folder)
    if not config:
        return None
    model, own = config["model"], config["data"].get("max_length")
    if "path" in model:
        before = _longest(run_directory(str(model["path"])))
        return None if before is None else max(before, own or before)
    return own or model.get("max_length")


def _config(folder: Path) -> dict[str, Any]:
    return read_config(folder, "model", "data") if (folder / "config.yaml").exists() else {}
