"""Random numbers as pure functions of what they are for: nothing is carried along, so nothing can diverge.

Every draw comes from Philox (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"), keyed by the seed and
the purpose, with the counter set from epoch, step or example. Example order, masks and dropout therefore depend neither
on the number of workers nor on where a run was interrupted.
"""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray


class Purpose(IntEnum):
    """What a draw is for; each purpose has a stream of its own. Numbers are part of every run's identity."""

    ORDER = 1
    DROPOUT = 2
    INITIALISATION = 3
    FRACTION = 4
    ANCHORS = 5
    SEGMENTS = 6
    MASKS = 7
    COMPARISON = 8


def generator(purpose: Purpose, seed: int, *counters: int) -> np.random.Generator:
    """Returns the generator of `purpose` under `seed` at up to three counters (epoch, step, example, ...)."""
    assert len(counters) <= 3, f"at most three counters, got {counters}"
    # The lowest word is the generator's own counter, so streams of different counters never meet.
    counter = np.array([0, *counters, *([0] * (3 - len(counters)))], dtype=np.uint64)
    # A plain list would pass through float64 above 2**63, where neighbouring (and all negative) seeds coincide.
    key = np.array([seed % 2**64, int(purpose)], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=counter))


def permutation(seed: int, epoch: int, num_examples: int) -> NDArray[np.int64]:
    """Returns the order of the examples in `epoch`, (num_examples,) int64."""
    return generator(Purpose.ORDER, seed, epoch).permutation(num_examples)


def torch_seed(purpose: Purpose, seed: int, *counters: int) -> int:
    """Returns a seed for torch's generator, 0 <= seed < 2**63."""
    return int(generator(purpose, seed, *counters).integers(2**63))
