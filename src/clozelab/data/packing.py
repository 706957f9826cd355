"""Where the examples of a batch stand in its rows: pure arithmetic on lengths, the same for the same lengths."""

from collections.abc import Sequence
from dataclasses import dataclass

MULTIPLE = 8
"""Row lengths are multiples of this, which matrix kernels like."""


@dataclass(frozen=True, slots=True)
class Layout:
    """A placement.

    Attributes:
        places: (row, first column) of each example.
        num_rows: rows in use.
        row_length: length of every row in tokens.
    """

    places: list[tuple[int, int]]
    num_rows: int
    row_length: int


def pad(lengths: Sequence[int]) -> Layout:
    """Places one example a row, for encoders that cannot be packed."""
    return Layout([(row, 0) for row in range(len(lengths))], len(lengths), _round_up(max(lengths, default=1)))


def pack(lengths: Sequence[int]) -> Layout:
    """Places examples into as little area as a few candidate row lengths allow.

    First-fit decreasing (Johnson 1973) for each candidate: the longest example, and the lengths at which all tokens
    would fill 1, 2, ... rows fewer. Longer rows are wider matrices for attention, so a candidate must save area that
    outweighs them.

    Args:
        lengths: of the examples in tokens, all >= 1.
    """
    if not lengths:
        return pad(lengths)
    total, longest = sum(lengths), _round_up(max(lengths))
    most_rows = max(1, -(-total // longest))
    candidates = {longest} | {
        max(longest, _round_up(-(-total // rows))) for rows in range(max(1, most_rows - 4), most_rows + 1)
    }
    order = sorted(range(len(lengths)), key=lambda i: (-lengths[i], i))
    layouts = [_first_fit(lengths, order, length) for length in sorted(candidates)]
    return min(layouts, key=_cost)


def _cost(layout: Layout) -> float:
    # Attention costs length^2 a row; at a length of about 1,500 it equals the rest of a base-size layer.
    return layout.num_rows * layout.row_length * (1 + layout.row_length / 1500)


def _first_fit(lengths: Sequence[int], order: Sequence[int], row_length: int) -> Layout:
    used: list[int] = []
    places = [(0, 0)] * len(lengths)
    for example in order:
        length = lengths[example]
        row = next((r for r, u in enumerate(used) if u + length <= row_length), len(used))
        if row == len(used):
            used.append(0)
        places[example] = (row, used[row])
        used[row] += length
    return Layout(places, len(used), row_length)


def _round_up(length: int) -> int:
    return -(-length // MULTIPLE) * MULTIPLE
