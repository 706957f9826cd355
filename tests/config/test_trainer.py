"""The trainer's keys: all of Lightning's are either taken or have another place."""

import inspect
from typing import Any

import pytest
import pytorch_lightning as pl

from clozelab.config.trainer import ELSEWHERE, PRECISIONS, check_trainer
from clozelab.identity import KINDS

TAKEN = {key.partition(".")[2] for key, _ in KINDS if key.startswith("trainer.")} - {"_target_"}


def reported(**node: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    check_trainer({"max_epochs": 3, **node}, found.__setitem__)
    return found


def test_every_key_that_lightning_takes_is_taken_or_placed_elsewhere() -> None:
    lightning = set(inspect.signature(pl.Trainer).parameters)
    assert TAKEN | set(ELSEWHERE) == lightning
    assert not TAKEN & set(ELSEWHERE)


@pytest.mark.parametrize("key", sorted(ELSEWHERE))
def test_a_key_with_another_place_is_sent_there(key: str) -> None:
    assert reported(**{key: 1}) == {f"trainer.{key}": f"trainer.{key}: is set by clozelab itself; {ELSEWHERE[key]}"}


@pytest.mark.parametrize("precision", PRECISIONS)
def test_every_precision_that_is_offered_is_known_to_lightning(precision: str) -> None:
    assert reported(precision=precision) == {}
    pl.Trainer(precision="32-true" if precision == "auto" else precision, logger=False, enable_checkpointing=False)


@pytest.mark.parametrize(
    ("node", "key"),
    [
        ({"max_epochs": 0}, "max_epochs"),
        ({"max_epochs": -1}, "max_epochs"),
        ({"max_epochs": None}, "max_epochs"),
        ({"max_epochs": None, "max_steps": -1}, "max_epochs"),
        ({"max_steps": 0}, "max_steps"),
        ({"max_steps": -2}, "max_steps"),
        ({"check_val_every_n_epoch": 0}, "check_val_every_n_epoch"),
        ({"check_val_every_n_epoch": 4}, "check_val_every_n_epoch"),
        ({"gradient_clip_val": 0}, "gradient_clip_val"),
        ({"gradient_clip_val": -1.0}, "gradient_clip_val"),
        ({"gradient_clip_val": float("nan")}, "gradient_clip_val"),
        ({"precision": "16-mixed"}, "precision"),
        ({"precision": 32}, "precision"),
        ({"precision": None}, "precision"),
    ],
)
def test_what_lightning_would_refuse_late_or_not_at_all_is_refused(node: dict[str, Any], key: str) -> None:
    assert list(reported(**node)) == [f"trainer.{key}"]


@pytest.mark.parametrize(
    "node",
    [
        {"max_epochs": None, "max_steps": 5}, {"max_steps": -1}, {"gradient_clip_val": None}, {"gradient_clip_val": 1},
        {"check_val_every_n_epoch": 3}, {"check_val_every_n_epoch": None}, {"max_epochs": 1},
    ],
)  # fmt: skip
def test_sound_values_pass(node: dict[str, Any]) -> None:
    assert reported(**node) == {}


def test_keys_of_a_wrong_type_are_left_to_the_type_check() -> None:
    assert reported(max_epochs="3", gradient_clip_val="x", check_val_every_n_epoch=1.5) == {}
