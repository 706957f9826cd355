"""Scores of predicted numbers: two correlations and the squared error."""

import numpy as np
from numpy.typing import NDArray


def number_metrics(gold: NDArray[np.float32], predicted: NDArray[np.float32]) -> dict[str, float]:
    """Returns `pearson`, `spearman` and `mse`; a correlation that is not defined (a constant side) is 0.

    Where anything is NaN, all three are.

    Spearman's is Pearson's of the ranks, equal values sharing the mean of theirs (Spearman 1904).

    Args:
        gold: (texts,).
        predicted: (texts,).
    """
    a, b = gold.astype(np.float64), predicted.astype(np.float64)
    mse = float(((a - b) ** 2).mean()) if len(a) else 0.0
    if np.isnan(mse):  # ranks would take what is no number for the largest
        return dict.fromkeys(("pearson", "spearman", "mse"), mse)
    return {"pearson": _correlation(a, b), "spearman": _correlation(_ranks(a), _ranks(b)), "mse": mse}


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    if len(a) < 2:
        return 0.0
    a, b = a - a.mean(), b - b.mean()
    norm = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / norm if norm > 0 else 0.0


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return ((last - counts + 1 + last) / 2)[place]
