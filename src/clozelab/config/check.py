"""One check of a whole configuration before anything is fetched or written: every mistake is reported at once.

Keys are bound to the real constructor signatures, values to their annotations; our own nodes, the optimizer, the
scheduler and the trainer are then constructed (constructors do no I/O), which refuses the rest.
"""

import inspect
import logging
import math
import warnings
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Any, Protocol, get_args

import pytorch_lightning as pl
import torch
from lightning_fabric.utilities.exceptions import MisconfigurationException
from pytorch_lightning.loggers import Logger

from clozelab.config.annotations import annotations, describe, fits, type_problem
from clozelab.config.callbacks import check_callbacks
from clozelab.config.kinds import beside_problems, kind_problem
from clozelab.config.messages import join
from clozelab.config.nodes import RESERVED, are_nodes, find_target, is_node
from clozelab.config.origin import Origin
from clozelab.config.schema import ROOT_KEYS, root_problems
from clozelab.config.trainer import ELSEWHERE, check_trainer
from clozelab.errors import ConfigError, did_you_mean
from clozelab.optimizer.groups import Groups

Report = Callable[[str, str], None]
REFUSALS = (ValueError, TypeError, AttributeError, RuntimeError, MisconfigurationException)
"""How torch and Lightning refuse a value."""


class Model(Protocol):
    """What `model` must be."""

    def tokenizer(self, corpus: Any) -> Any:
        """Returns the encoder's tokenizer."""

    def build(self, *, head: str, labels: Any) -> Any:
        """Returns the encoder under a new head."""


class Scheduler(Protocol):
    """What `scheduler` must be."""

    def build(self, *, optimizer: Any, num_steps: int) -> Any:
        """Returns the schedule."""


ROLES: dict[str, Any] = {
    "data": pl.LightningDataModule,
    "model": Model,
    "task": pl.LightningModule,
    "callbacks": pl.Callback,
    "logger": Logger,
    "optimizer": torch.optim.Optimizer,
    "scheduler": Scheduler,
    "trainer": pl.Trainer,
}
"""What the nodes of a group must be."""


class _Stub:
    """Stands in for a child node that could not be constructed, so that its parent's other keys are still checked."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *args, **kwargs: None


def check(config: Mapping[str, Any], origin: Origin = lambda key: "") -> None:
    """Refuses a configuration that cannot run.

    Args:
        config: plain and resolved.
        origin: where a key was set, for the message.

    Raises:
        ConfigError: one line a mistake, with the full key path.
    """
    if problems := find_problems(config, origin):
        raise ConfigError(join(problems))


def find_problems(config: Mapping[str, Any], origin: Origin) -> list[str]:
    """Returns every mistake, one line each."""
    problems: list[str] = []

    def report(key: str, message: str) -> None:
        problems.append(f"{message}{origin(key)}")

    whole = {**dict.fromkeys(ROOT_KEYS, "???"), **config}
    for key, message in root_problems(whole):
        report(key, message)
    groups = {key: value for key, value in whole.items() if isinstance(value, Mapping)}
    mismatch = kind_problem(groups.get("data"), groups.get("task"))
    if mismatch:
        report("data.format._target_", mismatch)
    for key, message in beside_problems(groups.get("data")):
        report(f"{key}.format._target_", message)
    for group in ("data", "model", "task"):
        if group in groups and not (mismatch and group == "data"):  # whose keys are all right, elsewhere
            _construct(groups[group], group, ROLES[group], report)
    for group in ("callbacks", "logger"):
        for name, node in groups.get(group, {}).items():
            _construct(node, f"{group}.{name}", ROLES[group], report)
    if "callbacks" in groups:
        check_callbacks(groups["callbacks"], report)
    _check_optimisation(groups, report)
    if "trainer" in groups:
        _check_trainer(groups["trainer"], report)
    return list(dict.fromkeys(problems))


def _check_optimisation(groups: Mapping[str, Any], report: Report) -> None:
    """Constructs optimizer and scheduler on parameters of one element, in two groups as a run has them."""
    parameters = [{"params": [torch.nn.Parameter(torch.zeros(1))]} for _ in range(2)]
    node = groups.get("optimizer", {})
    if "groups" in node:  # not of the optimizer's own constructor: it says which parameters go there
        _construct(node["groups"], "optimizer.groups", Groups, report)
        groups = {**groups, "optimizer": {key: value for key, value in node.items() if key != "groups"}}
    made = {
        group: _construct(groups[group], group, ROLES[group], report, runtime, beside=beside)
        for group, runtime, beside in (("optimizer", {"params": parameters}, ("groups",)), ("scheduler", {}, ()))
        if group in groups
    }
    if len(made) == 2 and not any(isinstance(thing, _Stub) for thing in made.values()):
        refusal = _attempt(made["scheduler"].build, {"optimizer": made["optimizer"], "num_steps": 10})
        if isinstance(refusal, Exception):
            report("scheduler", f"scheduler: {_short(refusal)}")


def _check_trainer(node: Mapping[str, Any], report: Report) -> None:
    wrong = check_trainer(node, report)
    kept = {key: value for key, value in node.items() if key not in wrong}
    # What a run passes, so that a combination Lightning refuses is refused here. `auto` is resolved by the run.
    runtime = dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False)
    precision = {"precision": "32-true"} if kept.get("precision") == "auto" else {}
    _construct({**kept, **precision}, "trainer", ROLES["trainer"], report, runtime, hidden=ELSEWHERE)


def _construct(
    node: Any,
    path: str,
    role: Any,
    report: Report,
    runtime: Mapping[str, Any] = MappingProxyType({}),
    *,
    hidden: Collection[str] = (),
    beside: Collection[str] = (),
) -> Any:
    """Returns the object of a node, or a stub after reporting what is wrong with it.

    Args:
        node: from the config.
        path: of the node.
        role: annotation that the object must fit.
        report: takes key and message.
        runtime: arguments that only a run knows.
        hidden: arguments that no config may set, and no message should offer.
        beside: keys that are no arguments, but should be offered.
    """
    if not is_node(node):
        report(path, f"{path}={node!r}: must be a node with a _target_")
        return _Stub()
    try:
        target = find_target(node["_target_"])
    except ConfigError as error:
        report(f"{path}._target_", f"{path}.{error}")
        return _Stub()
    if not fits(target, role):
        wanted = f"must name a class of type {role.__name__}" if isinstance(role, type) else f"must be {describe(role)}"
        report(f"{path}._target_", f"{path}._target_={node['_target_']!r}: {wanted}")
        return _Stub()
    given = {key: value for key, value in node.items() if key != "_target_"}
    valid = _bind(target, given, path, report, {*hidden, *runtime}, beside)
    _construct_arguments(target, valid, path, report)
    return _build(target, valid, path, report, runtime)


def _construct_arguments(target: type, valid: dict[str, Any], path: str, report: Report) -> None:
    """Puts objects in the places of nodes, and of nodes by name; leaves out what cannot be and need not be."""
    hints = annotations(target)
    for key in [key for key, value in valid.items() if are_nodes(value)]:
        _, role = get_args(hints.get(key)) or (str, Any)
        made = {name: _construct(node, f"{path}.{key}.{name}", role, report) for name, node in valid[key].items()}
        valid[key] = {name: thing for name, thing in made.items() if not isinstance(thing, _Stub)}
    for key in [key for key, value in valid.items() if is_node(value)]:
        valid[key] = _construct(valid[key], f"{path}.{key}", hints.get(key, Any), report)
        has_default = inspect.signature(target).parameters[key].default is not inspect.Parameter.empty
        if isinstance(valid[key], _Stub) and has_default:
            del valid[key]


def _bind(
    target: type, given: dict[str, Any], path: str, report: Report, runtime: Collection[str], beside: Collection[str]
) -> dict[str, Any]:
    """Reports unknown, reserved, missing and ill-typed keys; returns the others."""
    parameters = inspect.signature(target).parameters
    settable = [name for name in parameters if name not in runtime]
    hints = annotations(target)
    valid = {}
    for key, value in given.items():
        where = f"{path}.{key}"
        if key in RESERVED and key not in settable:
            report(where, f"{where}: is set by clozelab itself while it runs, no config may")
        elif key not in settable:
            offered = [*settable, *beside]
            near = did_you_mean(key, offered)
            allowed = "" if near and len(offered) > 12 else f" Allowed: {', '.join(offered) or 'none'}"
            report(where, f"{where}: {target.__name__} has no such key.{near}{allowed}")
        elif value == "???":
            report(where, f"{where}: must be given, for example on the command line: {where}=...")
        elif isinstance(value, float) and not math.isfinite(value):
            report(where, f"{where}={value!r}: must be a finite number")
        elif not is_node(value) and not are_nodes(value) and (problem := type_problem(value, hints.get(key, Any))):
            report(where, f"{where}={value!r}: {problem}")
        else:
            valid[key] = value
    for key in settable:
        if parameters[key].default is inspect.Parameter.empty and key not in given:
            report(f"{path}.{key}", f"{path}.{key}: must be given")
    return valid


def _build(target: type, arguments: dict[str, Any], path: str, report: Report, runtime: Mapping[str, Any]) -> Any:
    """Constructs, leaving out one refused argument after the other until nothing more is refused.

    Required arguments that are missing or wrong have been reported; a stub in their place lets the others be refused.
    """
    required = {n for n, p in inspect.signature(target).parameters.items() if p.default is p.empty} - runtime.keys()
    remaining = {**{name: _Stub() for name in required}, **arguments}
    while isinstance(outcome := _attempt(target, {**remaining, **runtime}), Exception):
        is_guess = any(isinstance(value, _Stub) for value in remaining.values())
        if isinstance(outcome, ConfigError):
            key, message = outcome.key, f"{path}.{outcome}"
        elif is_guess:  # the stub's fault, most likely
            return _Stub()
        else:
            key = _culprit(target, outcome, remaining, required, runtime)
            message = f"{path}.{key}={remaining[key]!r}: {_short(outcome)}" if key else f"{path}: {_short(outcome)}"
        if key not in remaining or isinstance(remaining[key], _Stub):
            if not is_guess:
                report(path, message)
            return _Stub()
        report(f"{path}.{key}", message)
        if key in required:
            return _Stub()
        del remaining[key]
    return outcome


def _culprit(
    target: type, error: Exception, arguments: dict[str, Any], required: Collection[str], runtime: Mapping[str, Any]
) -> str | None:
    """Returns the argument without which the error does not occur: libraries seldom name it."""
    for key in arguments:
        if key not in required:
            rest = {name: value for name, value in arguments.items() if name != key}
            if str(_attempt(target, {**rest, **runtime})) != str(error):
                return key
    return None


def _short(error: Exception) -> str:
    """Returns the first sentences of a library's message, which may be a page long."""
    text = " ".join(str(error).split())
    if len(text) <= 160:
        return text
    return text[: max(text.rfind(". ", 0, 160) + 1, 0) or 160]


def _attempt(target: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
    """Returns what a call returns, or the error it refuses its arguments with; silently, Lightning likes to talk."""
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return target(**arguments)
    except (ConfigError, *REFUSALS) as error:
        return error
    finally:
        logging.disable(disabled)
