"""Tokenised examples as memory-mapped flat arrays with offsets: memory does not grow with the corpus."""

import json
import shutil
from array import array
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import final

import numpy as np
from numpy.typing import NDArray

from clozelab.errors import DataError

FORMAT_VERSION = 7
"""Raise it when the layout or the meaning of a field changes."""

VERSIONS = {
    "format_version": FORMAT_VERSION,
    **{f"package.{name}": version(name) for name in ("tokenizers", "transformers", "regex")},
}
"""Part of every store's name: what cuts texts into words and words into pieces may change with these."""

Array = NDArray[np.int32]


@final
class Ragged:
    """Rows of different lengths in one flat array.

    Args:
        values: (total,) of any integer type.
        offsets: (rows + 1,) int64; row i is `values[offsets[i]:offsets[i + 1]]`.
    """

    def __init__(self, *, values: NDArray[np.integer], offsets: NDArray[np.int64]) -> None:
        self.values = values
        self.offsets = offsets

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, index: int) -> NDArray[np.integer]:
        if index < 0:  # the offsets would silently give another row, or none
            raise IndexError(index)
        return self.values[self.offsets[index] : self.offsets[index + 1]]

    def lengths(self) -> NDArray[np.int64]:
        """Returns the length of every row, (rows,) int64."""
        return np.diff(self.offsets)


@final
class RaggedStore:
    """Named ragged fields and a small JSON header, read-only, in a folder that any number of runs may share.

    Args:
        folder: as `write` made it.

    Raises:
        DataError: if it has been damaged since, as by a machine that lost its power: a rename outlives what is renamed.
    """

    def __init__(self, folder: Path) -> None:
        try:
            self.header = json.loads((folder / "header.json").read_text())
            self._fields = {name: _field(folder, name) for name in self.header["fields"]}
        except (OSError, EOFError, ValueError) as error:  # the last one of JSON and of NumPy
            message = f"{str(folder)!r}: damaged; remove this folder of the cache, and it is made anew ({error})"
            raise DataError(message) from error

    def __getitem__(self, field: str) -> Ragged:
        return self._fields[field]

    @staticmethod
    def write(
        folder: Path, fields: Mapping[str, Iterable[Sequence[int] | NDArray[np.integer]]], header: Mapping[str, object]
    ) -> None:
        """Writes a store into a new folder; each field is consumed row by row.

        Args:
            folder: does not exist yet. Call through `cache.build_once`, which makes it appear at once.
            fields: name -> rows of integers that fit int32.
            header: plain values kept beside the arrays.
        """
        with Writer(folder, dict.fromkeys(fields, "int32")) as writer:
            for name, rows in fields.items():
                for row in rows:
                    writer.append(name, row)
            writer.header.update(header)


@final
class Writer(AbstractContextManager["Writer"]):
    """Writes a store row by row, whatever the order of its fields: what is in memory does not grow with the rows.

    Args:
        folder: does not exist yet. Call through `cache.build_once`, which makes it appear at once.
        fields: name -> type of its values: `int32`, `uint8`.
    """

    def __init__(self, folder: Path, fields: Mapping[str, str]) -> None:
        folder.mkdir()
        self.header: dict[str, object] = {}
        self._folder = folder
        self._types = {name: np.dtype(kind) for name, kind in fields.items()}
        self._raw = {name: open(folder / f"{name}.raw", "wb") for name in fields}  # noqa: SIM115 closed in __exit__
        self._offsets = {name: array("q", [0]) for name in fields}

    def append(self, field: str, row: Sequence[int] | NDArray[np.integer], *, goes_on: bool = False) -> None:
        """Adds a row to a field, or more to its last row if that `goes_on`: a row may be larger than memory."""
        values = np.asarray(row, dtype=self._types[field])
        self._raw[field].write(values.tobytes())
        offsets = self._offsets[field]
        end = offsets[-1] + len(values)
        if goes_on:
            offsets[-1] = end
        else:
            offsets.append(end)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file in self._raw.values():
            file.close()
        if error is not None:
            return
        for name, kind_of_value in self._types.items():
            raw = self._folder / f"{name}.raw"
            # By the block: np.save of a memory map would count the whole file as memory of this process.
            with open(raw, "rb") as values, open(self._folder / f"{name}.values.npy", "wb") as file:
                described = {"descr": kind_of_value.str, "fortran_order": False, "shape": (self._offsets[name][-1],)}
                np.lib.format.write_array_header_1_0(file, described)
                shutil.copyfileobj(values, file)
            np.save(self._folder / f"{name}.offsets.npy", np.asarray(self._offsets[name], dtype=np.int64))
            raw.unlink()
        text = json.dumps({**self.header, "fields": list(self._types), "format_version": FORMAT_VERSION})
        (self._folder / "header.json").write_text(text)


def _field(folder: Path, name: str) -> Ragged:
    values: NDArray[np.integer] = np.load(folder / f"{name}.values.npy", mmap_mode="r")
    offsets: NDArray[np.int64] = np.load(folder / f"{name}.offsets.npy")
    if offsets[-1] != len(values):
        raise ValueError(f"{name} has {len(values)} values, not {offsets[-1]}")
    return Ragged(values=values, offsets=offsets)
