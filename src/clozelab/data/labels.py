"""What a file says about a text, turned into a class or a number."""

import math
from collections.abc import Sequence
from typing import Any

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

    Args:
        raw: as the file has it.
        names: of the classes; without thresholds integers are places in it.
        thresholds: between the classes, ascending: a rating up to the first is of the first class, and so on.
        numbers: the label is a number to predict.

    Raises:
        ValueError: if it is not what the options say.
    """
    if raw is None or raw == "":
        raise ValueError("no label")
    if numbers or thresholds is not None:
        value = float(raw)
        if not math.isfinite(value):
            raise ValueError(f"label {raw!r} is not a finite number")
        if thresholds is None:
            return value
        assert names is not None, "checked by check_labels"
        return names[sum(value > threshold for threshold in thresholds)]
    is_place = isinstance(raw, int) or (isinstance(raw, str) and raw.lstrip("-").isdigit())
    if names is not None and is_place:
        if not 0 <= int(raw) < len(names):
            raise ValueError(f"label {raw} is not among the {len(names)} names")
        return names[int(raw)]
    if names is not None and str(raw) not in names:
        raise ValueError(f"label {raw!r} is not among the names {', '.join(names)}")
    return str(raw)
