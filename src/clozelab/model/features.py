"""What a frozen encoder makes of its examples: computed once, then read from the disk by every epoch and every run.

An entry of the cache is named by all that it depends on: the encoder's weights and how it is run, the batches it is
given, and which of their states the task reads. Only these are kept: one vector of a text that is read by its [CLS].
"""

import hashlib
import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol, final

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress
from torch import Tensor
from transformers import PreTrainedModel

from clozelab.errors import DataError
from clozelab.model.encoder import Encoder
from clozelab.store.cache import build_once, cache_dir
from clozelab.store.hashing import digest
from clozelab.store.ragged import RaggedStore, Writer
from clozelab.types import Batch

log = logging.getLogger(__name__)

Places = Callable[[Batch], Tensor]
"""Says of a batch which places of its flattened rows are read, (places,) int64."""

VERSION = 1
"""Raise it when the layout or the meaning of an entry changes."""

NAMES = ("_name_or_path", "id2label", "label2id", "architectures", "problem_type")
"""What a model's config says beside what the encoder computes."""


class Batches(Protocol):
    """The batches of a split, the same whenever they are asked for."""

    def __iter__(self) -> Any: ...

    def __len__(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Machine:
    """How an encoder is run.

    Attributes:
        device: to run it on.
        precision: opens the context to run it in.
        numerics: names precision, kernels and versions: what changes last bits.
    """

    device: torch.device
    precision: Callable[[], AbstractContextManager[Any]]
    numerics: Mapping[str, Any]


@final
class Features:
    """Takes the place of a frozen encoder's forward pass.

    Args:
        folders: of each split, as `remember` made them.
        places: which states are kept.
        hidden_size: width of the hidden states.
    """

    def __init__(self, *, folders: Mapping[str, Path], places: Places, hidden_size: int) -> None:
        self._stores = {split: RaggedStore(folder) for split, folder in folders.items()}
        self._row_of = {split: _inverse(store["example_ids"].values) for split, store in self._stores.items()}
        self._places = places
        self._hidden_size = hidden_size

    def __call__(self, batch: Batch) -> Tensor:
        """Returns the hidden states of a batch, (rows, row_length, hidden); NaN wherever the task does not read."""
        where, counts = _by_example(batch, self._places(batch))
        store = self._stores[batch.split]
        rows = [store["states"][row] for row in self._row_of[batch.split][batch.example_ids.cpu().numpy()].tolist()]
        stored: torch.dtype = getattr(torch, store.header["stored"])
        width = self._hidden_size * stored.itemsize
        assert [len(row) for row in rows] == (counts * width).tolist(), "other places than were stored"
        states = torch.from_numpy(np.concatenate(rows).reshape(-1, width)).view(stored)
        states = states.to(batch.input_ids.device, getattr(torch, store.header["given"]))
        hidden = states.new_full((batch.input_ids.numel(), self._hidden_size), torch.nan)
        hidden[where] = states
        return hidden.view(*batch.input_ids.shape, self._hidden_size)


def remember(
    *, encoder: Encoder, splits: Mapping[str, Batches], places: Places, machine: Machine, limit_gb: float
) -> Features | None:
    """Returns the states of all examples, computed now unless the cache has them; None where they are too many.

    Args:
        encoder: that keeps its weights.
        splits: the batches of each split, in the order of evaluation.
        places: which states are read, for an example always the same ones.
        machine: how to run the encoder.
        limit_gb: of all splits, in 10^9 bytes; over it, a warning says what would be needed.

    Raises:
        DataError: if the cache cannot be written.
    """
    stored = next(encoder.base.parameters()).dtype
    found = {split: _survey(batches, places) for split, batches in splits.items()}
    num_examples = sum(survey.num_examples for survey in found.values())
    num_bytes = sum(survey.num_places for survey in found.values()) * encoder.hidden_size * stored.itemsize
    if num_bytes > limit_gb * 1e9:
        needed = -(-num_bytes // 10**8) / 10
        log.warning(
            "the features of %d examples take %.1f GB, over feature_cache_gb=%g: the frozen encoder computes them anew "
            "in every epoch; feature_cache_gb=%.1f keeps them (clozelab runs clean --cache makes room)",
            num_examples, needed, limit_gb, needed,
        )  # fmt: skip
        return None
    key = [VERSION, _encoder_key(encoder), dict(machine.numerics), str(stored)]
    root = cache_dir() / "features"
    folders = {split: root / digest([*key, survey.digest]) for split, survey in found.items()}
    new = [split for split, folder in folders.items() if not folder.exists()]
    for split in new:
        write = partial(_write, encoder=encoder, split=split, batches=splits[split], places=places, machine=machine)
        build_once(folders[split], write)
    log.info(
        "features of %d examples %s, %.0f MB in %s", num_examples,
        f"computed once ({', '.join(new)})" if new else "read from the cache", num_bytes / 1e6, root,
    )  # fmt: skip
    return Features(folders=folders, places=places, hidden_size=encoder.hidden_size)


@dataclass(frozen=True, slots=True)
class _Survey:
    digest: str
    num_examples: int
    num_places: int


def _survey(batches: Iterable[Batch], places: Places) -> _Survey:
    """Returns how much there is to keep of a split, and a digest of everything the encoder is to see of it."""
    seen, num_examples, num_places = hashlib.sha256(), 0, 0
    for batch in batches:
        where = places(batch)
        inputs = (batch.input_ids, batch.token_type_ids, batch.position_ids, batch.sequence_ids, batch.first_token)
        for tensor in (*inputs, batch.example_ids, where):
            seen.update(str(tuple(tensor.shape)).encode() + tensor.numpy().tobytes())
        num_examples += len(batch.example_ids)
        num_places += len(where)
    return _Survey(seen.hexdigest(), num_examples, num_places)


def _encoder_key(encoder: Encoder) -> list[Any]:
    """Returns plain values that change with whatever an encoder's states depend on."""
    base = encoder.base
    seen = hashlib.sha256()
    for name, tensor in sorted(base.state_dict().items()):
        if not name.startswith("pooler"):  # part of the head, which learns
            seen.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
            seen.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data)
    run = [encoder.packable, encoder.position_offset, encoder.causal, encoder.sliding_window]
    return [type(base).__name__, seen.hexdigest(), _config_of(base), run]


def _config_of(base: PreTrainedModel) -> dict[str, str]:
    return {name: repr(value) for name, value in base.config.to_dict().items() if name not in NAMES}


def _write(folder: Path, encoder: Encoder, split: str, batches: Batches, places: Places, machine: Machine) -> None:
    """Runs the encoder over a split and writes the bytes of its states, one row an example.

    Raises:
        DataError: if they cannot be written.
    """
    base = encoder.base.to(machine.device)
    stored, mode = next(base.parameters()).dtype, base.training
    console = Console(stderr=True)
    base.eval()
    try:
        with (
            Progress(console=console, disable=not console.is_terminal, transient=True) as progress,
            Writer(folder, {"states": "uint8", "example_ids": "int32"}) as writer,
        ):
            for batch in progress.track(batches, total=len(batches), description=f"features of {split}"):
                here = batch.to(machine.device)
                with torch.no_grad(), machine.precision():
                    states = encoder(here)
                where, counts = _by_example(here, places(here))
                read = states.flatten(0, 1)[where].to(stored).cpu().view(torch.uint8)  # numpy has no bfloat16
                for row in read.split(counts.tolist()):
                    writer.append("states", row.numpy().reshape(-1))
                writer.append("example_ids", batch.example_ids.numpy())
                writer.header.update(stored=_name(stored), given=_name(states.dtype))
    except OSError as error:
        raise DataError(f"{folder.parent}: {error.strerror}; feature_cache_gb=0 does without the cache") from error
    finally:
        base.train(mode)


def _by_example(batch: Batch, places: Tensor) -> tuple[Tensor, NDArray[np.int64]]:
    """Returns places sorted by the example of the batch they are in, and how many are in each, (examples,)."""
    starts = batch.first_token[:, 0] * batch.input_ids.shape[1] + batch.first_token[:, 1]
    order = starts.argsort()
    example = order[torch.searchsorted(starts[order], places, right=True) - 1]
    return places[example.argsort(stable=True)], torch.bincount(example, minlength=len(starts)).cpu().numpy()


def _inverse(numbers: NDArray[np.integer]) -> NDArray[np.int64]:
    """Returns the row of every example number; -1, which no store has, of those it lacks."""
    rows = np.full(int(numbers.max(initial=-1)) + 1, -1, dtype=np.int64)
    rows[numbers] = np.arange(len(numbers))
    return rows


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
