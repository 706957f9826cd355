"""The patterns of the cache's entries are those that its makers use."""

import os
from pathlib import Path

import pytest

from clozelab.housekeeping.cache import DRAWERS, contents, entries


@pytest.mark.usefixtures("finished_run")
def test_every_folder_that_a_run_makes_in_the_cache_is_known() -> None:
    cache = Path(os.environ["CLOZELAB_CACHE"])
    found = {path for path in cache.iterdir() if path.is_dir()}
    assert {path.name for path in found} <= {drawer.name for drawer in DRAWERS}
    for drawer in DRAWERS:
        if (cache / drawer.name).is_dir():
            visible = {path.name for path in (cache / drawer.name).iterdir() if not path.name.startswith(".")}
            assert {path.name for path in entries(drawer)} == visible
    assert {"stores", "hashes"} <= {drawer.name for drawer in contents()}


def test_a_cache_that_is_not_there_is_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOZELAB_CACHE", str(tmp_path / "nothing"))
    assert contents() == {}
    assert [list(entries(drawer)) for drawer in DRAWERS] == [[]] * len(DRAWERS)
