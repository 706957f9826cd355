"""Tokenised examples as memory-mapped flat arrays with offsets: memory does not grow with the corpus."""

import json
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import final

import numpy as np
from numpy.typing import NDArray

FORMAT_VERSION = 5
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
    """

    def __init__(self, folder: Path) -> None:
        self.header = json.loads((folder / "header.json").read_text())
        self._fields = {
            name: Ragged(values=_load(folder / f"{name}.values.npy"), offsets=np.load(folder / f"{name}.offsets.npy"))
            for name in self.header["fields"]
        }

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
        folder.mkdir()
        for name, rows in fields.items():
            _write_field(folder, name, rows)
        text = json.dumps({**header, "fields": list(fields), "format_version": FORMAT_VERSION})
        (folder / "header.json").write_text(text)


def _write_field(folder: Path, name: str, rows: Iterable[Sequence[int] | NDArray[np.integer]]) -> None:
    offsets = [0]
    raw = folder / f"{name}.raw"
    with open(raw, "wb") as file:
        for row in rows:
            array = np.asarray(row, dtype=np.int32)
            file.write(array.tobytes())
            offsets.append(offsets[-1] + len(array))
    # np.memmap refuses empty files, hence the plain array for an empty field.
    flat = np.memmap(raw, dtype=np.int32, mode="r") if offsets[-1] else np.empty(0, dtype=np.int32)
    np.save(folder / f"{name}.values.npy", flat)
    np.save(folder / f"{name}.offsets.npy", np.asarray(offsets, dtype=np.int64))
    raw.unlink()


def _load(path: Path) -> NDArray[np.integer]:
    array: NDArray[np.integer] = np.load(path, mmap_mode="r")
    return array
