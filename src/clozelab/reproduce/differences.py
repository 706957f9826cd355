"""What differs between a run then and the same run now: code, packages, hardware, numerics, bytes, parent."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

NOT_RECORDED = "not recorded"


@dataclass(frozen=True, slots=True)
class Difference:
    """A value that is another one now.

    Attributes:
        key: such as `packages.torch`.
        then: the value of the original.
        now: the value of its reproduction.
    """

    key: str
    then: str
    now: str

    @property
    def is_identity(self) -> bool:
        """Whether it makes another run: another computation, or other bytes to begin with."""
        return self.key.startswith("identity.")


def differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[Difference]:
    """Returns what differs. What was not recorded may differ, and counts.

    Args:
        then: run.json of the original, or what a record has of it.
        now: the same of the reproduction.
    """
    before, after = dict(_values(then)), dict(_values(now))
    if before.get("numerics.kernels") == after.get("numerics.kernels"):  # `auto` and `cpu` are one and the same there
        before.pop("numerics.trainer.accelerator", None)
        after.pop("numerics.trainer.accelerator", None)
    return [
        Difference(key, _shown(before, key), _shown(after, key))
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


def _shown(values: Mapping[str, Any], key: str) -> str:
    if key not in values:
        return NOT_RECORDED
    value = values[key]
    if key == "code.diff":
        return "no changes" if value is None else f"changes {value}"
    return "none" if value is None else re.sub(r"\b([0-9a-f]{12})[0-9a-f]{20,}\b", r"\1", str(value))  # of hashes
