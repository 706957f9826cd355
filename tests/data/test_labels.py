"""Labels as files have them, turned into classes or numbers."""

from typing import Any

import pytest

from clozelab.data.labels import check_labels, label_of
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
        ("2.5", {**PLAIN, "numbers": True}, 2.5), (3, {**PLAIN, "numbers": True}, 3.0),
    ],
)  # fmt: skip
def test_a_label_is_what_the_options_say(raw: Any, options: dict[str, Any], label: str | float) -> None:
    assert label_of(raw, **options) == label
    assert type(label_of(raw, **options)) is type(label)


@pytest.mark.parametrize(
    ("raw", "options", "reason"),
    [
        (None, PLAIN, "no label"), ("", PLAIN, "no label"),
        (2, {**PLAIN, "names": ["a", "b"]}, "not among the 2 names"),
        ("-1", {**PLAIN, "names": ["a", "b"]}, "not among"), ("c", {**PLAIN, "names": ["a", "b"]}, "'c' is not among"),
        ("high", {**PLAIN, "numbers": True}, "could not convert"), ("nan", {**PLAIN, "numbers": True}, "finite"),
        ("x", RATED, "could not convert"),
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
