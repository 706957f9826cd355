"""What makes two runs the same run. Every key is of one of three kinds, and a test keeps the table complete.

Identity keys say what is computed; their hash names the run. Numerics keys leave the computation as it is but change
its last bits: they are recorded, and an interrupted run refuses to go on under others. Free keys change neither.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from clozelab import environment
from clozelab.config.nodes import instantiate
from clozelab.config.origin import Origin
from clozelab.errors import ConfigError, UserError
from clozelab.record import Run
from clozelab.store.hashing import digest
from clozelab.types import Source

log = logging.getLogger(__name__)


class Kind(Enum):
    """Kind of a config key."""

    IDENTITY = "identity"
    NUMERICS = "numerics"
    FREE = "free"


UNUSED = ("batch_size", "micro_batches", "eval_batch_size", "max_length", "fraction", "license", "citation")
"""Keys that a corpus beside the data's own has, and that change nothing: only its texts are read."""

# The first pattern that matches a key decides.
KINDS: tuple[tuple[str, Kind], ...] = (
    ("seed", Kind.IDENTITY),
    ("num_threads", Kind.NUMERICS),
    ("feature_cache_gb", Kind.NUMERICS),
    ("study", Kind.FREE),
    ("name", Kind.FREE),
    ("output_dir", Kind.FREE),
    ("rerun", Kind.FREE),
    ("logger.*", Kind.FREE),
    ("callbacks.checkpoint.*", Kind.FREE),
    ("callbacks.curves.*", Kind.FREE),
    ("callbacks.progress.*", Kind.FREE),
    ("callbacks.*", Kind.IDENTITY),
    ("data.micro_batches", Kind.NUMERICS),
    ("data.eval_batch_size", Kind.NUMERICS),
    ("data.license", Kind.FREE),
    ("data.citation", Kind.FREE),
    ("data.source.*", Kind.FREE),  # what it brings is identity, by the hash of the bytes: see LOCATED
    ("data.*.source.*", Kind.FREE),
    *((f"data.{corpus}.{key}", Kind.FREE) for corpus in ("general", "more.*") for key in UNUSED),
    ("data.*", Kind.IDENTITY),
    ("model.source.*", Kind.FREE),
    ("model.license", Kind.FREE),
    ("model.*", Kind.IDENTITY),
    ("optimizer.*", Kind.IDENTITY),
    ("scheduler.*", Kind.IDENTITY),
    ("task.*", Kind.IDENTITY),
    ("trainer._target_", Kind.IDENTITY),
    ("trainer.max_epochs", Kind.IDENTITY),
    ("trainer.max_steps", Kind.IDENTITY),
    ("trainer.gradient_clip_val", Kind.IDENTITY),
    ("trainer.gradient_clip_algorithm", Kind.IDENTITY),
    ("trainer.precision", Kind.IDENTITY),
    ("trainer.check_val_every_n_epoch", Kind.IDENTITY),
    ("trainer.val_check_interval", Kind.IDENTITY),
    ("trainer.accelerator", Kind.NUMERICS),
    ("trainer.devices", Kind.NUMERICS),
    ("trainer.num_nodes", Kind.NUMERICS),
    ("trainer.strategy", Kind.NUMERICS),
    ("trainer.profiler", Kind.FREE),
    ("trainer.detect_anomaly", Kind.FREE),
)

LOCATED = ("train", "validation", "test", "path", "tokenizer")
"""Keys that say, beside a `source`, where bytes are: the bytes count, not the place."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What names a run.

    Attributes:
        values: identity keys and values, flat; the bytes behind a path stand in its place.
        numerics: numerics keys and values, flat.
        seed: of the run.
    """

    values: dict[str, Any]
    numerics: dict[str, Any]
    seed: int

    @property
    def hash(self) -> str:
        """Digest of all identity keys, 64 hex digits."""
        return digest(_canonical(self.values))

    @property
    def cell(self) -> str:
        """Digest of the identity without the seed, 8 hex digits."""
        return digest(_canonical({key: value for key, value in self.values.items() if key != "seed"}))[:8]


def kind_of(key: str) -> Kind:
    """Returns the kind of a dotted key.

    Raises:
        ConfigError: if the table does not know the key.
    """
    for pattern, kind in KINDS:
        if fnmatchcase(key, pattern):
            return kind
    raise ConfigError(f"{key}: not a key that clozelab knows to record; remove it")


def identify(config: Mapping[str, Any]) -> Identity:
    """Returns the identity of a plain, resolved configuration, without importing torch.

    Raises:
        ConfigError: for unknown keys and for files that are not there.
        DataError: if a hub has to be asked for a commit and does not answer.
    """
    located = {key: value for group in ("data", "model") for key, value in _located(config[group], group)}
    values: dict[Kind, dict[str, Any]] = {kind: {} for kind in Kind}
    for key, value in flatten(config):
        values[kind_of(key)][key] = located.get(key, value)
    return Identity(values[Kind.IDENTITY], values[Kind.NUMERICS], config["seed"])


def _located(node: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    """Yields dotted keys of a node, and of the nodes in it, with the digests of the bytes they stand for."""
    source = instantiate(node["source"]) if "source" in node or "." not in path else None  # a group must have one
    for key, value in node.items():
        if isinstance(value, Mapping) and key != "source":
            yield from _located(value, f"{path}.{key}")
        elif source is not None and key in LOCATED and value is not None:
            yield f"{path}.{key}", _fingerprint(source, f"{path}.{key}", value)


def _fingerprint(source: Source, key: str, path: str) -> str:
    try:
        return source.fingerprint(path)
    except OSError as error:
        raise ConfigError(f"{key}={path!r}: cannot be read: {error.strerror}") from error


def open_run(config: Mapping[str, Any], origin: Origin) -> tuple[Run, Identity]:
    """Returns the run directory of a configuration (nothing is written) and its identity.

    Raises:
        ConfigError: with every mistake of the configuration, if it cannot be identified.
    """
    try:
        identity = identify(config)
    except (UserError, TypeError, KeyError, AttributeError) as error:  # a node that is not one, a key of a wrong type
        from clozelab.config.check import check  # imports torch, which a sound configuration need not wait for

        check(config, origin)
        raise error
    run = Run(
        output_dir=Path(config["output_dir"]), study=config["study"], name=config["name"], cell=identity.cell,
        seed=config["seed"],
    )  # fmt: skip
    return run, identity


def warn_of_other_code(run: Run) -> None:
    """Warns if a completed run was made by other code than this: its code version is not part of its identity."""
    then, now = run.state().get("code") or {}, environment.code()
    if not environment.is_same_code(then, now):
        log.warning("%s was made by other code (%s) than this (%s)", run.folder, _code_name(then), _code_name(now))


def _code_name(code: Mapping[str, Any]) -> str:
    commit = code.get("commit") or "no commit"
    return str(commit)[:10] + (" with changes" if code.get("diff") else "")


def flatten(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yields (dotted key, value) of every leaf; lists are leaves, empty dicts vanish."""
    for key, value in config.items():
        if isinstance(value, Mapping):
            yield from flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _canonical(value: Any) -> Any:
    """Returns a plain value in which 1 and 1.0 are the same: both are written for the same number."""
    if isinstance(value, dict):
        return {key: _canonical(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_canonical(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
