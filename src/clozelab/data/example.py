"""One example as it stands in a batch, and what a split must offer so that a loader can draw its examples."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Example:
    """One sequence for the encoder and what there is to predict in it.

    Attributes:
        number: of the example in its split.
        input_ids: (tokens,) special tokens included.
        second_segment: where the tokens of token type 1 begin; the number of tokens if there are none.
        positions: (targets,) place of the first piece of each target.
        lengths: (targets,) pieces of each target.
        targets: (targets,) label ids, or float32 numbers.
        target_ids: (targets, 2) the unit and the place in it that each target belongs to.
        next_sentence: 0 if the second segment follows the first one in its document, 1 if not, None if nobody asks.
    """

    number: int
    input_ids: NDArray[np.integer]
    second_segment: int
    positions: NDArray[np.integer]
    lengths: NDArray[np.integer]
    targets: NDArray[Any]
    target_ids: NDArray[np.int64]
    next_sentence: int | None = None


class Examples(Protocol):
    """Examples that can be drawn in any order, any number of times."""

    def draw(self, number: int, epoch: int | None) -> Example:
        """Returns an example as it is in an epoch of training; None is how every evaluation sees it."""

    def num_tokens(self) -> NDArray[np.int64]:
        """Returns the (approximate) number of tokens of every example, (examples,)."""
