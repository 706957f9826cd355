"""Behaviour of packed batches and of their order."""

from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clozelab.data.loader import Collator, EvalLoader, TrainLoader
from clozelab.data.split import Split
from clozelab.store.ragged import RaggedStore
from clozelab.types import Batch

PAD = 7
LABELS = ["O", "B-X", "I-X"]
FIELDS = ("input_ids", "positions", "lengths", "targets", "examples")
NUM_SENTENCES = 30
patient = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Split:
    """Thirty sentences of one to three windows. Token j of window i is the number 1000 i + j + 10, and no other."""
    draw = np.random.default_rng(0)
    fields: dict[str, list[list[int]]] = {name: [] for name in FIELDS}
    first_words: list[list[int]] = []
    for _ in range(NUM_SENTENCES):
        firsts, num_words, own = [], 0, []
        for _ in range(draw.integers(1, 4)):
            length, window = int(draw.integers(3, 40)), len(fields["input_ids"])
            fields["input_ids"].append([1000 * window + j + 10 for j in range(length)])
            places = np.sort(draw.choice(np.arange(1, length - 1), size=draw.integers(1, length - 1), replace=False))
            fields["positions"].append(places.tolist())
            fields["lengths"].append(np.diff(places, append=length - 1).tolist())
            own.append(window)
            firsts.append(num_words)
            num_words += len(places)
        fields["targets"].append(draw.integers(0, 3, size=num_words).tolist())
        fields["examples"].append(own)
        first_words.append(firsts)
    folder = tmp_path_factory.mktemp("loader") / "store"
    RaggedStore.write(folder, {**fields, "first_targets": first_words}, {"labels": LABELS})
    return Split(store=RaggedStore(folder), labels=LABELS[::-1])


def collator(packable: bool = True) -> Collator:
    return Collator(pad_token_id=PAD, packable=packable)


def collate(split: Split, examples: Iterable[int], *, packable: bool = True, **totals: int) -> Batch:
    totals = {"num_step_targets": 1, "num_step_examples": 1, **totals}
    return collator(packable)([split.draw(number, 0) for number in examples], **totals)


def loader(split: Split, **changes: Any) -> TrainLoader:
    done: Callable[[], int] = changes.pop("num_steps_done", lambda: 0)
    arguments = {"batch_size": 8, "micro_batches": 1, "seed": 0, **changes}
    numbers = arguments.pop("examples", np.arange(len(split.input_ids)))
    return TrainLoader(examples=split, numbers=numbers, collate=collator(), num_steps_done=done, **arguments)


def steps(loading: TrainLoader) -> list[list[Batch]]:
    """Returns the micro-batches of every optimizer step of what is left of the epoch."""
    batches = list(loading)
    size = loading.micro_batches
    assert len(batches) % size == 0
    return [batches[start : start + size] for start in range(0, len(batches), size)]


def example_sets(loading: TrainLoader) -> list[list[int]]:
    return [sorted(int(i) for batch in step for i in batch.example_ids) for step in steps(loading)]


@pytest.mark.parametrize("packable", [True, False])
@pytest.mark.parametrize("examples", [[0], [3, 1, 4, 15, 9, 2, 6], list(range(40))])
def test_every_example_of_a_batch_stands_whole_in_a_place_of_its_own(
    examples: list[int], packable: bool, split: Split
) -> None:
    batch = collate(split, examples, packable=packable)
    taken = torch.zeros_like(batch.input_ids, dtype=torch.bool)
    for example, (row, start) in zip(examples, batch.first_token.tolist(), strict=True):
        ids = split.input_ids[example]
        place = (row, slice(start, start + len(ids)))
        assert batch.input_ids[place].tolist() == ids.tolist()
        assert batch.position_ids[place].tolist() == list(range(len(ids)))
        assert len(set(batch.sequence_ids[place].tolist())) == 1
        assert not taken[place].any()
        taken[place] = True
    assert (batch.input_ids[~taken] == PAD).all()
    assert (batch.sequence_ids[~taken] == -1).all()
    assert batch.num_tokens == int(taken.sum())
    assert (batch.token_type_ids == 0).all()
    assert batch.input_ids.shape[1] % 8 == 0
    assert batch.example_ids.tolist() == examples


def test_examples_of_a_row_are_numbered_from_zero(split: Split) -> None:
    batch = collate(split, range(40))
    assert len(batch.input_ids) < 40
    for row in range(len(batch.input_ids)):
        found = sorted(set(batch.sequence_ids[row].tolist()) - {-1})
        assert found == list(range(int((batch.first_token[:, 0] == row).sum())))


def test_without_packing_there_is_one_example_a_row(split: Split) -> None:
    batch = collate(split, [5, 3, 8], packable=False)
    assert batch.first_token.tolist() == [[0, 0], [1, 0], [2, 0]]


@pytest.mark.parametrize("packable", [True, False])
def test_targets_stand_at_the_first_pieces_of_their_words(packable: bool, split: Split) -> None:
    examples = [5, 0, 17, 2, 8, 30]
    batch = collate(split, examples, packable=packable)
    expected = [split.input_ids[i][position] for i in examples for position in split.positions[i]]
    assert batch.input_ids.flatten()[batch.target_positions].tolist() == expected
    assert batch.targets.tolist() == [label for i in examples for label in split.targets(i)]
    for (sentence, word), label in zip(batch.target_ids.tolist(), batch.targets.tolist(), strict=True):
        assert label == split.targets_of(sentence)[word]
    assert {tensor.dtype for tensor in (batch.input_ids, batch.targets, batch.target_ids)} == {torch.int64}


def test_an_empty_micro_batch_is_a_batch(split: Split) -> None:
    batch = collate(split, [], num_step_targets=5)
    assert (len(batch.targets), len(batch.input_ids), batch.num_tokens) == (0, 0, 0)
    assert batch.target_ids.shape == batch.first_token.shape == (0, 2)
    assert {batch.targets.dtype, batch.target_positions.dtype, batch.example_ids.dtype} == {torch.int64}
    assert batch.num_step_targets == 5


@patient
@given(batch_size=st.integers(1, 70), data=st.data(), epoch=st.integers(0, 3))
def test_every_example_comes_once_an_epoch_in_k_micro_batches_a_step(
    batch_size: int, data: st.DataObject, epoch: int, split: Split
) -> None:
    micro_batches = data.draw(st.integers(1, batch_size))
    size = data.draw(st.integers(1, len(split.input_ids)))
    examples = np.arange(len(split.input_ids))[-size:]
    start = epoch * -(-size // batch_size)
    loading = loader(
        split, batch_size=batch_size, micro_batches=micro_batches, examples=examples, num_steps_done=lambda: start
    )
    parts = steps(loading)
    assert len(parts) == loading.steps_per_epoch
    assert sum(len(step) for step in parts) == len(loading)
    assert sorted(i for step in example_sets(loading) for i in step) == examples.tolist()
    for number, step in enumerate(parts):
        left = size - number * batch_size
        assert len(step) == micro_batches
        assert {batch.num_step_examples for batch in step} == {min(batch_size, left)}
        assert {batch.num_step_targets for batch in step} == {sum(len(batch.targets) for batch in step)}
        assert sum(len(batch.example_ids) for batch in step) == min(batch_size, left)
        assert len(step[-1].example_ids) > 0, "the optimizer would step after an empty micro-batch"
        sizes = [len(batch.example_ids) for batch in step]
        assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("micro_batches", [2, 3, 8])
def test_the_examples_of_a_step_do_not_depend_on_the_number_of_micro_batches(micro_batches: int, split: Split) -> None:
    assert example_sets(loader(split, micro_batches=micro_batches)) == example_sets(loader(split))


@pytest.mark.parametrize("micro_batches", [1, 3])
def test_a_loader_that_begins_at_a_later_step_goes_on_exactly_as_a_fresh_one(micro_batches: int, split: Split) -> None:
    fresh = steps(loader(split, micro_batches=micro_batches))
    for done in range(len(fresh)):
        resumed = steps(loader(split, micro_batches=micro_batches, num_steps_done=lambda done=done: done))
        assert len(resumed) == len(fresh) - done
        for ours, theirs in zip(resumed, fresh[done:], strict=True):
            for one, other in zip(ours, theirs, strict=True):
                assert one.example_ids.tolist() == other.example_ids.tolist()
                assert torch.equal(one.input_ids, other.input_ids)


def test_the_number_of_steps_done_is_asked_when_an_epoch_begins(split: Split) -> None:
    done = 0
    loading = loader(split, num_steps_done=lambda: done)
    first = example_sets(loading)
    done = len(first) + 2  # in the second step but one of the second epoch
    second = example_sets(loading)
    done = len(first)
    assert second == example_sets(loading)[2:]
    assert second != first[2:]


def test_orders_differ_between_epochs_and_between_seeds(split: Split) -> None:
    length = loader(split).steps_per_epoch
    orders = [
        str(example_sets(loader(split, seed=seed, num_steps_done=lambda epoch=epoch: epoch * length)))
        for seed in (0, 1, -1)
        for epoch in (0, 1, 2)
    ]
    assert len(set(orders)) == 9


def test_two_loaders_of_one_seed_give_the_same_order(split: Split) -> None:
    orders = [[batch.example_ids.tolist() for batch in loader(split, seed=3)] for _ in range(2)]
    assert orders[0] == orders[1]
    order = list(chain(*orders[0]))
    assert order != sorted(order), "not shuffled"


def test_no_example_at_all_is_an_error(split: Split) -> None:
    with pytest.raises(AssertionError, match="no example"):
        loader(split, examples=np.array([], dtype=np.int64))


def test_the_loader_has_nothing_to_remember(split: Split) -> None:
    loading = loader(split)
    before = example_sets(loading)
    state = loading.state_dict()
    loading.load_state_dict(state)
    assert state == {}
    assert example_sets(loading) == before


@patient
@given(batch_size=st.integers(1, 80), data=st.data())
@pytest.mark.parametrize("packable", [True, False])
def test_evaluation_covers_each_target_once_and_can_put_them_back_in_the_files_order(
    packable: bool, batch_size: int, data: st.DataObject, split: Split
) -> None:
    sentences = sorted(data.draw(st.sets(st.integers(0, NUM_SENTENCES - 1))))
    examples = np.flatnonzero(np.isin(split.unit_of, sentences))
    loading = EvalLoader(examples=split, numbers=examples, collate=collator(packable), batch_size=batch_size)
    batches = list(loading)
    assert len(batches) == len(loading)
    assert all(batch.num_step_targets == len(batch.targets) for batch in batches)
    assert all(batch.num_step_examples == len(batch.example_ids) for batch in batches)
    ids = [tuple(pair) for batch in batches for pair in batch.target_ids.tolist()]
    labels = [label for batch in batches for label in batch.targets.tolist()]
    expected = [(sentence, word) for sentence in sentences for word in range(len(split.targets_of(sentence)))]
    in_order = sorted(zip(ids, labels, strict=True))
    assert [pair for pair, _ in in_order] == expected
    assert [label for _, label in in_order] == [int(label) for s in sentences for label in split.targets_of(s)]


def test_evaluation_batches_are_of_similar_length_and_always_the_same(split: Split) -> None:
    loading = EvalLoader(
        examples=split, numbers=np.arange(len(split.input_ids))[5::2], collate=collator(), batch_size=7
    )
    order = [i for batch in loading for i in batch.example_ids.tolist()]
    lengths = [len(split.input_ids[i]) for i in order]
    assert lengths == sorted(lengths, reverse=True)
    assert order == [i for batch in loading for i in batch.example_ids.tolist()]
