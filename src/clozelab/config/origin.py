"""Where the configs are, and which file set a key, for messages that send a user to the right line."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml

from clozelab.config.schema import GROUPS


Origin = Callable[[str], str]
"""Key path -> " (conf/optimizer/adamw.yaml)", or an empty string where the file is not known."""


def conf_dir() -> Path:
    """Returns the directory of the configs: beside the package in a wheel, at the top of a clone."""
    packaged = Path(__file__).parents[1] / "conf"
    return packaged if packaged.is_dir() else Path(__file__).parents[3] / "conf"


def origin_of(overrides: Sequence[str], choices: dict[str, str] | None = None) -> Origin:
    """Returns a function from a key path to where it was set, as a remark for a message.

    Args:
        overrides: of the command line.
        choices: option of each group, where known.
    """
    keys = {override.lstrip("+~").partition("=")[0] for override in overrides}
    files = _config_files(overrides, choices or {})

    def origin(path: str) -> str:
        if path in keys:
            return " (command line)"
        for file, content in files:
            if _has_key(content, path.split(".")):
                return f" ({file})"
        return ""

    return origin


def _config_files(overrides: Sequence[str], choices: dict[str, str]) -> list[tuple[str, Any]]:
    """Returns the files a config came from, the ones that win first, each with its content placed from the root."""
    chosen = {**choices, **dict(o.partition("=")[::2] for o in overrides if o.partition("=")[0] in GROUPS)}
    roots = [conf_dir(), *(Path(d) for d in _extra_dirs(overrides))]
    found: list[tuple[str, Any]] = []
    for group in reversed(GROUPS):
        pending = [chosen.get(group) or _default(group)]
        while pending:
            option = pending.pop(0)
            file = next((p for r in reversed(roots) if (p := r / group / f"{option}.yaml").exists()), None)
            if file is None:
                continue
            text = file.read_text(encoding="utf-8")
            content = yaml.safe_load(text) or {}
            pending += [d for d in content.pop("defaults", []) if isinstance(d, str) and d != "_self_"]
            place = content if "@package _global_" in text else {group: content}
            found.append((f"conf/{group}/{option}.yaml" if file.is_relative_to(roots[0]) else str(file), place))
    return found


def _default(group: str) -> str:
    defaults = yaml.safe_load((conf_dir() / "config.yaml").read_text(encoding="utf-8"))["defaults"]
    return next(str(entry[group]) for entry in defaults if isinstance(entry, dict) and group in entry)


def _extra_dirs(arguments: Sequence[str]) -> list[str]:
    found = [a.partition("=")[2] for a in arguments if a.startswith("--config-dir=")]
    return found + [b for a, b in zip(arguments, arguments[1:], strict=False) if a in ("--config-dir", "-cd")]


def _has_key(content: Any, path: list[str]) -> bool:
    for part in path:
        if not isinstance(content, dict) or part not in content:
            return False
        content = content[part]
    return True
