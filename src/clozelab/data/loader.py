"""Packed batches in a pure order: nothing to carry along, so a run resumes from the number of its optimizer step."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray

from clozelab.data.packing import pack, pad
from clozelab.data.split import Split
from clozelab.randomness import permutation
from clozelab.types import Batch


@final
class Collator:
    """Turns example numbers into a packed `Batch`.

    Args:
        split: where the examples are.
        pad_token_id: fills row tails.
        packable: False places one example a row.
    """

    def __init__(self, *, split: Split, pad_token_id: int, packable: bool) -> None:
        self.split = split
        self.pad_token_id = pad_token_id
        self.packable = packable

    def __call__(self, examples: Sequence[int], *, num_step_targets: int, num_step_examples: int) -> Batch:
        """Returns the batch of `examples`; the step's totals are passed through."""
        split = self.split
        tokens = [split.input_ids[i] for i in examples]
        lengths = [len(ids) for ids in tokens]
        layout = pack(lengths) if self.packable else pad(lengths)
        shape = (layout.num_rows, layout.row_length)
        input_ids = np.full(shape, self.pad_token_id, dtype=np.int64)
        position_ids = np.zeros(shape, dtype=np.int64)
        token_type_ids = np.zeros(shape, dtype=np.int64)
        sequence_ids = np.full(shape, -1, dtype=np.int64)
        in_row = [0] * layout.num_rows
        positions = []
        for example, ids, (row, start) in zip(examples, tokens, layout.places, strict=True):
            place = slice(start, start + len(ids))
            token_type_ids[row, start + split.second_segment(example) : place.stop] = 1
            input_ids[row, place] = ids
            position_ids[row, place] = np.arange(len(ids))
            sequence_ids[row, place] = in_row[row]
            in_row[row] += 1
            positions.append(split.positions[example].astype(np.int64) + row * layout.row_length + start)
        targets = [split.targets(i) for i in examples]
        owned = [split.owned(i) for i in examples]
        target_ids = [
            np.stack([np.full(len(words), sentence), np.arange(words.start, words.stop)], 1)
            for sentence, words in owned
        ]
        empty = [np.empty(0, dtype=np.int64)]
        return Batch(
            input_ids=torch.from_numpy(input_ids),
            token_type_ids=torch.from_numpy(token_type_ids),
            position_ids=torch.from_numpy(position_ids),
            sequence_ids=torch.from_numpy(sequence_ids),
            first_token=torch.tensor(layout.places, dtype=torch.long).reshape(-1, 2),
            example_ids=torch.tensor(list(examples), dtype=torch.long),
            target_positions=torch.from_numpy(np.concatenate(positions or empty)),
            target_lengths=torch.from_numpy(
                np.concatenate([split.lengths[i] for i in examples] or empty).astype(np.int64)
            ),
            targets=torch.from_numpy(np.concatenate(targets or empty)),
            target_ids=torch.from_numpy(np.concatenate(target_ids or [np.empty((0, 2), dtype=np.int64)])),
            num_step_targets=num_step_targets,
            num_step_examples=num_step_examples,
            num_tokens=sum(lengths),
        )


@final
class TrainLoader:
    """Every example once an epoch, in the order of (seed, epoch); k micro-batches an optimizer step, always exactly k.

    Where it stands follows from the number of optimizer steps taken, whoever took them: a resumed run continues at the
    next step, mid-epoch.

    Args:
        collate: makes the batches.
        examples: numbers of the examples to train on.
        batch_size: examples of an optimizer step.
        micro_batches: k; the first ones of a short last step may be empty.
        seed: of the order.
        num_steps_done: says how many optimizer steps the run has taken so far.
    """

    def __init__(
        self,
        *,
        collate: Collator,
        examples: NDArray[np.int64],
        batch_size: int,
        micro_batches: int,
        seed: int,
        num_steps_done: Callable[[], int],
    ) -> None:
        assert len(examples) > 0, "no example to train on"
        self.collate = collate
        self.examples = examples
        self.batch_size = batch_size
        self.micro_batches = micro_batches
        self.seed = seed
        self.num_steps_done = num_steps_done
        self.num_targets = collate.split.positions.lengths()

    @property
    def steps_per_epoch(self) -> int:
        """Optimizer steps of one epoch; the last may have fewer examples."""
        return -(-len(self.examples) // self.batch_size)

    def __len__(self) -> int:
        return self.steps_per_epoch * self.micro_batches

    def __iter__(self) -> Iterator[Batch]:
        epoch, first_step = divmod(self.num_steps_done(), self.steps_per_epoch)
        order = self.examples[permutation(self.seed, epoch, len(self.examples))]
        for step in range(first_step, self.steps_per_epoch):
            chosen = order[step * self.batch_size : (step + 1) * self.batch_size]
            num_targets = int(self.num_targets[chosen].sum())
            # Empty parts come first: the last micro-batch, after which the optimizer steps, always has an example.
            for part in reversed(np.array_split(chosen, self.micro_batches)):
                yield self.collate(part.tolist(), num_step_targets=num_targets, num_step_examples=len(chosen))

    def state_dict(self) -> dict[str, Any]:
        """Returns nothing to remember; its presence tells Lightning that the loader resumes mid-epoch."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores nothing: see `num_steps_done`."""


@final
class EvalLoader:
    """Every example once, sorted by length so that rows fill up; results are put back in order by example number.

    Args:
        collate: makes the batches.
        examples: numbers of the examples.
        batch_size: examples of a batch.
    """

    def __init__(self, *, collate: Collator, examples: NDArray[np.int64], batch_size: int) -> None:
        lengths = collate.split.input_ids.lengths()[examples]
        self.collate = collate
        self.batch_size = batch_size
        self.examples = examples[np.argsort(-lengths, kind="stable")]

    def __len__(self) -> int:
        return -(-len(self.examples) // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        for start in range(0, len(self.examples), self.batch_size):
            part = self.examples[start : start + self.batch_size].tolist()
            num_targets = sum(len(self.collate.split.positions[i]) for i in part)
            yield self.collate(part, num_step_targets=num_targets, num_step_examples=len(part))
