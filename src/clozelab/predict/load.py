"""From a run directory to its model at work: the run's own task, weights and lengths, without its data."""

import logging
from pathlib import Path

import torch
from transformers import PreTrainedTokenizerFast

from clozelab.config.nodes import instantiate
from clozelab.data.alignment import overlap_of
from clozelab.errors import ConfigError
from clozelab.model.build import split
from clozelab.predict.finished import Finished, read_finished
from clozelab.predict.predictor import Predictor
from clozelab.predict.question import Pairs
from clozelab.quiet import only, quiet_libraries
from clozelab.store.runs import reads_pairs
from clozelab.task.base import Task
from clozelab.types import NUMBER, DataSpec


def load(run: str | Path, *, device: str = "auto") -> Predictor:
    """Returns the model of a finished run, ready to answer.

    Args:
        run: directory of a completed run, outputs/<study>/<name>/seed-<n>.
        device: `cpu`, `cuda`, ...; `auto` takes a GPU if there is one.

    Raises:
        ConfigError: if it is no completed run or damaged, or there is no such device.
        DataError: if its weights are damaged.
    """
    quiet_libraries()
    with only(logging.WARNING, "clozelab.model"):  # not what is said of every model that is built
        return _load(read_finished(run), device)


def _load(finished: Finished, device: str) -> Predictor:
    config = finished.config
    target = device if device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
    node, task = instantiate(config["model"]), instantiate(config["task"])
    tokenizer = node.tokenizer()
    spec = spec_of(task, finished, tokenizer)
    model = node.build(head=task.model_class(spec), labels=spec.labels, whole=True)
    task.accept(spec=spec, model=model)
    encoder, layers = split(model, max_length=node.max_length(), attention=node.attention)
    task.attach(encoder=encoder, layers=layers)
    try:
        task.eval().to(target)
    except (RuntimeError, AssertionError) as error:  # torch raises either, by device
        raise ConfigError(f"device={device!r}: {str(error).splitlines()[0]}") from error
    length = config["data"].get("max_length") or node.max_length()
    return Predictor(
        task=task, tokenizer=tokenizer, max_length=length, pairs=_pairs(task, finished.folder),
        overlap=overlap_of(config["data"].get("overlap"), length), context=config["data"].get("context", 0),
    )  # fmt: skip


def spec_of(task: Task, finished: Finished, tokenizer: PreTrainedTokenizerFast) -> DataSpec:
    """Returns what the run's data told its task, as far as answering needs it.

    Args:
        task: of the run.
        finished: the run.
        tokenizer: of the run's model.
    """
    labels = finished.labels
    return DataSpec(
        kind=task.kind, labels=labels, numbers=task.kind == "texts" and labels == NUMBER, num_examples={},
        pad_token_id=tokenizer.pad_token_id, next_sentence=bool(finished.config["data"].get("next_sentence", False)),
    )  # fmt: skip


def _pairs(task: Task, folder: Path) -> Pairs:
    """Returns whether the run was trained on pairs of texts: its predictions have them."""
    trained_on_pairs = reads_pairs(folder) if task.kind == "texts" else None
    return "maybe" if trained_on_pairs is None else "always" if trained_on_pairs else "never"
