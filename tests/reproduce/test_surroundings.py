"""What a run would be computed with now has the keys, and on the same machine the values, of its run.json."""

import json
from pathlib import Path

import pytest
import yaml

from clozelab.errors import ConfigError
from clozelab.reproduce.differences import differences
from clozelab.reproduce.originals import find_originals
from clozelab.reproduce.rebuild import Rebuilt, rebuild
from clozelab.reproduce.surroundings import surroundings


def ready(folder: Path) -> Rebuilt:
    (original,) = find_originals(folder).originals
    return rebuild(original, [])


def test_they_are_what_a_run_writes_down(finished_run: Path) -> None:
    then, now = json.loads((finished_run / "run.json").read_text()), surroundings(ready(finished_run))
    assert {key: then[key] for key in now} == now
    assert differences(then, now) == []


def test_a_configuration_that_cannot_run_here_says_what_may_be_the_reason(copied: Path) -> None:
    config = yaml.safe_load((copied / "config.yaml").read_text())
    config["trainer"]["accelerator"] = "warp"
    (copied / "config.yaml").write_text(yaml.safe_dump(config))
    one = ready(copied)
    one.original.run.state["code"] = {"commit": "abc", "diff": None}
    with pytest.raises(ConfigError, match=r"(?s)cannot run here.*warp.*it was made by other code \(abc\)"):
        surroundings(one)
