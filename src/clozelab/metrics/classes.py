"""Scores of classes: accuracy, macro F1, Matthews correlation, calibration, and each class by itself."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from clozelab.metrics.tags import tag_metrics

NUM_BINS = 15
"""Bins of the calibration error, as in Guo et al. 2017."""


def class_metrics(
    labels: Sequence[str], gold: NDArray[np.int64], predicted: NDArray[np.int64], score: NDArray[np.float32]
) -> dict[str, float]:
    """Returns `accuracy`, `macro_f1`, `mcc`, `ece`, and `precision`, `recall`, `f1` of each class (`f1/spam`).

    `mcc` is the Matthews correlation coefficient for any number of classes (Gorodkin 2004), 0 where it is not defined;
    a ratio without a denominator is 0, as in scikit-learn.

    Args:
        labels: names.
        gold: (texts,) label ids.
        predicted: (texts,) label ids.
        score: (texts,) probability of the predicted label.
    """
    table = np.zeros((len(labels), len(labels)), dtype=np.int64)
    np.add.at(table, (gold, predicted), 1)
    of_gold, of_predicted, right = table.sum(1), table.sum(0), np.diagonal(table)
    metrics = tag_metrics(labels, gold, predicted)
    metrics["mcc"] = _matthews(of_gold.astype(float), of_predicted.astype(float), float(right.sum()), float(len(gold)))
    metrics["ece"] = calibration_error(score, gold == predicted)
    for i, name in enumerate(labels):
        ratios = {"precision": of_predicted[i], "recall": of_gold[i], "f1": (of_gold[i] + of_predicted[i]) / 2}
        metrics.update({f"{key}/{name}": float(right[i] / total) if total else 0.0 for key, total in ratios.items()})
    return metrics


def calibration_error(score: NDArray[np.float32], right: NDArray[np.bool_]) -> float:
    """Returns the expected calibration error (Guo et al. 2017, equation 3), in [0, 1].

    Args:
        score: (texts,) probability of the prediction.
        right: (texts,) whether it is right.
    """
    if len(score) == 0:
        return 0.0
    # Bins are open at the left, as in the paper: (0, 1/15], ..., (14/15, 1].
    bins = np.clip(np.ceil(score.astype(np.float64) * NUM_BINS).astype(np.int64) - 1, 0, NUM_BINS - 1)
    gaps = np.bincount(bins, weights=right.astype(np.float64) - score, minlength=NUM_BINS)
    return float(np.abs(gaps).sum() / len(score))


def _matthews(of_gold: NDArray[np.float64], of_predicted: NDArray[np.float64], right: float, total: float) -> float:
    spread = (total**2 - of_gold @ of_gold) * (total**2 - of_predicted @ of_predicted)
    return float((right * total - of_gold @ of_predicted) / np.sqrt(spread)) if spread > 0 else 0.0
