"""The model of a finished run as a folder to hand on: what `transformers.pipeline` and the hub take."""

import json
import logging
import shutil
from pathlib import Path
from typing import Any

import yaml

from clozelab.checkpoint import card_of
from clozelab.config.nodes import instantiate
from clozelab.errors import ConfigError
from clozelab.model.build import load_tokenizer
from clozelab.model.pretrained import length_limit
from clozelab.quiet import quiet_libraries
from clozelab.store.cache import remove
from clozelab.store.runs import Runs, read_run, run_directory
from clozelab.summary import read_metrics

log = logging.getLogger(__name__)


def export_run(run: Path, target: Path) -> None:
    """Writes the model of a completed run into a new folder: safetensors, config, tokenizer, model card.

    Args:
        run: its directory.
        target: does not exist yet, or is empty.

    Raises:
        ConfigError: if it is no completed run, or the target holds something.
    """
    Runs().check(str(run))
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ConfigError(f"{str(target)!r}: holds something already; give a new or an empty folder")
    quiet_libraries()
    folder = run_directory(str(run))
    config: dict[str, Any] = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
    state = read_run(folder)
    task, data = instantiate(config["task"]), instantiate(config["data"])
    card = card_of(
        name=folder.parent.name, identity=state["id"],
        ancestry=state.get("ancestry", []), config=config, metrics=read_metrics(folder), task=task, data=data,
    )  # fmt: skip
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.tmp")
    remove(temporary)
    shutil.copytree(folder / "model", temporary)
    _say_how_texts_are_read(temporary, config["data"].get("max_length"), numbers=state["labels"] == ["value"])
    (temporary / "README.md").write_text(card, encoding="utf-8")
    if target.exists():
        target.rmdir()
    temporary.rename(target)
    print(f"exported  {target}")
    if note := task.note():
        log.warning("plain transformers answers otherwise: %s", note)


def _say_how_texts_are_read(folder: Path, max_length: int | None, *, numbers: bool) -> None:
    """Has the tokenizer cut where the run did, and the config say what numbers are."""
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    tokenizer = load_tokenizer(folder)
    tokenizer.model_max_length = max_length or length_limit(config)
    tokenizer.save_pretrained(str(folder))
    if numbers:  # else a pipeline puts them through a sigmoid
        config["problem_type"] = "regression"
        path.write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
