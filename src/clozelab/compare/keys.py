"""Config keys of cells: which differ, under the shortest name that is clear, and cells chosen by their values."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from clozelab.compare.cells import Cell, few
from clozelab.errors import ConfigError, did_you_mean
from clozelab.identity import LOCATED

STUDY = "study"
"""Not a key of the identity, but cells of several studies differ in it."""


@dataclass(frozen=True, slots=True)
class Column:
    """A key that differs between cells.

    Attributes:
        key: full dotted key.
        name: its last part, or the whole key where two columns would be called the same.
        values: of each cell; None where a cell has no such key.
        implied: whether it says no more than the class of a node does, which is a column, too: all cells with that
            class have the key, with one value, and no other has it.
    """

    key: str
    name: str
    values: list[Any]
    implied: bool = False


def differing(cells: Sequence[Cell]) -> list[Column]:
    """Returns the keys in which cells differ, in the order of the configuration."""
    known = [cell for cell in cells if cell.identity]
    keys = [k for k in _keys(known) if len({_canonical(cell.identity.get(k)) for cell in known}) > 1]
    values = {key: _values(key, cells) for key in keys}
    if len({cell.study for cell in cells}) > 1:
        keys, values = [STUDY, *keys], {**values, STUDY: [cell.study for cell in cells]}
    short = [_short(key) for key in keys]
    return [
        Column(k, s if short.count(s) == 1 else _whole(k), values[k], _is_implied(k, known))
        for k, s in zip(keys, short, strict=True)
    ]


def _is_implied(key: str, cells: Sequence[Cell]) -> bool:
    having = [cell for cell in cells if key in cell.identity]
    if len({_canonical(cell.identity[key]) for cell in having}) != 1:
        return False
    nodes = [key[:i] for i, character in enumerate(key) if character == "."]
    for owner in (f"{node}._target_" for node in nodes if f"{node}._target_" != key):
        with_key, without = (
            {cell.identity.get(owner) for cell in cells if (key in cell.identity) is has} for has in (True, False)
        )
        if not with_key & without:
            return True
    return False


def _keys(cells: Iterable[Cell]) -> list[str]:
    return list(dict.fromkeys(key for cell in cells for key in cell.identity))


def _canonical(value: Any) -> str:
    return repr(float(value)) if isinstance(value, int) and not isinstance(value, bool) else repr(value)


def _whole(key: str) -> str:
    """Returns the key as a user knows it: `model` for the class of the model."""
    return key.removesuffix("._target_")


def _short(key: str) -> str:
    return _whole(key).rpartition(".")[2]


def _values(key: str, cells: Sequence[Cell]) -> list[Any]:
    if key.rpartition(".")[2] not in LOCATED:
        return [cell.value(key) for cell in cells]
    digests = [cell.identity.get(key) for cell in cells]
    paths: dict[str, Any] = {}
    for digest, cell in zip(digests, cells, strict=True):
        if digest is not None and digest not in paths:  # one config.yaml for each file, not for each cell
            paths[digest] = cell.value(key)
    tails = _tails(paths)
    return [None if digest is None else tails[digest] for digest in digests]


def _tails(paths: Mapping[str, Any]) -> dict[str, str]:
    """Returns the shortest ends of paths that tell them apart; where none does, the digest helps."""
    parts = {digest: PurePath(str(path)).parts for digest, path in paths.items()}
    for length in range(1, max(map(len, parts.values()), default=0) + 1):
        tails = {digest: "/".join(part[-length:]) for digest, part in parts.items()}
        if len(set(tails.values())) == len(tails):
            return tails
    return {digest: f"{PurePath(str(path)).name} ({digest[:8]})" for digest, path in paths.items()}


def chosen(cells: Sequence[Cell], filters: Sequence[str]) -> list[Cell]:
    """Returns the cells that all filters let pass.

    Args:
        cells: to choose from.
        filters: `KEY=VALUE`; a key may be given by its last part, a file by its name.

    Raises:
        ConfigError: for an unknown or ambiguous key, or if no cell is left.
    """
    left = list(cells)
    for text in filters:
        word, equals, value = text.partition("=")
        if not equals:
            raise ConfigError(f"--filter {text}: must be KEY=VALUE, such as lr=5e-5")
        key = _find(word, cells)
        before, left = left, [cell for cell in left if _is(_value(cell, key), value)]
        if not left:
            there = sorted({str(_value(cell, key)) for cell in before})
            raise ConfigError(f"--filter {text}: no cell has it.{did_you_mean(value, there)} There is {few(there)}")
    return left


def _find(word: str, cells: Sequence[Cell]) -> str:
    keys = [STUDY, *_keys(cells)]
    found = [key for key in keys if word in (key, _whole(key))] or [key for key in keys if _short(key) == word]
    if len(found) > 1:
        raise ConfigError(f"--filter {word}=...: several keys: {', '.join(map(_whole, found))}; name one")
    if not found:
        hint = did_you_mean(word, [*map(_whole, keys), *map(_short, keys)])
        raise ConfigError(f"--filter {word}=...: no such key.{hint} Keys are those of config.yaml, and study")
    return found[0]


def _value(cell: Cell, key: str) -> Any:
    return cell.study if key == STUDY else cell.value(key)


def _is(value: Any, text: str) -> bool:
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return float(text) == value
        except ValueError:
            return False
    words = {str(value), str(value).lower(), "null" if value is None else PurePath(str(value)).name}
    return text in words
