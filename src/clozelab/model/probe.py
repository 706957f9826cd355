"""Packability is probed, not listed: some architectures ignore a packed mask without a word, and give wrong numbers.

Random examples run packed and alone, in eval mode and float32. Where the two differ, batches are padded instead.
"""

from dataclasses import dataclass

import torch
from transformers import PreTrainedModel

from clozelab.model.encoder import Encoder
from clozelab.types import Batch

TOLERANCE = 1e-4
"""Largest difference of a hidden value between packed and alone at which packing counts as exact."""


@dataclass(frozen=True, slots=True)
class Packability:
    """What the probe found.

    Attributes:
        packable: whether packed rows give what separate rows give.
        position_offset: what has to be added to position ids.
        difference: largest absolute difference of a hidden value at the better offset; inf where the model raised.
    """

    packable: bool
    position_offset: int
    difference: float


def probe(base: PreTrainedModel, *, max_length: int) -> Packability:
    """Runs examples of several lengths packed and alone.

    Args:
        base: any encoder; its mode and the random state are left as they were.
        max_length: the encoder's length limit in tokens; one example has this length.
    """
    mode = base.training
    base.eval()
    try:
        with torch.no_grad(), torch.autocast(next(base.parameters()).device.type, enabled=False):
            padding = base.config.pad_token_id
            offsets = (0,) if padding is None else (0, int(padding) + 1)
            alone, batch = _examples(base, max_length)
            results = [Packability(d <= TOLERANCE, o, d) for o in offsets for d in [_difference(base, o, alone, batch)]]
    finally:
        base.train(mode)
    return min(results, key=lambda result: result.difference)


def _examples(base: PreTrainedModel, max_length: int) -> tuple[list[torch.Tensor], Batch]:
    """Returns reference hidden states of each example run alone, and the same examples in two packed rows."""
    device = next(base.parameters()).device
    rest = max_length // 2
    lengths = [[max_length], [rest, max_length // 4, 3, max(3, max_length // 8)]]
    generator = torch.Generator().manual_seed(0)
    shape = (2, max_length)
    # Low ids are special tokens in most vocabularies: a stray padding or mask token would be treated apart.
    low = min(1000, base.config.vocab_size // 2)
    ids = torch.randint(low, base.config.vocab_size, shape, generator=generator)
    types = torch.zeros(shape, dtype=torch.long)
    positions = torch.zeros(shape, dtype=torch.long)
    sequences = torch.full(shape, -1)
    alone = []
    num_types = getattr(base.config, "type_vocab_size", 0)
    for row, row_lengths in enumerate(lengths):
        start = 0
        for number, length in enumerate(row_lengths):
            place = slice(start, start + length)
            if num_types > 1:
                types[row, start + length // 2 : start + length] = 1
            positions[row, place] = torch.arange(length)
            sequences[row, place] = number
            inputs = Batch(ids[row : row + 1, place], types[row : row + 1, place], *_unused(), 0, 0, 0).to(device)
            single = Encoder(base=base, packable=False, position_offset=0, causal=False)
            inputs.sequence_ids = torch.zeros_like(inputs.input_ids)
            alone.append(single(inputs)[0])
            start += length
    batch = Batch(ids, types, positions, sequences, *_unused()[2:], 0, 0, 0).to(device)
    return alone, batch


def _unused() -> tuple[torch.Tensor, ...]:
    """Returns the fields of a batch that an encoder does not read."""
    return tuple(torch.zeros(0, dtype=torch.long) for _ in range(7))


def _difference(base: PreTrainedModel, offset: int, alone: list[torch.Tensor], batch: Batch) -> float:
    encoder = Encoder(base=base, packable=True, position_offset=offset, causal=False)
    try:
        states = encoder(batch)
    except (RuntimeError, ValueError, IndexError, TypeError, AttributeError, KeyError, NotImplementedError):
        return float("inf")  # an architecture may refuse the mask in any way it likes; then it is padded
    largest = 0.0
    examples = [(row, int(n)) for row in range(2) for n in batch.sequence_ids[row].unique() if n >= 0]
    for reference, (row, number) in zip(alone, examples, strict=True):
        packed = states[row][batch.sequence_ids[row] == number]
        difference = float((packed - reference).abs().max())
        largest = max(largest, difference) if difference == difference else float("inf")
    return largest
