"""A split in its store: which unit an example is of, and what belongs to it. (test_words, test_texts: its contents.)"""

from pathlib import Path

import numpy as np

from clozelab.data.split import Split
from clozelab.store.ragged import RaggedStore

NUMBERS = [np.array(row, dtype=np.float32).view(np.int32) for row in ([1.5, -2, 0.25], [4])]


def store(folder: Path, *, numbers: bool) -> RaggedStore:
    fields = {
        "input_ids": [[2, 5, 3], [2, 6, 7, 3], [2, 8, 3]],
        "positions": [[1], [1, 2], [1]],
        "lengths": [[1], [1, 1], [1]],
        "targets": NUMBERS if numbers else [[0, 1, 0], [1]],
        "examples": [[0, 1], [2]],
        "first_targets": [[0, 1], [0]],
        "text": [np.frombuffer(b"a\0b\0c", dtype=np.uint8), np.frombuffer(b"d", dtype=np.uint8)],
        "fingerprint": [np.array([7], dtype=np.int64).view(np.int32), np.array([-9], dtype=np.int64).view(np.int32)],
    }  # fmt: skip
    RaggedStore.write(folder / "store", fields, {"labels": [] if numbers else ["x", "y"], "numbers": numbers})
    return RaggedStore(folder / "store")


def test_examples_own_the_targets_of_their_unit_in_order(tmp_path: Path) -> None:
    split = Split(store=store(tmp_path, numbers=False), labels=["y", "x"])
    assert split.num_units == 2
    assert split.unit_of.tolist() == [0, 0, 1]
    assert [split.owned(i) for i in range(3)] == [(0, range(1)), (0, range(1, 3)), (1, range(1))]
    assert [split.targets(i).tolist() for i in range(3)] == [[1], [0, 1], [0]]
    assert split.num_targets().tolist() == [3, 1]
    assert [split.parts(i) for i in range(2)] == [["a", "b", "c"], ["d"]]
    assert split.fingerprints().tolist() == [7, -9]
    assert split.label_counts(np.array([0, 1])) == (2, 2)
    assert split.label_counts(np.array([0])) == (1, 2)
    assert split.second_segment(1) == 4, "no second segment: its length"


def test_numbers_come_back_exactly(tmp_path: Path) -> None:
    split = Split(store=store(tmp_path, numbers=True), labels=[])
    assert [split.targets(i).tolist() for i in range(3)] == [[1.5], [-2.0, 0.25], [4.0]]
    assert split.targets_of(0).dtype == np.float32
