"""What a run directory says about its model, looked through before anything is built: it may be damaged."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clozelab.config.check import check_groups
from clozelab.errors import ConfigError
from clozelab.evaluate.settings import finished_config
from clozelab.store.runs import Runs, read_run, run_directory


@dataclass(frozen=True, slots=True)
class Finished:
    """A completed run.

    Attributes:
        folder: its directory.
        config: of the run, with the weights it ended with in the place of its model.
        state: its run.json.
        labels: that its model has learnt.
    """

    folder: Path
    config: dict[str, Any]
    state: dict[str, Any]
    labels: tuple[str, ...]


def read_finished(run: str | Path) -> Finished:
    """Reads a run directory.

    Args:
        run: outputs/<study>/<name>/seed-<n>, or the `model` folder in it.

    Raises:
        ConfigError: if it is no completed run, is damaged, or was made by code whose keys this code does not know.
    """
    Runs().check(str(run))
    folder = run_directory(str(run))
    config = finished_config(folder)
    try:
        check_groups(config, ("model", "task"))
    except ConfigError as error:
        raise ConfigError(f"{str(folder / 'config.yaml')!r}: this code cannot read it\n{error}") from error
    state = read_run(folder)
    labels = state.get("labels")
    if not isinstance(labels, list):
        raise ConfigError(f"{str(folder / 'run.json')!r}: damaged, has no labels")
    _check_labels(folder, labels)
    return Finished(folder, config, state, tuple(map(str, labels)))


def _check_labels(folder: Path, labels: list[str]) -> None:
    """Refuses a model that has learnt other labels: somebody else's, whose head would not be taken."""
    path = folder / "model" / "config.json"
    try:
        known = list(json.loads(path.read_text(encoding="utf-8")).get("id2label", {}).values())
    except (ValueError, AttributeError) as error:
        raise ConfigError(f"{str(path)!r}: damaged, not a model's config") from error
    if labels and known != labels:
        raise ConfigError(f"{str(path)!r}: has the labels {known}, the run {labels}; this is another run's model")
