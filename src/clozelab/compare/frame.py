"""The table of `clozelab compare` as a pandas DataFrame, for notebooks: `clozelab.runs("outputs/study")`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from clozelab.compare.comparison import compare, flat
from clozelab.errors import ConfigError


def runs(*paths: str | Path, metrics: Sequence[str] = (), against: str | None = None) -> Any:
    """Returns a DataFrame of finished runs: a row a cell, as `clozelab compare PATH... --format csv` prints it.

    Args:
        paths: studies, cells or runs.
        metrics: such as `test/accuracy`, or `accuracy` for all splits; none are those that the cells were selected by.
        against: cell that the others are compared with; its hash, or the beginning of one.

    Raises:
        ConfigError: if pandas is not installed, or for paths, metrics or a cell that are none.
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise ConfigError("clozelab.runs returns a pandas DataFrame: pip install pandas") from error
    return pd.DataFrame(flat(compare([Path(path) for path in paths], metrics=metrics, against=against)))
