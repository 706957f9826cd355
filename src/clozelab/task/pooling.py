"""From the hidden states of pieces to one vector for each target: a word, or a whole text."""

import torch
from torch import Tensor

from clozelab.types import Batch


def pieces_of_targets(batch: Batch) -> tuple[Tensor, Tensor]:
    """Returns, for every piece of every target, the number of its target and its place in the flattened rows.

    Args:
        batch: of any targets; both results are (pieces,) int64.
    """
    lengths = batch.target_lengths
    target_of = torch.repeat_interleave(lengths)
    first_piece = lengths.cumsum(0) - lengths
    inside = torch.arange(len(target_of), device=lengths.device) - first_piece[target_of]
    return target_of, batch.target_positions[target_of] + inside


def mean_by_target(values: Tensor, target_of: Tensor, lengths: Tensor) -> Tensor:
    """Returns the mean of each target's pieces, (targets, width) in the dtype of `values`.

    Args:
        values: (pieces, width).
        target_of: (pieces,) number of each piece's target.
        lengths: (targets,) pieces of each target, >= 1.
    """
    total = values.new_zeros(len(lengths), values.shape[1], dtype=torch.float32)
    total = total.index_add(0, target_of, values.float())
    return (total / lengths.unsqueeze(1)).to(values.dtype)
