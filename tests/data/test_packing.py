"""Behaviour of the layout of examples in rows."""

import random
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clozelab.data.packing import MULTIPLE, Layout, pack, pad

Place = Callable[[list[int]], Layout]
LENGTHS = st.one_of(
    st.lists(st.integers(1, 512), min_size=1, max_size=60),
    st.lists(st.sampled_from([1, 7, 8, 9, 255, 256, 257, 511, 512]), min_size=1, max_size=60),
    st.lists(st.integers(3, 30), min_size=1, max_size=130),
)
patient = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def area(layout: Layout) -> int:
    return layout.num_rows * layout.row_length


@patient
@given(LENGTHS)
@pytest.mark.parametrize("place", [pack, pad])
def test_every_example_is_placed_inside_a_row_and_no_two_overlap(place: Place, lengths: list[int]) -> None:
    layout = place(lengths)
    assert len(layout.places) == len(lengths)
    rows: dict[int, list[tuple[int, int]]] = {row: [] for row in range(layout.num_rows)}
    for (row, start), length in zip(layout.places, lengths, strict=True):
        rows[row].append((start, start + length))
    for intervals in rows.values():
        assert intervals, "an empty row"
        intervals.sort()
        assert intervals[0][0] == 0
        assert all(end == start for (_, end), (start, _) in pairwise(intervals)), "padding between examples"
        assert intervals[-1][1] <= layout.row_length


@patient
@given(LENGTHS)
@pytest.mark.parametrize("place", [pack, pad])
def test_the_row_length_is_a_multiple_of_eight_and_holds_the_longest(place: Place, lengths: list[int]) -> None:
    layout = place(lengths)
    assert layout.row_length % MULTIPLE == 0
    assert layout.row_length >= max(lengths)
    assert MULTIPLE == 8


@patient
@given(LENGTHS)
def test_packing_never_takes_more_area_than_one_example_a_row(lengths: list[int]) -> None:
    assert area(pack(lengths)) <= area(pad(lengths))


def test_a_batch_of_sentences_is_packed_tightly() -> None:
    draw = random.Random(0)
    for _ in range(50):
        lengths = [min(512, 3 + int(draw.expovariate(1 / 20))) for _ in range(32)]
        assert area(pack(lengths)) <= 1.08 * sum(lengths), lengths


def test_examples_that_fill_rows_exactly_leave_no_tail() -> None:
    lengths = [24, 8, 16, 16, 8, 24, 32]
    layout = pack(lengths)
    assert (layout.num_rows, layout.row_length) == (4, 32)
    assert area(layout) == sum(lengths)


def test_rows_longer_than_the_longest_example_are_taken_if_they_save_area() -> None:
    # At a length of 24, seven rows of 17 used tokens each would be a third empty.
    lengths = [17] * 7
    layout = pack(lengths)
    assert area(layout) < area(pad(lengths))
    assert layout.row_length > 24


def test_rows_are_not_made_longer_than_their_saving_is_worth() -> None:
    # One row of 1032 tokens has a little less area than two of 520, but attention costs twice as much.
    assert pack([512, 512, 8]) == Layout([(0, 0), (1, 0), (0, 512)], 2, 520)


@patient
@given(LENGTHS)
def test_the_same_lengths_give_the_same_layout(lengths: list[int]) -> None:
    assert pack(lengths) == pack(list(lengths)) == pack(tuple(lengths))


@patient
@given(LENGTHS, st.randoms(use_true_random=False))
def test_the_order_of_the_examples_does_not_change_the_size(lengths: list[int], draw: random.Random) -> None:
    shuffled = draw.sample(lengths, len(lengths))
    assert area(pack(shuffled)) == area(pack(lengths))


def test_padding_puts_one_example_in_a_row() -> None:
    assert pad([3, 17, 8]) == Layout([(0, 0), (1, 0), (2, 0)], 3, 24)


@pytest.mark.parametrize("place", [pack, pad])
def test_no_example_is_no_row(place: Place) -> None:
    assert place([]) == Layout([], 0, 8)


@pytest.mark.parametrize(("length", "row_length"), [(1, 8), (8, 8), (9, 16), (512, 512)])
def test_a_single_example_takes_one_row(length: int, row_length: int) -> None:
    assert pack([length]) == Layout([(0, 0)], 1, row_length)
