"""Plain values against annotations, and how an annotation is said in words."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

import pytest
import torch

from clozelab.config.annotations import annotations, describe, fits, type_problem
from clozelab.data.conll import Conll
from clozelab.store.local import Local
from clozelab.store.wheel import Wheel
from clozelab.types import Source


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        (3, int), (3, float), (3.5, float), ("x", str), (True, bool), (None, int | None), (["a"], list[str]),
        (["a"], Sequence[str]), ([0.9, 0.99], tuple[float, float]), ({"a": 1}, Mapping[str, int]),
        ("a", Literal["a", "b"]), (object(), Any), (0.1, float | torch.Tensor), ([], list[int]),
    ],
)  # fmt: skip
def test_a_fitting_value_is_no_problem(value: object, hint: Any) -> None:
    assert type_problem(value, hint) == ""


@pytest.mark.parametrize(
    ("value", "hint", "problem"),
    [
        ("3", int, "must be an integer"), (3.0, int, "must be an integer"), (True, int, "must be an integer"),
        (None, int, "must be an integer"), (3, Source, "must be a Source node"),
        (True, float, "must be a number"), ("1e-5", float, "must be a number"),
        (1, bool, "must be true or false"), ("true", bool, "must be true or false"), (3, str, "must be text"),
        ("x", int | None, "must be an integer or null"), ("x", float | torch.Tensor, "must be a number"),
        ([1], list[str], "must be a list of which each is text"),
        ("ab", list[str], "must be a list of which each is text"),
        ([1.0], tuple[float, float], "must be a list of 2 values"), ("c", Literal["a", "b"], "must be one of 'a', 'b'"),
        (3, Conll, "must be a Conll node"), ({"a": 1}, str, "must be text"),
    ],
)  # fmt: skip
def test_another_value_is_refused_with_what_would_fit(value: object, hint: Any, problem: str) -> None:
    assert type_problem(value, hint) == problem


def test_a_union_leaves_out_what_no_file_can_say() -> None:
    assert describe(float | torch.Tensor | None) == "a number or null"
    assert describe(torch.Tensor | Conll) == "a Tensor node"


class Half(Protocol):
    def check(self, path: str) -> None: ...
    def nosuch(self) -> None: ...


def test_classes_fit_by_inheritance_and_protocols_by_their_methods() -> None:
    assert fits(torch.optim.AdamW, torch.optim.Optimizer)
    assert not fits(Conll, torch.optim.Optimizer)
    assert fits(Local, Source)
    assert fits(Wheel, Source)
    assert not fits(Conll, Source)
    assert not fits(Local, Half)
    assert fits(Conll, Any)
    assert fits(Conll, Conll | None)
    assert not fits(Conll, int | None)


def test_annotations_are_those_of_the_constructor_behind_decorators() -> None:
    import pytorch_lightning as pl

    assert annotations(pl.Trainer)["max_epochs"] == int | None
    assert annotations(Conll)["labels"] is str
