"""A metric that is asked for must exist."""

import pytest

from clozelab.errors import ConfigError
from clozelab.task.selection import check_metric


def test_a_metric_that_is_not_there_is_refused_with_what_there_is() -> None:
    names = ["val/loss", "val/f1_strict", "val/f1_strict/PER"]
    check_metric("task.selection", "val/f1_strict/PER", names)
    with pytest.raises(ConfigError, match=r"task\.selection='val/f1_strickt'.*Did you mean 'val/f1_strict'"):
        check_metric("task.selection", "val/f1_strickt", names)
