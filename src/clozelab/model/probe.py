"""Packability is probed, not listed: some architectures ignore a packed mask without a word, and give wrong numbers.

Random examples run packed and alone, in eval mode and float32. Where the two differ, batches are padded instead.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from transformers import PreTrainedModel

from clozelab.model.encoder import Encoder
from clozelab.types import Batch

TOLERANCE = 1e-4
"""Largest difference of a hidden value between packed and alone at which packing counts as exact."""

LONGEST = 1024
"""The longest probed example in tokens: attention over 8192 tokens would take minutes on a processor."""

REFUSALS = (
    RuntimeError, ValueError, IndexError, TypeError, AttributeError, KeyError, NotImplementedError, AssertionError,
)  # fmt: skip
"""How an architecture may refuse the packed mask."""


@dataclass(frozen=True, slots=True)
class Packability:
    """What the probe found.

    Attributes:
        packable: whether packed rows give what separate rows give.
        position_offset: what has to be added to position ids.
        sliding_window: how far the local layers see, if they need a mask of their own; else None.
        padding: largest absolute difference of a hidden value between alone and padded, where rows are not packed: an
            architecture whose numbers depend on how far a row is padded cannot be batched at all.
        difference: largest absolute difference of a hidden value under the best of these; inf where the model raised.
    """

    packable: bool
    position_offset: int
    sliding_window: int | None
    difference: float
    padding: float = 0.0


def probe(base: PreTrainedModel, *, max_length: int) -> Packability:
    """Runs examples of several lengths packed and alone.

    Args:
        base: any encoder; its mode and the random state are left as they were.
        max_length: the encoder's length limit in tokens; one example has this length (or `LONGEST`, or what it takes
            to be longer than a local layer sees).
    """
    mode = base.training
    base.eval()
    try:
        with torch.no_grad(), torch.autocast(next(base.parameters()).device.type, enabled=False):
            window = _sliding_window(base)
            length = min(max_length, max(LONGEST, 3 * (window or 0)))
            alone, batch = _examples(base, length)
            results = [_difference(base, offset, window, alone, batch) for offset in _offsets(base)]
            best = min(results, key=lambda result: result.difference)
            if not best.packable:
                best = replace(best, padding=_padding_difference(base, alone, batch))
    finally:
        base.train(mode)
    return best


def _offsets(base: PreTrainedModel) -> Iterator[int]:
    yield 0
    if base.config.pad_token_id is not None:
        yield int(base.config.pad_token_id) + 1


def _sliding_window(base: PreTrainedModel) -> int | None:
    """Returns how far the local layers of an architecture see that has such layers, in tokens to each side."""
    kinds = getattr(base.config, "layer_types", None) or ()
    window = getattr(base.config, "sliding_window", None)
    return int(window) if "sliding_attention" in kinds and window else None


def _examples(base: PreTrainedModel, max_length: int) -> tuple[list[Tensor], Batch]:
    """Returns reference hidden states of each example run alone, and the same examples in two packed rows."""
    half = max_length // 2
    # The first row is longer than the limit, as rows may be: positions restart with each example.
    lengths = [[max_length, 3, half], [half, max_length // 4, 3, max(3, max_length // 8)]]
    width = max(map(sum, lengths))
    # Low ids are special tokens in most vocabularies: a stray padding or mask token would be treated apart.
    low = min(1000, base.config.vocab_size // 2)
    ids = torch.randint(low, base.config.vocab_size, (2, width), generator=torch.Generator().manual_seed(0))
    types, positions = torch.zeros_like(ids), torch.zeros_like(ids)
    sequences = torch.full_like(ids, -1)
    for row, row_lengths in enumerate(lengths):
        start = 0
        for number, length in enumerate(row_lengths):
            if getattr(base.config, "type_vocab_size", 0) > 1:
                types[row, start + length // 2 : start + length] = 1
            positions[row, start : start + length] = torch.arange(length)
            sequences[row, start : start + length] = number
            start += length
    packed = _batch(base, ids, types, positions, sequences)
    single = Encoder(base=base, packable=False, position_offset=0, causal=False)
    alone = []
    for row, number in _numbers(sequences):
        place = sequences[row] == number
        one = [t[row, place][None] for t in (ids, types, positions, sequences)]
        alone.append(single(_batch(base, *one))[0])
    return alone, packed


def _numbers(sequences: Tensor) -> list[tuple[int, int]]:
    """Returns (row, number in it) of every example."""
    return [(row, int(n)) for row in range(len(sequences)) for n in sequences[row].unique() if n >= 0]


def _batch(base: PreTrainedModel, ids: Tensor, types: Tensor, positions: Tensor, sequences: Tensor) -> Batch:
    none = torch.zeros(0, dtype=torch.long)
    return Batch(
        input_ids=ids, token_type_ids=types, position_ids=positions, sequence_ids=sequences, first_token=none,
        example_ids=none, target_positions=none, target_lengths=none, targets=none, target_ids=none,
        next_sentence=none, num_step_targets=0, num_step_examples=0, num_tokens=0,
    ).to(next(base.parameters()).device)  # fmt: skip


def _difference(
    base: PreTrainedModel, offset: int, window: int | None, alone: list[Tensor], batch: Batch
) -> Packability:
    encoder = Encoder(base=base, packable=True, position_offset=offset, causal=False, sliding_window=window)
    try:
        states = encoder(batch)
    except REFUSALS:
        return Packability(False, offset, window, float("inf"))
    largest = 0.0
    for reference, (row, number) in zip(alone, _numbers(batch.sequence_ids), strict=True):
        packed = states[row][batch.sequence_ids[row] == number]
        difference = float((packed - reference).abs().max())
        largest = max(largest, difference) if difference == difference else float("inf")
    return Packability(largest <= TOLERANCE, offset, window, largest)


def _padding_difference(base: PreTrainedModel, alone: list[Tensor], batch: Batch) -> float:
    """Returns the largest difference of a hidden value between examples alone and in one padded batch."""
    width = max(len(states) for states in alone)
    padded = torch.full((len(alone), width), base.config.pad_token_id or 0)
    types, sequences = torch.zeros_like(padded), torch.full_like(padded, -1)
    for place, (row, number) in enumerate(_numbers(batch.sequence_ids.cpu())):
        chosen = batch.sequence_ids[row] == number
        length = int(chosen.sum())
        padded[place, :length], types[place, :length] = batch.input_ids[row][chosen], batch.token_type_ids[row][chosen]
        sequences[place, :length] = 0
    encoder = Encoder(base=base, packable=False, position_offset=0, causal=False)
    states = encoder(_batch(base, padded, types, torch.zeros_like(padded), sequences))
    rows = zip(states, alone, strict=True)
    return max(float((found[: len(reference)] - reference).abs().max()) for found, reference in rows)
