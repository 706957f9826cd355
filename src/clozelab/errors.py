"""The errors a user can cause and mend. The command line prints them as one short message and exits with 2."""

from collections.abc import Iterable
from difflib import get_close_matches

TRACEBACK_LOGGER = "clozelab.record.traceback"
"""Its records belong in run.log, not on the terminal."""


class UserError(Exception):
    """A mistake of the user's: the message says what is wrong, where, and what to do."""


class ConfigError(UserError):
    """A configuration that cannot run.

    Args:
        message: one line for the user.
        key: the constructor argument at fault, if one is; `config.check` puts the path of its node before it.
    """

    def __init__(self, message: str, *, key: str | None = None) -> None:
        super().__init__(message)
        self.key = key


class DataError(UserError):
    """Data that cannot be fetched, read or trusted."""


class RunLockedError(UserError):
    """Another process is executing this very run."""


class RunFailedError(Exception):
    """Something failed that is not the user's mistake; the message says where to look. Exit code 1."""


def require(key: str, value: object, valid: bool, allowed: str) -> None:
    """Refuses a constructor argument.

    Raises:
        ConfigError: if not `valid`; it names `key`, the value and what is allowed.
    """
    if not valid:
        raise ConfigError(f"{key}={value!r}: must be {allowed}", key=key)


def did_you_mean(word: str, allowed: Iterable[str]) -> str:
    """Returns `" Did you mean 'x'?"` for the nearest allowed word, or an empty string."""
    near = get_close_matches(word, list(allowed), n=1, cutoff=0.6)
    return f" Did you mean {near[0]!r}?" if near else ""
