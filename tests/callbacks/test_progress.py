"""Progress: quiet where there is no terminal, readable from elsewhere while it lasts."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from clozelab.callbacks.progress import ProgressBar
from clozelab.errors import ConfigError

Run = Callable[..., tuple[int, str, str]]


def test_progress_can_be_read_by_others_and_goes_when_the_run_ends(
    clozelab: Run, overrides: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    update = ProgressBar.on_train_batch_end

    def spy(self: ProgressBar, trainer: object, *args: object) -> None:
        update(self, trainer, *args)  # type: ignore[arg-type]
        seen.append(json.loads((tmp_path.glob("outputs/*/*/*/progress.json").__next__()).read_text()))

    monkeypatch.setattr(ProgressBar, "on_train_batch_end", spy)
    code, out, err = clozelab("train", *overrides, "callbacks.progress.every_seconds=0.000001")
    assert code == 0
    assert "\x1b[" not in out + err, "no terminal, no drawing"
    assert seen[0]["num_steps"] == 16
    assert seen[-1]["step"] == 16
    assert not list(tmp_path.rglob("progress.json"))


def test_wrong_values_are_refused() -> None:
    with pytest.raises(ConfigError, match="every_seconds"):
        ProgressBar(every_seconds=0)
