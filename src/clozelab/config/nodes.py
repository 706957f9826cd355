"""From a `_target_` node to an object: the one place where a name in a config file becomes code.

A config file must not be able to run arbitrary code. A target is taken only from an allow-list of modules, and only if
it is defined there: `torch.optim.os.system` is in no module of ours.
"""

import importlib
import inspect
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from clozelab.errors import ConfigError, did_you_mean

OURS = tuple(
    f"clozelab.{p}." for p in ("task", "data", "model", "optimizer", "scheduler", "callbacks", "logger", "store")
)
LIBRARIES = ("torch.optim.", "pytorch_lightning.trainer.trainer.", "pytorch_lightning.callbacks.", "torchmetrics.")
ALIASES = {"pytorch_lightning.Trainer": "pytorch_lightning.trainer.trainer.Trainer"}
RESERVED = frozenset(
    {
        "callbacks", "default_root_dir", "encoder", "folder", "labels", "layers", "make_optimizer", "make_scheduler",
        "num_steps", "optimizer", "params", "spec", "tokenizer",
    }
)  # fmt: skip
"""Names of what clozelab itself passes at run time; no config may set them below a group."""


def allowed_prefixes() -> tuple[str, ...]:
    """Returns what a target may begin with, those of installed packages (entry points `clozelab.targets`) included."""
    return OURS + LIBRARIES + _declared_prefixes()


@cache  # reads a file of every installed package, which took three quarters of a configuration's check
def _declared_prefixes() -> tuple[str, ...]:
    return tuple(point.value.rstrip(".") + "." for point in entry_points(group="clozelab.targets"))


def is_node(value: object) -> bool:
    """Says whether a config value describes an object."""
    return isinstance(value, dict) and "_target_" in value


def are_nodes(value: object) -> bool:
    """Says whether a config value describes objects by name."""
    return isinstance(value, dict) and bool(value) and all(map(is_node, value.values()))


def find_target(name: object) -> type:
    """Returns the class a `_target_` names.

    Raises:
        ConfigError: if it is not on the allow-list or does not exist.
    """
    if not isinstance(name, str) or not all(part.isidentifier() for part in name.split(".")):
        raise ConfigError(f"_target_={name!r}: must be the dotted name of a class", key="_target_")
    path = ALIASES.get(name, name)
    prefix = next((p for p in allowed_prefixes() if path.startswith(p)), None)
    if prefix is None:
        raise ConfigError(
            f"_target_={name!r}: not allowed; a config may name classes of clozelab, torch.optim, torchmetrics, "
            "pytorch_lightning.callbacks and of packages with the entry point 'clozelab.targets'",
            key="_target_",
        )
    module_name, _, attribute = path.rpartition(".")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise ConfigError(f"_target_={name!r}: no module {error.name or module_name!r}", key="_target_") from error
    target = getattr(module, attribute, None)
    home = getattr(target, "__module__", "") + "."
    if not inspect.isclass(target) or not home.startswith(prefix):
        classes = [n for n, v in vars(module).items() if inspect.isclass(v) and v.__module__.startswith(prefix)]
        hint = did_you_mean(attribute, classes)
        raise ConfigError(f"_target_={name!r}: {module_name} defines no class {attribute!r}.{hint}", key="_target_")
    return target


def instantiate(node: dict[str, Any], **runtime: Any) -> Any:
    """Returns the object a node describes, nested nodes first.

    Args:
        node: plain dict with `_target_` and constructor arguments.
        runtime: arguments that no config holds.

    Raises:
        ConfigError: if a target is not allowed or refuses its values.
    """
    arguments = {key: _value(value) for key, value in node.items() if key != "_target_"}
    return find_target(node["_target_"])(**arguments, **runtime)


def _value(value: Any) -> Any:
    if is_node(value):
        return instantiate(value)
    if isinstance(value, dict):
        return {key: _value(item) for key, item in value.items()}
    return [_value(item) for item in value] if isinstance(value, list) else value
