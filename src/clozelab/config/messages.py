"""Hydra's and OmegaConf's errors as one line in plain words."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import yaml
from hydra.errors import HydraException, MissingConfigException
from omegaconf.errors import OmegaConfBaseException

from clozelab.config.origin import Origin, option_problem, yaml_message
from clozelab.config.schema import GROUPS, unknown_root
from clozelab.errors import ConfigError, did_you_mean


def unknown_group(word: str) -> str:
    """Returns the message for a group that there is not."""
    return f"{word}: no such group.{did_you_mean(word, GROUPS)} Groups: {', '.join(GROUPS)}"


def join(problems: Sequence[str]) -> str:
    """Returns one message for all mistakes, each once."""
    distinct = list(dict.fromkeys(problems))
    if len(distinct) == 1:
        return distinct[0]
    return "".join([f"{len(distinct)} mistakes in the configuration:", *(f"\n  {problem}" for problem in distinct)])


@contextmanager
def readable_errors(origin: Origin, folders: Sequence[Path]) -> Iterator[None]:
    """Puts a message of ours in the place of theirs.

    Args:
        origin: where a key was set.
        folders: where configs are looked for.

    Raises:
        ConfigError: instead of anything that composing raises.
    """
    try:
        yield
    except MissingConfigException as error:
        group, _, option = (error.missing_cfg_file or "").rpartition("/")
        if group.startswith("hydra"):
            raise ConfigError(f"{group}={option}: no such option; is the package that brings it installed?") from error
        raise ConfigError(option_problem(group, option, folders) or str(error).splitlines()[0]) from error
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(_message(error, origin)) from error
    except yaml.YAMLError as error:
        raise ConfigError(yaml_message(error, "a config file")) from error


def _message(error: BaseException, origin: Origin) -> str:
    cause: BaseException = error
    while cause.__cause__ is not None and not isinstance(cause, OmegaConfBaseException):
        cause = cause.__cause__
    text = str(getattr(cause, "msg", None) or cause)
    where = ""
    if match := re.match(r"In '([^']*)': (?:\w+ raised while composing config:\n)?", text):
        where, text = f" ({match[1]}.yaml)", text[match.end() :]
    first = text.splitlines()[0] if text else type(error).__name__
    if match := re.match(r"Key '([^']+)' not in 'Root'", first):
        return unknown_root(match[1], match[1]) + where
    if match := re.match(r"Could not override '/?([^']+)'", first):
        return unknown_group(match[1]) + where
    key = getattr(cause, "full_key", None)
    if key is None and (match := re.search(r"^\s*full_key: (\S+)", text, re.MULTILINE)):
        key = match[1]
    before = f"{key}: " if key and key not in first else ""
    return before + first + (where or (origin(key) if key else ""))
