"""Behaviour of the counter-based random numbers."""

from itertools import pairwise, product

import numpy as np
import pytest
import torch

from clozelab.randomness import Purpose, generator, permutation, torch_seed

AWKWARD_SEEDS = [0, 1, 42, 2**31, 2**32, 2**53 + 1, 2**63 - 1, 2**63, 2**63 + 1, 2**64 - 1, -1, -2]
"""All different modulo 2**64, except that -1 is 2**64 - 1."""


@pytest.mark.parametrize("num_examples", [1, 2, 17, 1000])
def test_an_order_has_every_example_once(num_examples: int) -> None:
    order = permutation(3, 1, num_examples)
    assert order.dtype == np.int64
    assert sorted(order.tolist()) == list(range(num_examples))


def test_an_order_is_a_pure_function_of_seed_and_epoch() -> None:
    first = permutation(7, 2, 100)
    generator(Purpose.ORDER, 7, 2).random(1000)
    np.random.seed(0)
    torch.manual_seed(0)
    assert (permutation(7, 2, 100) == first).all()


def test_orders_differ_between_seeds_and_between_epochs() -> None:
    orders = [tuple(permutation(seed, epoch, 50)) for seed, epoch in product((0, 1, 2, 2**40), (0, 1, 2))]
    assert len(set(orders)) == len(orders)


def test_the_numbers_are_part_of_every_runs_identity_and_never_change() -> None:
    assert permutation(42, 0, 8).tolist() == [5, 1, 4, 7, 3, 0, 2, 6]
    assert permutation(42, 1, 8).tolist() == [1, 3, 5, 2, 7, 6, 0, 4]
    assert torch_seed(Purpose.DROPOUT, 42, 1, 2, 3) == 7270315128287304400
    assert {purpose.name: int(purpose) for purpose in Purpose}.items() >= {
        "ORDER": 1, "DROPOUT": 2, "INITIALISATION": 3, "FRACTION": 4,
    }.items()  # fmt: skip


def test_no_two_seeds_share_a_stream_not_even_negative_or_huge_ones() -> None:
    seeds = [seed for seed in AWKWARD_SEEDS if seed != -1]
    draws = [int(generator(Purpose.ORDER, seed).integers(2**63)) for seed in seeds]
    assert len(set(draws)) == len(draws)


def test_a_seed_is_taken_modulo_2_to_the_64() -> None:
    assert torch_seed(Purpose.ORDER, -1) == torch_seed(Purpose.ORDER, 2**64 - 1)


def test_huge_counters_do_not_run_into_each_other() -> None:
    counters = [2**53, 2**53 + 1, 2**63 - 1, 2**63, 2**63 + 1, 2**64 - 1]
    seeds = [torch_seed(Purpose.DROPOUT, 1, 2, counter) for counter in counters]
    assert len(set(seeds)) == len(seeds)


def test_purposes_have_streams_of_their_own() -> None:
    draws = [int(generator(purpose, 5, 1).integers(2**63)) for purpose in Purpose]
    assert len(set(draws)) == len(draws)


def test_every_counter_matters_in_its_own_place() -> None:
    places = [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (0, 1, 1), (1, 0, 1), (0, 0, 0)]
    seeds = [torch_seed(Purpose.DROPOUT, 9, *place) for place in places]
    assert len(set(seeds)) == len(places)


def test_missing_counters_are_zero() -> None:
    assert torch_seed(Purpose.DROPOUT, 9, 4) == torch_seed(Purpose.DROPOUT, 9, 4, 0, 0)


def test_neighbouring_counters_do_not_continue_each_others_stream() -> None:
    streams = [set(generator(Purpose.DROPOUT, 0, i).integers(2**63, size=2000).tolist()) for i in range(3)]
    assert all(left.isdisjoint(right) for left, right in pairwise(streams))


def test_a_fourth_counter_is_an_error() -> None:
    with pytest.raises(AssertionError, match="at most three counters"):
        generator(Purpose.ORDER, 0, 1, 2, 3, 4)


def test_every_torch_seed_is_one_that_torch_takes() -> None:
    for seed, step in product(AWKWARD_SEEDS, range(20)):
        value = torch_seed(Purpose.DROPOUT, seed, step)
        assert 0 <= value < 2**63
        torch.Generator().manual_seed(value)


def test_bits_of_the_torch_seeds_are_balanced() -> None:
    values = [torch_seed(Purpose.DROPOUT, 0, step) for step in range(500)]
    ones = [sum(value >> bit & 1 for value in values) for bit in range(63)]
    assert all(170 < count < 330 for count in ones), ones  # 250 +- 7 standard deviations
