"""What differs between a run then and the same run now: code, packages, hardware, numerics, bytes, parent."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from clozelab.environment import is_same_code
from clozelab.errors import ConfigError
from clozelab.identity import Kind, kind_of

NOT_RECORDED = "not recorded"

HARMLESS = ("packages.hydra-core", "packages.wandb", "hardware.cores", "parent.id", "parent.identity_hash")
"""What can change no number: what composed the configuration, which is there resolved; what draws curves; cores beyond
the threads that numerics has; names of a parent, whose weights count by their hash."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A value that is another one now.

    Attributes:
        key: such as `packages.torch`.
        then: the value of the original.
        now: the value of its reproduction.
        counts: whether it may change a number; what does not is worth knowing, and no reason for a tolerance.
    """

    key: str
    then: str
    now: str
    counts: bool = True

    @property
    def is_identity(self) -> bool:
        """Whether it makes another run: another computation, or other bytes to begin with."""
        return self.counts and self.key.startswith("identity.")


def differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[Difference]:
    """Returns what differs. What was not recorded may differ, and counts.

    Args:
        then: run.json of the original, or what a record has of it.
        now: the same of the reproduction.
    """
    before, after = dict(_values(then)), dict(_values(now))
    same_code = is_same_code(then.get("code") or {}, now.get("code") or {})
    if "code.source" not in before:  # of a run that is older than this hash
        after.pop("code.source", None)
    if before.get("numerics.kernels") == after.get("numerics.kernels"):  # `auto` and `cpu` are one and the same there
        before.pop("numerics.trainer.accelerator", None)
        after.pop("numerics.trainer.accelerator", None)
    return [
        Difference(key, _shown(before, key), _shown(after, key), _counts(key, before, after, same_code))
        for key in dict.fromkeys([*before, *after])
        if before.get(key, NOT_RECORDED) != after.get(key, NOT_RECORDED)
    ]


def _values(state: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yields what is compared, under dotted keys."""
    for group in ("code", "packages", "hardware", "numerics", "identity"):
        for key, value in (state.get(group) or {}).items():
            if not key.startswith("package."):  # the packages have them, too
                yield f"{group}.{key}", value
    if "tokenizer" in state:
        yield "tokenizer", state["tokenizer"]
    for key in ("id", "identity_hash", "model_hash"):
        for parent in state.get("ancestry", [])[:1]:  # what came before it is in its hash
            yield f"parent.{key}", parent.get(key)


def _counts(key: str, before: Mapping[str, Any], after: Mapping[str, Any], same_code: bool) -> bool:
    if key.startswith("code."):
        return not same_code
    if key == "hardware.system":  # an update of the kernel or a reboot; the C library computes logarithms
        return len({_without_kernel(str(values.get(key, ""))) for values in (before, after)}) > 1
    if key.startswith("identity.") and key not in after:  # later code has found that it says nothing of the result
        return not _is_free(key.removeprefix("identity."))
    return key not in HARMLESS


def _without_kernel(system: str) -> str:
    """Returns what `platform.platform` says of a Linux without the release of its kernel."""
    return re.sub(r"^Linux-.*-(?=[^-]+-with-)", "Linux-", system)


def _is_free(key: str) -> bool:
    try:
        return kind_of(key) is Kind.FREE
    except ConfigError:
        return False


def _shown(values: Mapping[str, Any], key: str) -> str:
    if key not in values:
        return NOT_RECORDED
    value = values[key]
    if key == "code.diff":
        return "no changes" if value is None else f"changes {value}"
    return "none" if value is None else re.sub(r"\b([0-9a-f]{12})[0-9a-f]{20,}\b", r"\1", str(value))  # of hashes
