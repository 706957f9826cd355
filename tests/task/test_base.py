"""What all tasks share: metrics that are asked for must exist."""

import pytest

from clozelab.errors import ConfigError
from clozelab.task.base import check_metric
from clozelab.task.token_classification import TokenClassification
from clozelab.types import DataSpec


def test_metric_names_are_known_before_anything_is_scored() -> None:
    task = TokenClassification()
    task.spec = DataSpec(kind="words", labels=("B-PER", "I-PER", "O"), num_examples={}, pad_token_id=0)
    assert {"val/loss", "val/accuracy", "val/f1_strict", "val/recall_conlleval/PER"} <= set(task.metric_names())


def test_a_metric_that_is_not_there_is_refused_with_what_there_is() -> None:
    names = ["val/loss", "val/f1_strict", "val/f1_strict/PER"]
    check_metric("task.selection", "val/f1_strict/PER", names)
    with pytest.raises(ConfigError, match=r"task\.selection='val/f1_strickt'.*Did you mean 'val/f1_strict'"):
        check_metric("task.selection", "val/f1_strickt", names)
