"""What differs: every kind of difference is seen, and nothing else is."""

import copy
from typing import Any

import pytest

from clozelab.reproduce.differences import Difference, differences

STATE: dict[str, Any] = {
    "id": "study-cell-seed-1", "status": "completed", "started": "then", "fit_seconds": 3.5,
    "code": {"commit": "abc", "diff": None},
    "packages": {"python": "3.11.2", "torch": "2.13.0"},
    "hardware": {"processor": "x", "cores": 2, "system": "Linux"},
    "numerics": {"num_threads": 2, "kernels": "AVX512", "trainer.accelerator": "auto", "package.torch": "2.13.0"},
    "identity": {"data.train": "0a1b", "optimizer.lr": 1e-5, "seed": 1},
    "tokenizer": "77",
    "ancestry": [{"id": "parent", "identity_hash": "12", "path": "/a", "model_hash": "34"}, {"id": "grandparent"}],
}  # fmt: skip


def changed(group: str, key: str, value: Any) -> dict[str, Any]:
    state = copy.deepcopy(STATE)
    state[group][key] = value
    return state


def test_where_and_when_a_run_was_made_is_no_difference() -> None:
    now = copy.deepcopy(STATE) | {"id": "reproduced_study-cell-seed-1", "started": "now", "fit_seconds": 9.0}
    now["ancestry"][0]["path"] = "/elsewhere"
    assert differences(STATE, now) == []


@pytest.mark.parametrize(
    ("group", "key", "value", "expected"),
    [
        ("code", "commit", "def", ("code.commit", "abc", "def")),
        ("code", "commit", None, ("code.commit", "abc", "none")),
        ("code", "diff", "99", ("code.diff", "no changes", "changes 99")),
        ("packages", "python", "3.12.0", ("packages.python", "3.11.2", "3.12.0")),
        ("packages", "new", "1", ("packages.new", "not recorded", "1")),
        ("hardware", "cores", 4, ("hardware.cores", "2", "4")),
        ("numerics", "num_threads", 1, ("numerics.num_threads", "2", "1")),
        ("identity", "data.train", "ff", ("identity.data.train", "0a1b", "ff")),
    ],
)
def test_both_values_are_named(group: str, key: str, value: Any, expected: tuple[str, str, str]) -> None:
    (found,) = differences(STATE, changed(group, key, value))
    assert found == Difference(*expected)
    assert found.is_identity == (group == "identity")


def test_of_hashes_the_beginning_is_shown() -> None:
    then, now = (changed("identity", "data.train", f"sha256:{digit * 64}/a.txt") for digit in "ab")
    assert differences(then, now)[0].then == f"sha256:{'a' * 12}/a.txt"


def test_tokenizer_and_parent_count() -> None:
    assert differences(STATE, STATE | {"tokenizer": "78"}) == [Difference("tokenizer", "77", "78")]
    now = STATE | {"ancestry": [{**STATE["ancestry"][0], "model_hash": "35"}]}
    assert differences(STATE, now) == [Difference("parent.model_hash", "34", "35")]
    assert [d.now for d in differences(STATE, STATE | {"ancestry": []})] == ["not recorded"] * 3


def test_what_was_not_recorded_may_differ_and_is_said() -> None:
    then = {key: value for key, value in STATE.items() if key != "tokenizer"}
    assert differences(then, STATE) == [Difference("tokenizer", "not recorded", "77")]


def test_the_accelerator_counts_by_what_it_came_to() -> None:
    asked = changed("numerics", "trainer.accelerator", "cpu")
    assert differences(STATE, asked) == []
    asked["numerics"]["kernels"] = "a GPU"
    assert [found.key for found in differences(STATE, asked)] == ["numerics.kernels", "numerics.trainer.accelerator"]
