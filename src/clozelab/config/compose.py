"""Hydra composes configurations, and does nothing else here: no directories, no logs, no jobs."""

import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import hydra
import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import OverrideType
from hydra.errors import HydraException, MissingConfigException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from clozelab.config.origin import Origin, conf_dir, origin_of
from clozelab.config.schema import GROUPS, ROOT_KEYS, SCALARS, register
from clozelab.errors import ConfigError, did_you_mean


def run_hydra(arguments: Sequence[str], launch: Callable[[dict[str, Any], Origin], None]) -> None:
    """Answers `--help`, `--cfg` and the like, or composes and launches.

    Args:
        arguments: of the command line, after the verb; `-m` may stand anywhere.
        launch: takes the one composed config, and where its keys were set. The cells of a sweep go to the launcher plugin instead.

    Raises:
        ConfigError: if the configuration cannot be composed.
    """
    register()
    flags = [a for a in arguments if a in ("-m", "--multirun")]
    rest = [a for a in arguments if a not in ("-m", "--multirun")]
    only_shows = any(a.startswith(("-", "--")) and not a.startswith(("--config-dir", "-cd")) for a in rest)
    # Hydra stops at the first unknown key. Forced in, all of them reach the check, which reports them together.
    overrides = rest if only_shows else _force(rest)
    composed: list[dict[str, Any]] = []

    def clozelab(config: DictConfig) -> None:
        composed.append(freeze(config, rest))  # here, where Hydra still knows what was chosen

    main = hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name="config")(clozelab)
    with _arguments([*flags[:1], *overrides]), _readable_errors():
        main()
    if composed:
        launch(composed[0], origin_of(rest))


def freeze(config: DictConfig, overrides: Sequence[str]) -> dict[str, Any]:
    """Returns a composed config as a plain, resolved dict, with its readable name made if it has none.

    Args:
        config: with or without Hydra's own node.
        overrides: of the command line, for the name and for error messages.
    """
    with_choices = config if "hydra" in config else _hydra_config()
    choices = {g: str(with_choices.hydra.runtime.choices.get(g)) for g in GROUPS}
    plain = OmegaConf.masked_copy(config, [k for k in config if k != "hydra"])
    result: dict[str, Any] = OmegaConf.to_container(plain, resolve=True)  # type: ignore[assignment]
    result.pop("experiment", None)
    result["name"] = result["name"] or _readable_name(choices, overrides)
    return result


def _hydra_config() -> Any:
    from hydra.core.hydra_config import HydraConfig

    return OmegaConf.create({"hydra": HydraConfig.get()})


def _readable_name(choices: dict[str, str], overrides: Sequence[str]) -> str:
    """Returns data, model and the changed keys, short enough for a folder's name; its hash makes it unique."""
    changed = []
    for override in overrides:
        key, _, value = override.lstrip("+").partition("=")
        if "." in key and not key.startswith(("logger.", "callbacks.", "hydra.")):
            changed.append(f"{key.rpartition('.')[2]}={value}")
    name = "-".join([choices["data"], choices["model"], *changed])
    return re.sub(r"[^\w.=+-]+", "_", name)[:80].rstrip("._-")


def _force(arguments: Sequence[str]) -> list[str]:
    """Turns `a.b=1` into `++a.b=1`, and refuses unknown root keys, all at once.

    Raises:
        ConfigError: one line an unknown key.
    """
    parser = OverridesParser.create()
    result, problems = [], []
    previous = ""
    for argument in arguments:
        takes_value = previous in ("--config-dir", "-cd")
        previous = argument
        if argument.startswith("-") or takes_value:
            result.append(argument)
            continue
        with _readable_errors():
            override = parser.parse_override(argument)
        key = override.key_or_group
        root = re.split(r"[./@]", key)[0]
        if root not in (*ROOT_KEYS, "experiment", "hydra"):
            problems.append(f"{key}: no such key.{did_you_mean(root, (*ROOT_KEYS, 'experiment'))} Root keys: {_list_roots()}")
        plain_change = override.type == OverrideType.CHANGE and ("." in key or key in SCALARS) and root != "hydra"
        result.append(f"++{argument}" if plain_change else argument)
    if problems:
        raise ConfigError("\n  ".join(problems))
    return result


def _list_roots() -> str:
    return ", ".join((*GROUPS, *SCALARS))


@contextmanager
def _arguments(arguments: Sequence[str]) -> Iterator[None]:
    """Gives Hydra its command line, and makes it pass errors on instead of printing them."""
    saved_argv, saved = sys.argv, os.environ.get("HYDRA_FULL_ERROR")
    sys.argv = ["clozelab train", *arguments]
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        yield
    finally:
        sys.argv = saved_argv
        if saved is None:
            del os.environ["HYDRA_FULL_ERROR"]
        else:
            os.environ["HYDRA_FULL_ERROR"] = saved


@contextmanager
def _readable_errors() -> Iterator[None]:
    """Turns Hydra's and OmegaConf's errors into one short message.

    Raises:
        ConfigError: in place of them.
    """
    try:
        yield
    except MissingConfigException as error:
        group, _, option = (error.missing_cfg_file or "").rpartition("/")
        options = [o for o in error.options or [] if o not in ("base", "bert")]
        hint = did_you_mean(option, options)
        message = f"{group}={option}: no such option.{hint} Options: {', '.join(options)}" if group else str(error)
        raise ConfigError(message) from error
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(_message(error)) from error
    except yaml.YAMLError as error:
        raise ConfigError(f"not valid YAML: {error}") from error


def _message(error: BaseException) -> str:
    cause: BaseException = error
    while cause.__cause__ is not None and not isinstance(cause, OmegaConfBaseException):
        cause = cause.__cause__
    key = getattr(cause, "full_key", None)
    text = str(getattr(cause, "msg", None) or cause)
    first = text.splitlines()[0]
    if match := re.match(r"Key '(\w+)' not in 'Root'", first):
        word = match[1]
        return f"{word}: no such root key.{did_you_mean(word, ROOT_KEYS)} Root keys: {_list_roots()}"
    if key and (match := re.match(r"Value '(.*)' of type '\w+' could not be converted to (\w+)", first)):
        return f"{key}={match[1]!r}: must be of type {match[2].lower()}"
    where = f"{key}: " if key and key not in first else ""
    return where + first
