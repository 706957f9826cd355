"""What a file says about a text, turned into a class or a number."""

import math
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from clozelab.data.cells import brief, text_in
from clozelab.errors import require


def check_labels(names: Sequence[str] | None, thresholds: Sequence[float] | None, numbers: bool) -> None:
    """Refuses label options that cannot be meant.

    Raises:
        ConfigError: naming one.
    """
    require("names", names, names is None or len(set(names)) == len(names) > 0, "null or distinct names")
    ascending = thresholds is None or (len(thresholds) > 0 and list(thresholds) == sorted(set(thresholds)))
    require("thresholds", thresholds, ascending, "null or ascending numbers")
    matches = thresholds is None or (names is not None and len(names) == len(thresholds) + 1)
    require("names", names, matches, "one name more than there are thresholds")
    require("numbers", numbers, not (numbers and (names or thresholds)), "false where classes are named")


def label_of(
    raw: Any, *, names: Sequence[str] | None, thresholds: Sequence[float] | None, numbers: bool
) -> str | float:
    """Returns a class, or with `numbers` a number.

    Blanks around a class are not part of it. A number without a fraction is an integer: `1.0` of a column that pandas
    turned into floats because one label is missing, say.

    Args:
        raw: as the file has it.
        names: of the classes; without thresholds integers are places in it, unless a text is itself one of them.
        thresholds: between the classes, ascending: a rating up to the first is of the first class, and so on.
        numbers: the label is a number to predict.

    Raises:
        ValueError: if it is not what the options say.
    """
    if raw is None or raw != raw or (isinstance(raw, str) and not raw.strip()):  # NaN, which pandas writes for none
        raise ValueError("no label")
    raw = float(raw) if isinstance(raw, Decimal) else raw
    if not isinstance(raw, str | int | float):
        raise ValueError(f"a label must be text or a number, is {brief(raw)}")
    if numbers or thresholds is not None:
        value = _number(raw)
        if thresholds is None:
            return value
        assert names is not None, "checked by check_labels"
        return names[sum(value > threshold for threshold in thresholds)]
    raw = int(raw) if isinstance(raw, float) and raw.is_integer() else raw
    label = text_in(raw.strip(), "the label") if isinstance(raw, str) else str(raw)
    if names is None or (isinstance(raw, str) and label in names):
        return label
    if not isinstance(raw, int) and not INTEGER.fullmatch(label):
        raise ValueError(f"label {label!r} is not among the names {', '.join(names)}")
    place = int(float(raw))
    if not 0 <= place < len(names):
        raise ValueError(f"label {label} is not among the {len(names)} names")
    return names[place]


INTEGER = re.compile(r"-?[0-9]{1,9}(\.0+)?")

LARGEST = 3.4e38
"""That a float32 holds, which is what a number becomes."""


def _number(raw: str | float) -> float:
    try:
        value = float(raw)
    except (ValueError, OverflowError) as error:  # the latter of an integer with hundreds of digits
        raise ValueError(f"label {brief(raw)} is not a number, such as 3.5") from error
    if not abs(value) < LARGEST:
        raise ValueError(f"label {brief(raw)} is not a finite number")
    return value


def are_scores(labels: Sequence[str]) -> bool:
    """Says whether classes look like numbers that nobody declared: all are numbers, and some have a fraction."""
    try:
        values = [float(label) for label in labels]
    except ValueError:
        return False
    return any(math.isfinite(value) and not value.is_integer() for value in values)
