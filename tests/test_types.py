"""Behaviour of what tasks, data and models exchange."""

import subprocess
import sys
from dataclasses import fields

import numpy as np
import pytest
import torch

from clozelab.types import Batch, Scored


def scored(sentence: list[int]) -> Scored:
    ids = np.array(sentence, dtype=np.int64)
    zeros = np.zeros(len(sentence), dtype=np.int64)
    return Scored(ids, zeros, zeros, zeros, zeros.astype(np.float32), zeros.astype(np.float32))


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ([], []),
        ([5], [True]),
        ([0, 0, 0], [True, False, False]),
        ([0, 1, 1, 2], [True, True, False, True]),
        ([3, 3, 9, 10, 10], [True, False, True, True, False]),  # a selection has gaps
    ],
)
def test_a_sentence_starts_where_its_number_changes(sentence: list[int], expected: list[bool]) -> None:
    starts = scored(sentence).sentence_starts()
    assert starts.dtype == np.bool_
    assert starts.tolist() == expected


def test_a_batch_moves_whole_to_another_device_and_keeps_its_counts() -> None:
    tensors = {f.name: torch.ones(1, 1, dtype=torch.long) for f in fields(Batch) if not f.name.startswith("num_")}
    batch = Batch(**tensors, num_step_targets=3, num_step_examples=2, num_tokens=7)
    moved = batch.to("meta")
    assert {getattr(moved, name).device.type for name in tensors} == {"meta"}
    assert (moved.num_step_targets, moved.num_step_examples, moved.num_tokens) == (3, 2, 7)
    assert {getattr(batch, name).device.type for name in tensors} == {"cpu"}


def test_the_types_are_known_without_torch() -> None:
    code = "import sys, clozelab.types; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
