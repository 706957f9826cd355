"""The model of a finished run as a folder to hand on: what `transformers.pipeline` and the hub take."""

import json
import logging
import shutil
from pathlib import Path
from typing import Any, final

from clozelab.checkpoint import card_of, note_of
from clozelab.config.nodes import instantiate, is_node
from clozelab.errors import ConfigError
from clozelab.model.build import load_tokenizer
from clozelab.model.pretrained import length_limit
from clozelab.predict.finished import read_finished
from clozelab.predict.load import load
from clozelab.store.cache import remove
from clozelab.store.runs import read_config
from clozelab.summary import read_metrics
from clozelab.types import NUMBER

log = logging.getLogger(__name__)


def export_run(run: Path, target: Path) -> None:
    """Writes the model of a completed run into a new folder: safetensors, config, tokenizer, model card.

    Args:
        run: its directory.
        target: does not exist yet, or is empty.

    Raises:
        ConfigError: if it is no completed run, or the target holds something.
        DataError: if its weights are damaged.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ConfigError(f"{str(target)!r}: holds something already; give a new or an empty folder")
    finished = read_finished(run)
    load(run, device="cpu")  # what cannot answer here is not handed on
    folder = finished.folder
    # The model is described by what it was before the run, not by the weights it ended with.
    config = {**finished.config, "model": read_config(folder)["model"]}
    task, data = instantiate(config["task"]), instantiate(_without_files(config["data"]))
    card = card_of(
        name=folder.parent.name, identity=finished.state["id"], ancestry=finished.state.get("ancestry", []),
        config=config, metrics=read_metrics(folder), task=task, data=data,
    )  # fmt: skip
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.tmp")
    remove(temporary)
    try:
        shutil.copytree(folder / "model", temporary)
        _say_how_texts_are_read(temporary, config["data"].get("max_length"), numbers=finished.labels == NUMBER)
        (temporary / "README.md").write_text(card, encoding="utf-8")
        if target.exists():
            target.rmdir()
        temporary.rename(target)
    finally:
        remove(temporary)
    print(f"exported  {target}")
    if note := note_of(config=config, task=task, data=data):
        log.warning("plain transformers answers otherwise: %s", note)


@final
class _Anywhere:
    """Stands in for the source of a run's data, which may be gone by now: nobody reads them again."""

    def check(self, path: str) -> None:
        """Takes any path."""


def _without_files(node: dict[str, Any]) -> dict[str, Any]:
    """Returns a data node, and those below it, with a source that asks for no file."""
    below = {key: _without_files(value) if is_node(value) else value for key, value in node.items()}
    return {**below, "source": _Anywhere()} if "source" in node else below


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
