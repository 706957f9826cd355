"""From a run directory to its model at work: the run's own task, weights and lengths, without its data."""

from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedTokenizerFast

from clozelab.config.nodes import instantiate
from clozelab.data.alignment import overlap_of
from clozelab.errors import ConfigError
from clozelab.evaluate.settings import read_config
from clozelab.model.build import split
from clozelab.predict.predictor import Predictor
from clozelab.predict.question import Pairs
from clozelab.quiet import quiet_libraries
from clozelab.store.runs import Runs, read_run, reads_pairs, run_directory
from clozelab.task.base import Task
from clozelab.types import NUMBER, DataSpec


def load(run: str | Path, *, device: str = "auto") -> Predictor:
    """Returns the model of a finished run, ready to answer.

    Args:
        run: directory of a completed run, outputs/<study>/<name>/seed-<n>.
        device: `cpu`, `cuda`, ...; `auto` takes a GPU if there is one.

    Raises:
        ConfigError: if it is no completed run, or there is no such device.
    """
    Runs().check(str(run))
    quiet_libraries()
    folder = run_directory(str(run))
    config = read_config(folder)
    target = device if device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
    node, task = instantiate(config["model"]), instantiate(config["task"])
    tokenizer = node.tokenizer()
    spec = spec_of(task, config, folder, tokenizer)
    model = node.build(head=task.model_class(spec), labels=spec.labels)
    task.accept(spec=spec, model=model)
    encoder, layers = split(model, max_length=node.max_length(), attention=node.attention)
    task.attach(encoder=encoder, layers=layers)
    try:
        task.eval().to(target)
    except (RuntimeError, AssertionError) as error:  # torch raises either, by device
        raise ConfigError(f"device={device!r}: {str(error).splitlines()[0]}") from error
    length = config["data"].get("max_length") or node.max_length()
    return Predictor(
        task=task, tokenizer=tokenizer, max_length=length, pairs=_pairs(task, folder),
        overlap=overlap_of(config["data"].get("overlap"), length), context=config["data"].get("context", 0),
    )  # fmt: skip


def spec_of(task: Task, config: dict[str, Any], folder: Path, tokenizer: PreTrainedTokenizerFast) -> DataSpec:
    """Returns what the run's data told its task, as far as answering needs it.

    Args:
        task: of the run.
        config: of the run.
        folder: of the run.
        tokenizer: of the run's model.
    """
    labels = tuple(read_run(folder)["labels"])
    return DataSpec(
        kind=task.kind, labels=labels, numbers=task.kind == "texts" and labels == NUMBER, num_examples={},
        pad_token_id=tokenizer.pad_token_id, next_sentence=bool(config["data"].get("next_sentence", False)),
    )  # fmt: skip


def _pairs(task: Task, folder: Path) -> Pairs:
    """Returns whether the run was trained on pairs of texts: its predictions have them."""
    trained_on_pairs = reads_pairs(folder) if task.kind == "texts" else None
    return "maybe" if trained_on_pairs is None else "always" if trained_on_pairs else "never"
