"""Word-level scores of plain tags (parts of speech, chunk tags taken singly)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def tag_metrics(labels: Sequence[str], gold: NDArray[np.int64], predicted: NDArray[np.int64]) -> dict[str, float]:
    """Returns accuracy and macro F1 (`macro_f1`).

    Macro F1 is the unweighted mean over the labels that occur in gold or prediction, as in scikit-learn; a label with
    nothing right counts as 0.

    Args:
        labels: label names.
        gold: (words,) label ids.
        predicted: (words,) label ids.
    """
    if len(gold) == 0:
        return {"accuracy": 0.0, "macro_f1": 0.0}
    right = np.bincount(gold[gold == predicted], minlength=len(labels))
    total = np.bincount(gold, minlength=len(labels)) + np.bincount(predicted, minlength=len(labels))
    f1 = 2 * right[total > 0] / total[total > 0]
    return {"accuracy": float(right.sum() / len(gold)), "macro_f1": float(f1.mean())}
