"""What differs: every kind of difference is seen, and nothing else is."""

import copy
from typing import Any

import pytest

from clozelab.reproduce.differences import Difference, differences

STATE: dict[str, Any] = {
    "id": "study-cell-seed-1", "status": "completed", "started": "then", "fit_seconds": 3.5,
    "code": {"commit": "abc", "diff": None, "source": "5"},
    "packages": {"python": "3.11.2", "torch": "2.13.0"},
    "hardware": {"processor": "x", "cores": 2, "system": "Linux-6.8.0-45-generic-x86_64-with-glibc2.36"},
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
        ("code", "source", "6", ("code.source", "5", "6")),
        ("packages", "python", "3.12.0", ("packages.python", "3.11.2", "3.12.0")),
        ("packages", "new", "1", ("packages.new", "not recorded", "1")),
        ("hardware", "processor", "y", ("hardware.processor", "x", "y")),
        ("numerics", "num_threads", 1, ("numerics.num_threads", "2", "1")),
        ("identity", "data.train", "ff", ("identity.data.train", "0a1b", "ff")),
    ],
)
def test_both_values_are_named(group: str, key: str, value: Any, expected: tuple[str, str, str]) -> None:
    (found,) = differences(STATE, changed(group, key, value))
    assert found == Difference(*expected)
    assert found.counts
    assert found.is_identity == (group == "identity")


@pytest.mark.parametrize(
    ("group", "key", "value", "now"),
    [
        ("hardware", "cores", 4, "4"),
        ("hardware", "system", "Linux-6.9.1-x86_64-with-glibc2.36", "Linux-6.9.1-x86_64-with-glibc2.36"),
        ("packages", "hydra-core", "2", "2"),
        ("packages", "wandb", "2", "2"),
        ("code", "commit", "def", "def"),
        ("code", "commit", None, "none"),
        ("code", "diff", "99", "changes 99"),
    ],
)
def test_what_can_change_no_number_is_named_and_does_not_count(group: str, key: str, value: Any, now: str) -> None:
    (found,) = differences(STATE, changed(group, key, value))
    assert (found.key, found.now, found.counts) == (f"{group}.{key}", now, False)


@pytest.mark.parametrize(
    "system",
    [
        "Linux-6.8.0-45-generic-x86_64-with-glibc2.41",
        "Linux-6.8.0-45-generic-aarch64-with-glibc2.36",
        "macOS-15.1-arm64",
    ],
)
def test_another_system_library_or_kind_of_processor_counts(system: str) -> None:
    (found,) = differences(STATE, changed("hardware", "system", system))
    assert found.counts


def test_of_a_run_without_a_hash_of_the_source_commit_and_changes_count() -> None:
    then = STATE | {"code": {"commit": "abc", "diff": None}}
    assert differences(then, STATE) == []
    for key, value in (("commit", "def"), ("diff", "99")):
        (found,) = differences(then, changed("code", key, value))
        assert (found.key, found.counts) == (f"code.{key}", True)
    assert all(found.counts for found in differences(STATE | {"code": {}}, STATE))


def test_a_key_that_later_code_takes_out_of_the_identity_makes_no_other_run() -> None:
    for key, free in (("callbacks.progress.enabled", True), ("optimizer.lr", False), ("gone.key", False)):
        then = copy.deepcopy(STATE)
        then["identity"] |= {key: 32}
        now = copy.deepcopy(then)
        del now["identity"][key]
        (found,) = differences(then, now)
        assert (found.key, found.now, found.is_identity) == (f"identity.{key}", "not recorded", not free)
        assert differences(now, then)[0].is_identity, "what comes into it may have been set by hand"


def test_of_hashes_the_beginning_is_shown() -> None:
    then, now = (changed("identity", "data.train", f"sha256:{digit * 64}/a.txt") for digit in "ab")
    assert differences(then, now)[0].then == f"sha256:{'a' * 12}/a.txt"


def test_tokenizer_and_parent_count() -> None:
    assert differences(STATE, STATE | {"tokenizer": "78"}) == [Difference("tokenizer", "77", "78")]
    now = STATE | {"ancestry": [{**STATE["ancestry"][0], "model_hash": "35"}]}
    assert differences(STATE, now) == [Difference("parent.model_hash", "34", "35")]
    assert [d.now for d in differences(STATE, STATE | {"ancestry": []})] == ["not recorded"] * 3
    renamed = STATE | {"ancestry": [{**STATE["ancestry"][0], "id": "other", "identity_hash": "13"}]}
    assert [(d.key, d.counts) for d in differences(STATE, renamed)] == [
        ("parent.id", False), ("parent.identity_hash", False),
    ]  # fmt: skip


def test_what_was_not_recorded_may_differ_and_is_said() -> None:
    then = {key: value for key, value in STATE.items() if key != "tokenizer"}
    assert differences(then, STATE) == [Difference("tokenizer", "not recorded", "77")]


def test_the_accelerator_counts_by_what_it_came_to() -> None:
    asked = changed("numerics", "trainer.accelerator", "cpu")
    assert differences(STATE, asked) == []
    asked["numerics"]["kernels"] = "a GPU"
    assert [found.key for found in differences(STATE, asked)] == ["numerics.kernels", "numerics.trainer.accelerator"]
