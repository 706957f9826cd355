"""Packed batches in a pure order: nothing to carry along, so a run resumes from the number of its optimizer step."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray

from clozelab.data.example import Example, Examples
from clozelab.data.packing import pack, pad
from clozelab.randomness import permutation
from clozelab.types import Batch


@final
class Collator:
    """Packs examples into a `Batch`.

    Args:
        pad_token_id: fills row tails.
        packable: False places one example a row.
        split: name of the split the examples are of.
    """

    def __init__(self, *, pad_token_id: int, packable: bool, split: str = "") -> None:
        self.pad_token_id = pad_token_id
        self.packable = packable
        self.split = split

    def __call__(self, examples: Sequence[Example], *, num_step_targets: int, num_step_examples: int) -> Batch:
        """Returns the batch of `examples`; the step's totals are passed through."""
        lengths = [len(example.input_ids) for example in examples]
        layout = pack(lengths) if self.packable else pad(lengths)
        shape = (layout.num_rows, layout.row_length)
        input_ids = np.full(shape, self.pad_token_id, dtype=np.int64)
        position_ids = np.zeros(shape, dtype=np.int64)
        token_type_ids = np.zeros(shape, dtype=np.int64)
        sequence_ids = np.full(shape, -1, dtype=np.int64)
        in_row = [0] * layout.num_rows
        positions = []
        for example, length, (row, start) in zip(examples, lengths, layout.places, strict=True):
            place = slice(start, start + length)
            token_type_ids[row, start + example.second_segment : place.stop] = 1
            input_ids[row, place] = example.input_ids
            position_ids[row, place] = np.arange(length)
            sequence_ids[row, place] = in_row[row]
            in_row[row] += 1
            positions.append(example.positions.astype(np.int64) + row * layout.row_length + start)
        asked = [example.next_sentence for example in examples if example.next_sentence is not None]
        return Batch(
            input_ids=torch.from_numpy(input_ids),
            token_type_ids=torch.from_numpy(token_type_ids),
            position_ids=torch.from_numpy(position_ids),
            sequence_ids=torch.from_numpy(sequence_ids),
            first_token=torch.tensor(layout.places, dtype=torch.long).reshape(-1, 2),
            example_ids=torch.tensor([example.number for example in examples], dtype=torch.long),
            target_positions=_joined(positions, NO_TARGET),
            target_lengths=_joined([example.lengths.astype(np.int64) for example in examples], NO_TARGET),
            targets=_joined([example.targets for example in examples], NO_TARGET),
            target_ids=_joined([example.target_ids for example in examples], np.empty((0, 2), dtype=np.int64)),
            next_sentence=torch.tensor(asked, dtype=torch.long),
            num_step_targets=num_step_targets,
            num_step_examples=num_step_examples,
            num_tokens=sum(lengths),
            split=self.split,
        )


NO_TARGET = np.empty(0, dtype=np.int64)


def _joined(arrays: list[NDArray[Any]], nothing: NDArray[Any]) -> torch.Tensor:
    return torch.from_numpy(np.concatenate(arrays or [nothing]))


@final
class TrainLoader:
    """Every example once an epoch, in the order of (seed, epoch); k micro-batches an optimizer step, always exactly k.

    Where it stands follows from the number of optimizer steps taken, whoever took them: a resumed run continues at the
    next step, mid-epoch.

    Args:
        examples: where they are drawn from.
        numbers: of the examples to train on.
        collate: makes the batches.
        batch_size: examples of an optimizer step.
        micro_batches: k; the first ones of a short last step may be empty.
        seed: of the order.
        num_steps_done: says how many optimizer steps the run has taken so far.
    """

    def __init__(
        self,
        *,
        examples: Examples,
        numbers: NDArray[np.int64],
        collate: Collator,
        batch_size: int,
        micro_batches: int,
        seed: int,
        num_steps_done: Callable[[], int],
    ) -> None:
        assert len(numbers) > 0, "no example to train on"
        self.examples = examples
        self.numbers = numbers
        self.collate = collate
        self.batch_size = batch_size
        self.micro_batches = micro_batches
        self.seed = seed
        self.num_steps_done = num_steps_done

    @property
    def steps_per_epoch(self) -> int:
        """Optimizer steps of one epoch; the last may have fewer examples."""
        return -(-len(self.numbers) // self.batch_size)

    def __len__(self) -> int:
        return self.steps_per_epoch * self.micro_batches

    def __iter__(self) -> Iterator[Batch]:
        epoch, first_step = divmod(self.num_steps_done(), self.steps_per_epoch)
        order = self.numbers[permutation(self.seed, epoch, len(self.numbers))]
        for step in range(first_step, self.steps_per_epoch):
            chosen = order[step * self.batch_size : (step + 1) * self.batch_size]
            drawn = [self.examples.draw(number, epoch) for number in chosen.tolist()]
            num_targets = sum(len(example.positions) for example in drawn)
            # Empty parts come first: the last micro-batch, after which the optimizer steps, always has an example.
            for part in reversed(np.array_split(np.arange(len(drawn)), self.micro_batches)):
                own = [drawn[place] for place in part.tolist()]
                yield self.collate(own, num_step_targets=num_targets, num_step_examples=len(chosen))

    def state_dict(self) -> dict[str, Any]:
        """Returns nothing to remember; its presence tells Lightning that the loader resumes mid-epoch."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores nothing: see `num_steps_done`."""


@final
class EvalLoader:
    """Every example once, sorted by length so that rows fill up; results are put back in order by example number.

    Args:
        examples: where they are drawn from.
        numbers: of the examples.
        collate: makes the batches.
        batch_size: examples of a batch.
    """

    def __init__(self, *, examples: Examples, numbers: NDArray[np.int64], collate: Collator, batch_size: int) -> None:
        self.examples = examples
        self.collate = collate
        self.batch_size = batch_size
        self.numbers = numbers[np.argsort(-examples.num_tokens()[numbers], kind="stable")]

    def __len__(self) -> int:
        return -(-len(self.numbers) // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        for start in range(0, len(self.numbers), self.batch_size):
            part = self.numbers[start : start + self.batch_size].tolist()
            drawn = [self.examples.draw(number, None) for number in part]
            num_targets = sum(len(example.positions) for example in drawn)
            yield self.collate(drawn, num_step_targets=num_targets, num_step_examples=len(part))
