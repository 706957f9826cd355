"""Labels as files have them, turned into classes or numbers."""

import math
from decimal import Decimal
from typing import Any

import pytest

from clozelab.data.labels import are_scores, check_labels, label_of
from clozelab.errors import ConfigError

PLAIN: dict[str, Any] = {"names": None, "thresholds": None, "numbers": False}
RATED: dict[str, Any] = {"names": ["bad", "so-so", "good"], "thresholds": [-0.5, 0.5], "numbers": False}


@pytest.mark.parametrize(
    ("raw", "options", "label"),
    [
        ("spam", PLAIN, "spam"), (3, PLAIN, "3"), (True, PLAIN, "True"),
        (1, {**PLAIN, "names": ["no", "yes"]}, "yes"), ("0", {**PLAIN, "names": ["no", "yes"]}, "no"),
        ("yes", {**PLAIN, "names": ["no", "yes"]}, "yes"),
        ("-0.5", RATED, "bad"), (-0.4, RATED, "so-so"), ("0.5", RATED, "so-so"), (4, RATED, "good"),
        (" spam ", PLAIN, "spam"), (1.0, PLAIN, "1"), ("1.0", PLAIN, "1.0"), (2.5, PLAIN, "2.5"),
        (1.0, {**PLAIN, "names": ["no", "yes"]}, "yes"), ("1.0", {**PLAIN, "names": ["no", "yes"]}, "yes"),
        (" 1", {**PLAIN, "names": ["no", "yes"]}, "yes"), ("1", {**PLAIN, "names": ["1", "2"]}, "1"),
        (Decimal("0.5"), RATED, "so-so"), (Decimal("0.5"), {**PLAIN, "numbers": True}, 0.5),
        ("2.5", {**PLAIN, "numbers": True}, 2.5), (3, {**PLAIN, "numbers": True}, 3.0),
    ],
)  # fmt: skip
def test_a_label_is_what_the_options_say(raw: Any, options: dict[str, Any], label: str | float) -> None:
    assert label_of(raw, **options) == label
    assert type(label_of(raw, **options)) is type(label)


@pytest.mark.parametrize(
    ("raw", "options", "reason"),
    [
        (None, PLAIN, "no label"), ("", PLAIN, "no label"), ("  ", PLAIN, "no label"), (math.nan, PLAIN, "no label"),
        ([1], PLAIN, r"must be text or a number, is \[1\]"), ([1], {**PLAIN, "numbers": True}, "must be text or a"),
        ("a\0", PLAIN, "NUL character in the label"), ("²", {**PLAIN, "names": ["a"]}, "'²' is not among"),
        ("3,5", {**PLAIN, "numbers": True}, "'3,5' is not a number, such as 3.5"),
        (1e39, {**PLAIN, "numbers": True}, "finite"), (10**400, {**PLAIN, "numbers": True}, "not a number"),
        (2, {**PLAIN, "names": ["a", "b"]}, "not among the 2 names"),
        ("-1", {**PLAIN, "names": ["a", "b"]}, "not among"), ("c", {**PLAIN, "names": ["a", "b"]}, "'c' is not among"),
        ("high", {**PLAIN, "numbers": True}, "not a number"), ("nan", {**PLAIN, "numbers": True}, "finite"),
        ("x", RATED, "not a number"),
    ],
)  # fmt: skip
def test_what_is_no_label_is_refused(raw: Any, options: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        label_of(raw, **options)


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"names": ["a", "a"]}, "names"), ({"names": []}, "names"), ({"thresholds": [0.0]}, "names"),
        ({"thresholds": [1.0, 0.0], "names": ["a", "b", "c"]}, "thresholds"),
        ({"numbers": True, "names": ["a"]}, "numbers"),
        ({"thresholds": [], "names": ["a"]}, "thresholds"), ({"thresholds": [0.0], "names": ["a"]}, "names"),
    ],
)  # fmt: skip
def test_options_that_contradict_each_other_are_refused(options: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_labels(**{**PLAIN, **options})
    assert caught.value.key == key


@pytest.mark.parametrize(
    ("labels", "scores"),
    [(["1", "2.5"], True), (["1", "2"], False), (["1.0", "2.0"], False), (["2.5", "good"], False), (["nan"], False)],
)
def test_numbers_with_a_fraction_look_like_scores(labels: list[str], scores: bool) -> None:
    assert are_scores(labels) == scores
