"""Every run has our callbacks; others may join if they do not meddle with training."""

from collections.abc import Callable
from typing import Any

import pytest
from pytorch_lightning import callbacks

from clozelab.config.callbacks import LIGHTNING, OURS, check_callbacks
from clozelab.config.compose import compose


def reported(nodes: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    check_callbacks(nodes, found.__setitem__)
    return found


@pytest.fixture(scope="module")
def nodes() -> dict[str, Any]:
    """The callbacks of the bare configuration."""
    return compose([])["callbacks"]


def test_the_bare_configuration_has_ours_under_their_names(nodes: dict[str, Any]) -> None:
    assert {name: node["_target_"] for name, node in nodes.items()} == OURS
    assert reported(nodes) == {}


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("node", [None, 3, {"_target_": "pytorch_lightning.callbacks.EarlyStopping"}])
def test_none_of_ours_may_be_missing_or_replaced(nodes: dict[str, Any], name: str, node: object) -> None:
    message = reported({**nodes, name: node})[f"callbacks.{name}._target_"]
    assert message.endswith(f"every run has it, and it must be {OURS[name]}")
    assert reported({other: node for other, node in nodes.items() if other != name})


@pytest.mark.parametrize("name", callbacks.__all__)
def test_lightnings_callbacks_that_meddle_with_training_are_refused(nodes: dict[str, Any], name: str) -> None:
    found = reported({**nodes, "more": {"_target_": f"pytorch_lightning.callbacks.{name}"}})
    assert bool(found) == (name not in LIGHTNING)
    assert all("of Lightning's callbacks clozelab takes EarlyStopping" in message for message in found.values())


def test_a_callback_of_another_package_may_join(nodes: dict[str, Any]) -> None:
    assert reported({**nodes, "mine": {"_target_": "some_package.Callback"}}) == {}


def test_early_stopping_on_a_metric_that_is_not_there_is_refused_before_training(
    clozelab: Callable[..., tuple[int, str, str]], overrides: list[str]
) -> None:
    own = ["callbacks=early_stopping", "callbacks.early_stopping.monitor=val/f7"]
    code, _, err = clozelab("train", *overrides, *own)
    assert code == 2
    assert err.endswith("\n")
    last = err.splitlines()[-1]
    assert last.startswith("clozelab: callbacks.early_stopping.monitor='val/f7': validation has no such metric. ")
    assert "val/f1_conlleval" in last
