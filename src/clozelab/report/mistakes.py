"""What the runs of a cell get wrong: confusions, numbers missed, and the hardest examples, from predictions/."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from clozelab.compare.cells import Cell
from clozelab.compare.predictions import Predictions, aligned, has_predictions, read_predictions
from clozelab.errors import ConfigError

MAX_CELLS = 24
"""Cells whose predictions are read."""
NUM_HARDEST = 20
NUM_LABELS = 30
"""Labels of a confusion matrix, the most frequent; the others are taken together."""
NUM_NUMBERS = 1_000
"""Points of a scatter of numbers."""
CONTEXT = 10
"""Words shown on each side of a hard word."""
NUM_CHARACTERS = 400
"""Of a text, or of the words on one side."""
OTHERS = "(others)"

Item = dict[str, Any]


def mistakes(cell: Cell, split: str) -> Item:
    """Returns what a cell gets wrong in a split: `hardest` and one of `entities`, `confusion` and `numbers`.

    `none` says why there is no such plot, or nothing at all.

    Args:
        cell: to look at.
        split: `val` or `test`.
    """
    if not cell.done:
        return {"none": "No run of this cell has finished."}
    if not all(has_predictions(run, split) for run in cell.done):
        return {"none": "A run has no predictions of this split."}
    try:
        read = [read_predictions(run, split) for run in cell.done]
    except ConfigError as error:
        return {"none": str(error)}
    # Seeds that were scored on other examples, such as other folds, cannot be shown beside the first.
    same = [own for own in read if own.examples.equals(read[0].examples)]
    found: Item = {"n": len(same), "hardest": _hardest(same)}
    if entities := _entities(cell, split):
        return found | {"entities": entities}
    if "positions" in read[0].examples.column_names:
        return found | {"none": "Masked tokens have too many classes for a table."}
    return found | ({"confusion": _confusion(same)} if read[0].labels else {"numbers": _numbers(same)})


def _entities(cell: Cell, split: str) -> list[Item]:
    """Returns the F1 of each type of entities over the seeds."""
    for name in ("f1_conlleval", "f1_strict"):
        start = f"{split}/{name}/"
        known = dict.fromkeys(metric for run in cell.done for metric in run.metrics if metric.startswith(start))
        found = [(metric.removeprefix(start), cell.summary(metric)) for metric in known]
        if found:
            return [{"type": of, "metric": name, "mean": s.mean, "std": s.std, "n": s.n} for of, s in found if s]
    return []


def _confusion(seeds: Sequence[Predictions]) -> Item:
    """Returns the labels and how often a gold one (row) was predicted as another (column), all seeds together."""
    whole = aligned(seeds)
    labels = whole[0].labels
    table = np.zeros((len(labels), len(labels)), dtype=np.int64)
    for read in whole:
        np.add.at(table, (read.gold, read.predicted), 1)
    if len(labels) > NUM_LABELS:
        frequent = np.sort(np.argsort(-table.sum(1), kind="stable")[: NUM_LABELS - 1])
        group = np.full(len(labels), NUM_LABELS - 1)
        group[frequent] = np.arange(NUM_LABELS - 1)
        small = np.zeros((NUM_LABELS, NUM_LABELS), dtype=np.int64)
        np.add.at(small, (group[:, None], group[None, :]), table)
        labels, table = [*(labels[i] for i in frequent), OTHERS], small
    return {"labels": labels, "table": table.tolist()}


def _numbers(seeds: Sequence[Predictions]) -> Item:
    gold, predicted = seeds[0].gold, np.mean([read.predicted for read in seeds], axis=0)
    kept = np.unique(np.linspace(0, len(gold) - 1, min(NUM_NUMBERS, len(gold))).round().astype(int))
    points = {"gold": gold[kept], "predicted": predicted[kept]}
    return {"all": len(gold), **{name: [float(f"{v:.4g}") for v in values] for name, values in points.items()}}


def _hardest(seeds: Sequence[Predictions]) -> list[Item]:
    """Returns the words, texts or masked tokens of the highest loss, averaged over the seeds."""
    first = seeds[0]
    loss = np.mean([read.loss for read in seeds], axis=0)
    order = np.argsort(-np.nan_to_num(loss, nan=-np.inf), kind="stable")[:NUM_HARDEST]
    example = np.cumsum(first.starts) - 1
    start = np.flatnonzero(first.starts)
    return [
        {
            "loss": float(loss[i]),
            "gold": _name(first, first.gold[i]),
            "predicted": _together(seeds, int(i)),
            "text": _text(first.examples.slice(int(example[i]), 1).to_pylist()[0], int(i - start[example[i]])),
        }
        for i in order
    ]


def _name(read: Predictions, value: Any) -> str:
    return read.labels[int(value)] if read.labels else f"{float(value):.3g}"


def _together(seeds: Sequence[Predictions], i: int) -> str:
    """Returns what the seeds predict: the mean of numbers, a label with the number of seeds where they disagree."""
    if not seeds[0].labels:
        return f"{np.mean([read.predicted[i] for read in seeds]):.3g}"
    names = [_name(read, read.predicted[i]) for read in seeds]
    counts = Counter(names)
    return names[0] if len(counts) == 1 else ", ".join(f"{name} ({n})" for name, n in counts.most_common(3))


def _text(example: Item, place: int) -> list[str]:
    """Returns an example as what comes before the word that is meant, the word, and what comes after it."""
    if "words" in example:
        words = example["words"]
        before, after = words[max(0, place - CONTEXT) : place], words[place + 1 : place + 1 + CONTEXT]
        return [" ".join(before)[-NUM_CHARACTERS:], words[place][:NUM_CHARACTERS], " ".join(after)[:NUM_CHARACTERS]]
    if "positions" in example:
        return [f"passage {example['id']}, token {example['positions'][place]}", "", ""]
    parts = [str(example[name]) for name in ("text", "text_pair") if example.get(name) is not None]
    cut = [part if len(part) <= NUM_CHARACTERS else part[:NUM_CHARACTERS] + " …" for part in parts]
    return [" | ".join(cut), "", ""]
