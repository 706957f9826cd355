"""Scoring a split with the weights a model has: the metrics, every prediction, and what went wrong."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytorch_lightning as pl

from clozelab.data.module import DataModule
from clozelab.errors import DataError
from clozelab.metrics.errors import Tagged, analyse, surface_forms
from clozelab.store.cache import atomic_write
from clozelab.task.base import Task
from clozelab.types import Scored


def score_all(
    trainer: pl.Trainer, task: Task, data: DataModule, folder: Path, *, trained: DataModule | None
) -> dict[str, float]:
    """Scores every split that is to be; writes predictions/ and errors.json into `folder`.

    Args:
        trainer: to score with.
        task: with its weights.
        data: to be scored.
        folder: for the files.
        trained: data whose training split the weights have learnt from; None if they are not here.

    Returns:
        Metrics of all, as `val/...` and `test/...` (`train/...`, `all/...`), and `general/...` of a general
        corpus.

    Raises:
        DataError: if the number of scored words is not the number of words in the file.
    """
    metrics: dict[str, float] = {}
    errors: dict[str, Any] = {}
    seen = None if trained is None else _entities_of_training(trained)
    for split in data.evaluated:
        metrics.update(_score(split, trainer, task, data))
        write_predictions(folder / "predictions" / f"{split}.parquet", task.scored, data, split)
        if data.kind != "documents":
            errors[split] = analyse(_tagged(task.scored, data, split), seen)
    if errors:
        atomic_write(folder / "errors.json", json.dumps(errors, indent=1, ensure_ascii=False) + "\n")
    return metrics


def score_before(trainer: pl.Trainer, task: Task, data: DataModule) -> dict[str, float]:
    """Scores every split with the weights that training begins from; returns what the task compares, `..._before`."""
    metrics: dict[str, float] = {}
    for split in data.evaluated:
        found = _score(split, trainer, task, data)
        metrics.update({f"{name}_before": found[name] for name in found if name.partition("/")[2] in task.compared})
    return metrics


def _score(split: str, trainer: pl.Trainer, task: Task, data: DataModule) -> dict[str, float]:
    if split == "validation":
        trainer.validate(task, datamodule=data, verbose=False)
    else:
        trainer.test(task, dataloaders=data.eval_dataloader(split), verbose=False)
        task.results = {name.replace("test/", f"{split}/", 1): value for name, value in task.results.items()}
    if len(task.scored.gold) != data.num_targets(split):
        raise DataError(f"{split}: {len(task.scored.gold)} {data.kind} scored of {data.num_targets(split)} in the file")
    task.cross_check(task.scored, {name.partition("/")[2]: value for name, value in task.results.items()})
    return task.results


def _tagged(scored: Scored, data: DataModule, split: str) -> Tagged:
    starts = scored.sentence_starts()
    parts = [data.splits[split].parts(unit) for unit in scored.sentence[starts].tolist()]
    words = [word for own in parts for word in own] if data.kind == "words" else [" | ".join(own) for own in parts]
    return Tagged(data.spec.labels, scored.gold, scored.predicted, starts, words, scored.loss)


def _entities_of_training(data: DataModule) -> frozenset[tuple[str, ...]]:
    if data.kind != "words":
        return frozenset()
    train = data.splits["train"]
    chosen = data.chosen["train"].tolist()
    words = [train.parts(unit) for unit in chosen]
    starts = np.concatenate([np.arange(len(own)) == 0 for own in words])
    tags = np.concatenate([train.targets_of(unit) for unit in chosen])
    return surface_forms(tags, starts, [word for own in words for word in own], data.spec.labels)


def write_predictions(path: Path, scored: Scored, data: DataModule, split: str) -> None:
    """Writes one row a sentence, text or passage.

    Columns: id; `words`, and of each word gold, prediction, its probability and loss; or `text` (and `text_pair`),
    gold, prediction, its probability (null of numbers) and loss; or, of the masked tokens of a passage, `positions`,
    and of each gold, prediction, its probability and loss.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    starts = scored.sentence_starts().nonzero()[0].tolist()
    ids = [int(scored.sentence[start]) for start in starts]
    # Some models have more outputs than their tokenizer has tokens.
    num_names = max(len(data.target_names()), int(scored.predicted.max(initial=0)) + 1)
    names = pa.array([*data.target_names(), *[""] * num_names][:num_names])
    columns: dict[str, pa.Array] = {
        "gold": pa.array(scored.gold), "prediction": pa.array(scored.predicted),
        "score": pa.array(scored.score, from_pandas=True), "loss": pa.array(scored.loss),
    }  # fmt: skip
    if not data.spec.numbers:
        columns.update({name: names.take(columns[name]) for name in ("gold", "prediction")})
    if data.kind == "documents":
        columns["positions"] = pa.array(scored.word)
    if data.kind != "texts":
        offsets = pa.array([*starts, len(scored.gold)], pa.int32())
        columns = {name: pa.ListArray.from_arrays(offsets, values) for name, values in columns.items()}
    read: dict[str, list[Any]] = {}
    parts = [] if data.kind == "documents" else [data.splits[split].parts(unit) for unit in ids]
    if data.kind == "words":
        read = {"words": parts}
    elif data.kind == "texts":
        read = {name: list(own) for name, own in zip(("text", "text_pair"), zip(*parts, strict=True), strict=False)}
    pq.write_table(pa.table({"id": ids, **read, **columns}), path)
