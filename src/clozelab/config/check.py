"""One check of a whole configuration before anything is fetched or written: every mistake is reported at once.

Keys are bound to the real constructor signatures, values to their annotations; our own nodes, the optimizer, the
scheduler and the trainer are then constructed (constructors do no I/O), which refuses the rest.
"""

import inspect
import typing
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import pytorch_lightning as pl
import torch
from pydantic import ConfigDict, PydanticUserError, TypeAdapter, ValidationError
from pydantic.errors import PydanticSchemaGenerationError

from clozelab.config.nodes import RESERVED, find_target, is_node
from clozelab.config.origin import Origin
from clozelab.config.trainer import check_trainer
from clozelab.errors import ConfigError, did_you_mean


class _Stub:
    """Stands in for a child node that could not be constructed, so that its parent's other keys are still checked."""

    def check(self, path: str) -> None:
        """Accepts any path."""


def check(config: Mapping[str, Any], origin: Origin = lambda key: "") -> None:
    """Refuses a configuration that cannot run.

    Args:
        config: plain and resolved.
        origin: where a key was set, for the message.

    Raises:
        ConfigError: one line a mistake, with the full key path.
    """
    problems = find_problems(config, origin)
    if len(problems) == 1:
        raise ConfigError(problems[0])
    if problems:
        lines = "".join(f"\n  {problem}" for problem in problems)
        raise ConfigError(f"{len(problems)} mistakes in the configuration:{lines}")


def find_problems(config: Mapping[str, Any], origin: Origin) -> list[str]:
    """Returns every mistake, one line each."""
    problems: list[str] = []

    def report(key: str, message: str) -> None:
        problems.append(f"{message}{origin(key)}")

    for group in ("data", "model", "task"):
        _construct(config[group], group, report)
    for group in ("callbacks", "logger"):
        for name, node in (config[group] or {}).items():
            if is_node(node):
                _construct(node, f"{group}.{name}", report)
            else:
                report(f"{group}.{name}", f"{group}.{name}={node!r}: must be a node with a _target_")
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = _construct(config["optimizer"], "optimizer", report, params=[parameter])
    scheduler = _construct(config["scheduler"], "scheduler", report)
    if isinstance(optimizer, torch.optim.Optimizer) and scheduler is not None and not isinstance(scheduler, _Stub):
        scheduler.build(optimizer=optimizer, num_steps=10)
    _check_root(config, report)
    wrong = check_trainer(config["trainer"], report)
    _bind(pl.Trainer, {k: v for k, v in config["trainer"].items() if k not in ("_target_", *wrong)}, "trainer", report)
    return problems


Report = Callable[[str, str], None]


def _check_root(config: Mapping[str, Any], report: Report) -> None:
    threads = config["num_threads"]
    if threads is not None and threads < 1:
        report("num_threads", f"num_threads={threads!r}: must be null or an integer >= 1")
    if config["seed"] < 0:
        report("seed", f"seed={config['seed']!r}: must be an integer >= 0")
    study = config["study"]
    if not study or study.startswith((".", "/")) or ".." in study:
        report("study", f"study={study!r}: must be a folder name below output_dir")


def _construct(node: Any, path: str, report: Report, **runtime: Any) -> Any:
    """Returns the object of a node, or a stub after reporting what is wrong with it."""
    if not is_node(node):
        report(path, f"{path}={node!r}: must be a node with a _target_")
        return _Stub()
    try:
        target = find_target(node["_target_"])
    except ConfigError as error:
        report(f"{path}._target_", f"{path}.{error}")
        return _Stub()
    given = {key: value for key, value in node.items() if key != "_target_"}
    valid = _bind(target, given, path, report, runtime)
    for key, value in given.items():
        if is_node(value):
            valid[key] = _construct(value, f"{path}.{key}", report)
    return _build(target, valid, path, report, runtime)


def _build(target: Callable[..., Any], arguments: dict[str, Any], path: str, report: Report, runtime: Any) -> Any:
    """Constructs, leaving out one refused argument after the other until nothing more is refused."""
    remaining = dict(arguments)
    parameters = inspect.signature(target).parameters
    while True:
        if any(p.default is p.empty and n not in {*remaining, *runtime} for n, p in parameters.items()):
            return _Stub()  # a required argument is missing or wrong, and has been reported
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return target(**remaining, **runtime)
        except ConfigError as error:
            report(f"{path}.{error.key}", f"{path}.{error}")
            if error.key not in remaining:
                return _Stub()
            del remaining[error.key]
        except (ValueError, TypeError, RuntimeError) as error:  # how torch and Lightning refuse a value
            report(path, f"{path}: {error}")
            return _Stub()


def _bind(
    target: Callable[..., Any], given: dict[str, Any], path: str, report: Report, runtime: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Reports unknown, reserved, missing and ill-typed keys; returns the others."""
    parameters = inspect.signature(target).parameters
    settable = [name for name in parameters if name not in (runtime or {})]
    hints = _hints(target)
    valid = {}
    name = getattr(target, "__name__", str(target))
    for key, value in given.items():
        where = f"{path}.{key}"
        if key in RESERVED and key not in settable:
            report(where, f"{where}: is set by clozelab itself while it runs, no config may")
        elif key not in parameters:
            allowed = ", ".join(settable)
            report(where, f"{where}: {name} has no such key.{did_you_mean(key, settable)} Allowed: {allowed}")
        elif value == "???":
            report(where, f"{where}: must be given, for example on the command line: {where}=...")
        elif problem := _type_problem(value, hints.get(key, Any)):
            report(where, f"{where}={value!r}: {problem}")
        else:
            valid[key] = value
    for key, parameter in parameters.items():
        required = parameter.default is parameter.empty and parameter.kind is not parameter.VAR_KEYWORD
        if required and key not in given and key not in (runtime or {}):
            report(path, f"{path}.{key}: must be given")
    return valid


def _hints(target: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(inspect.unwrap(target.__init__), include_extras=True)  # type: ignore[misc]
    except (NameError, TypeError):  # some libraries annotate with names that exist for type checkers only
        return {}


def _type_problem(value: Any, hint: Any) -> str:
    """Returns why a plain value does not fit an annotation, or an empty string."""
    if is_node(value) or hint is Any:
        return ""
    try:
        adapter = TypeAdapter(hint, config=ConfigDict(arbitrary_types_allowed=True))
    except (PydanticUserError, PydanticSchemaGenerationError):
        return ""
    try:
        # Strict for scalars, or "3" would pass for 3; lax for lists, which stand for tuples too.
        adapter.validate_python(value, strict=not isinstance(value, list | dict))
    except ValidationError as error:
        messages = dict.fromkeys(detail["msg"].replace("Input should be", "must be") for detail in error.errors())
        return " or ".join(message.removeprefix("must be ") if i else message for i, message in enumerate(messages))
    return ""
