"""The table in a notebook."""

import sys
from pathlib import Path

import pytest

import clozelab
from clozelab.compare.comparison import compare, flat
from clozelab.errors import ConfigError


def test_a_notebook_gets_the_table_as_a_frame(study: Path) -> None:
    pytest.importorskip("pandas")
    frame = clozelab.runs(str(study), against="00000001")
    rows = flat(compare([study], against="00000001"))
    assert list(frame.columns) == list(rows[0])
    assert frame["cell"].tolist() == [row["cell"] for row in rows]
    assert frame.set_index("cell").loc["00000003", "test/accuracy"] == rows[0]["test/accuracy"]
    assert clozelab.runs(study, metrics=["val/accuracy"]).shape[0] == 4


def test_without_a_path_it_says_what_to_give() -> None:
    pytest.importorskip("pandas")
    with pytest.raises(ConfigError, match="no path to compare; give a study, a cell or a run: outputs/<study>"):
        clozelab.runs()


def test_without_pandas_it_says_what_to_install(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ConfigError, match=r"clozelab\.runs returns a pandas DataFrame: pip install pandas"):
        clozelab.runs(study)


def test_the_package_has_no_other_attribute() -> None:
    with pytest.raises(AttributeError, match="module 'clozelab' has no attribute 'run'"):
        clozelab.run  # noqa: B018
