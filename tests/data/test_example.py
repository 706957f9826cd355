"""One example of a batch, and what draws examples."""

import dataclasses

import numpy as np
import pytest

from clozelab.data.example import Example, Examples
from clozelab.data.passages import Passages
from clozelab.data.split import Split


def example() -> Example:
    nothing = np.empty(0, dtype=np.int64)
    return Example(
        number=3, input_ids=np.arange(4), second_segment=4, positions=nothing, lengths=nothing, targets=nothing,
        target_ids=np.empty((0, 2), dtype=np.int64),
    )  # fmt: skip


def test_nobody_asks_whether_its_segments_follow_one_another_unless_said() -> None:
    assert example().next_sentence is None


def test_an_example_is_not_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        example().number = 4  # type: ignore[misc]


@pytest.mark.parametrize("kind", [Split, Passages])
def test_texts_and_documents_can_be_drawn_from_alike(kind: type) -> None:
    assert all(callable(getattr(kind, name)) for name in ("draw", "num_tokens"))
    assert {"draw", "num_tokens"} == {name for name in vars(Examples) if not name.startswith("_")}
