"""Behaviour of the ragged store."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from clozelab.errors import DataError
from clozelab.store.ragged import FORMAT_VERSION, Ragged, RaggedStore, Writer

ROWS = st.lists(st.lists(st.integers(-(2**31), 2**31 - 1), max_size=5), max_size=8)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(first=ROWS, second=ROWS)
def test_what_is_written_is_read_back(
    first: list[list[int]], second: list[list[int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("ragged") / "store"
    RaggedStore.write(folder, {"ids": first, "tags": iter(second)}, {"labels": ["O"]})
    store = RaggedStore(folder)
    for name, rows in (("ids", first), ("tags", second)):
        assert len(store[name]) == len(rows)
        assert [row.tolist() for row in store[name]] == rows  # iteration ends at the last row
        assert store[name].lengths().tolist() == [len(row) for row in rows]
        assert all(store[name][i].tolist() == row for i, row in enumerate(rows))
    assert store.header["labels"] == ["O"]


def written(folder: Path) -> RaggedStore:
    RaggedStore.write(folder, {"ids": [[1, 2], [], [3]]}, {})
    return RaggedStore(folder)


def test_values_stay_on_disk_and_cannot_be_changed(tmp_path: Path) -> None:
    store = written(tmp_path / "store")
    assert isinstance(store["ids"].values, np.memmap)
    assert isinstance(store["ids"][0], np.memmap), "a row is a view, not a copy"
    with pytest.raises(ValueError, match="read-only"):
        store["ids"][0][0] = 9


@pytest.mark.parametrize("index", [3, 100, -1, -2, -3, -4])
def test_a_row_that_is_not_there_is_an_error(index: int, tmp_path: Path) -> None:
    with pytest.raises(IndexError):
        written(tmp_path / "store")["ids"][index]


def test_an_unknown_field_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="tags"):
        written(tmp_path / "store")["tags"]


def test_rows_are_consumed_one_by_one_so_that_memory_does_not_grow(tmp_path: Path) -> None:
    buffer = np.zeros(3, dtype=np.int64)

    def rows() -> Iterator[NDArray[np.int64]]:
        for i in range(100):
            buffer[:] = i  # a row kept for later would be overwritten by the next
            yield buffer

    RaggedStore.write(tmp_path / "store", {"ids": rows()}, {})
    assert RaggedStore(tmp_path / "store")["ids"].values.tolist() == [i for i in range(100) for _ in range(3)]


def test_a_store_says_its_fields_and_its_format(tmp_path: Path) -> None:
    header = written(tmp_path / "store").header
    assert header == {"fields": ["ids"], "format_version": FORMAT_VERSION}


def test_nothing_but_the_arrays_and_the_header_is_written(tmp_path: Path) -> None:
    written(tmp_path / "store")
    found = {path.name for path in (tmp_path / "store").iterdir()}
    assert found == {"ids.values.npy", "ids.offsets.npy", "header.json"}
    assert json.loads((tmp_path / "store" / "header.json").read_text())["fields"] == ["ids"]


@pytest.mark.parametrize("name", ["header.json", "ids.values.npy", "ids.offsets.npy"])
@pytest.mark.parametrize("length", [None, 0, 20])
def test_a_damaged_store_is_named_with_the_way_out(name: str, length: int | None, tmp_path: Path) -> None:
    file = tmp_path / "store" / name
    written(file.parent)
    content = file.read_bytes()
    file.unlink()
    if length is not None:
        file.write_bytes(content[:length])
    with pytest.raises(DataError, match="store': damaged; remove this folder of the cache, and it is made anew"):
        RaggedStore(file.parent)


def test_values_that_offsets_do_not_reach_are_no_store(tmp_path: Path) -> None:
    written(tmp_path / "store")
    np.save(tmp_path / "store" / "ids.values.npy", np.array([1, 2], dtype=np.int32))
    with pytest.raises(DataError, match="ids has 2 values, not 3"):
        RaggedStore(tmp_path / "store")


def test_a_store_is_never_written_over_another(tmp_path: Path) -> None:
    written(tmp_path / "store")
    with pytest.raises(FileExistsError):
        RaggedStore.write(tmp_path / "store", {"ids": [[9]]}, {})
    assert RaggedStore(tmp_path / "store")["ids"][0].tolist() == [1, 2]


@pytest.mark.parametrize("value", [2**31, -(2**31) - 1, 2**40])
def test_a_number_too_large_for_its_place_is_refused(value: int, tmp_path: Path) -> None:
    with pytest.raises(OverflowError):
        RaggedStore.write(tmp_path / "store", {"ids": [[1], [value]]}, {})


def test_offsets_reach_beyond_what_32_bits_count() -> None:
    far = 2**33
    ragged = Ragged(values=np.broadcast_to(np.int32(7), far + 2), offsets=np.array([0, far, far + 2]))
    assert ragged[1].tolist() == [7, 7]
    assert ragged.lengths().tolist() == [far, 2]


def test_a_row_may_be_written_in_parts(tmp_path: Path) -> None:
    with Writer(tmp_path / "store", {"ids": "int32"}) as writer:
        for row, goes_on in (([1], False), ([2, 3], True), ([], True), ([4], False)):
            writer.append("ids", row, goes_on=goes_on)
    assert [row.tolist() for row in RaggedStore(tmp_path / "store")["ids"]] == [[1, 2, 3], [4]]


def test_writing_maps_no_file_into_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(np, "memmap")
    RaggedStore.write(tmp_path / "store", {"ids": [[1, 2], [3]]}, {})
    monkeypatch.undo()
    np.save(tmp_path / "saved.npy", np.array([1, 2, 3], dtype=np.int32))
    assert (tmp_path / "store" / "ids.values.npy").read_bytes() == (tmp_path / "saved.npy").read_bytes()
