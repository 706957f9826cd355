"""One line of what the doctor finds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from subprocess import SubprocessError
from typing import Literal

Level = Literal["ok", "warning", "problem"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, and how it is.

    Attributes:
        level: a problem keeps runs from working; a warning makes them slower, or less than they could be.
        name: of what was looked at.
        text: what was found.
        advice: what to do; empty if it is ok.
    """

    level: Level
    name: str
    text: str
    advice: str = ""


Check = Callable[[], Sequence[Finding]]


def guarded(name: str, check: Check) -> list[Finding]:
    """Returns what a check finds; what the check itself stumbles over is a finding, too.

    Args:
        name: of what is looked at.
        check: to carry out.
    """
    try:
        return list(check())
    except ImportError as error:
        text, advice = f"cannot be looked at: {error}", "python -m pip install --force-reinstall clozelab mends it"
    except (OSError, ValueError, SubprocessError) as error:
        text, advice = f"cannot be looked at: {error}", "see what it names"
    return [Finding("problem", name, text, advice)]
