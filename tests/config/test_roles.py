"""Every group of nodes has a role, and what the options of a group build fills it."""

import inspect
from pathlib import Path
from typing import Any

import pytest
import yaml

from clozelab.config.nodes import find_target
from clozelab.config.roles import ROLES
from clozelab.config.schema import GROUPS

CONF = Path(__file__).parents[2] / "conf"


def targets(group: str) -> set[str]:
    """Returns what the files of a group build at their top."""
    found = set()
    for path in (CONF / group).glob("*.yaml"):
        node = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        nodes = node.values() if group in ("callbacks", "logger") else [node.get(group, node)]
        found |= {n["_target_"] for n in nodes if isinstance(n, dict) and "_target_" in n}
    return found


def test_every_group_that_is_built_has_a_role() -> None:
    assert set(ROLES) == set(GROUPS) - {"experiment", "hydra"}


@pytest.mark.parametrize("group", sorted(set(ROLES) - {"trainer"}))
def test_what_a_group_names_fills_its_role(group: str) -> None:
    named = targets(group)
    assert named
    for target in named:
        made, role = find_target(target), ROLES[group]
        assert isinstance(made, type)
        if getattr(role, "_is_protocol", False):
            methods = [(n, m) for n, m in inspect.getmembers(role, inspect.isfunction) if not n.startswith("_")]
            assert methods
            for name, method in methods:
                assert wanted(method) <= wanted(getattr(made, name)) | {"self"}, f"{target}.{name}"
        else:
            assert issubclass(made, role), target


def wanted(method: Any) -> set[str]:
    """Returns the names of a method's arguments."""
    return set(inspect.signature(method).parameters)
