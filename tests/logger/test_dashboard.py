"""Several dashboards at once: each gets the whole run, and each is closed whatever happens."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from clozelab.config.compose import compose
from clozelab.errors import ConfigError
from clozelab.logger.dashboard import About, Outcome, opened

Run = Callable[..., tuple[int, str, str]]


class Recorder:
    def __init__(self) -> None:
        self.seen: list[object] = []

    def open(self, about: About) -> None:
        self.seen.append(about.id)

    def close(self, outcome: Outcome) -> None:
        self.seen.append((outcome.metrics, outcome.finished))


def test_every_dashboard_is_told_of_the_beginning_and_of_the_end(about: Callable[..., About]) -> None:
    first, second = Recorder(), Recorder()
    with opened([first, object(), second], about()) as outcome:
        outcome.metrics["test/loss"] = 1.0
        outcome.finished = True
    assert first.seen == second.seen == ["abc-seed-1", ({"test/loss": 1.0}, True)]


def test_a_run_that_fails_closes_them_all_as_not_finished(about: Callable[..., About]) -> None:
    class Broken(Recorder):
        def close(self, outcome: Outcome) -> None:
            raise ZeroDivisionError

    first = Recorder()
    with pytest.raises(ZeroDivisionError), opened([first, Broken()], about()):
        raise ValueError
    assert first.seen == ["abc-seed-1", ({}, False)]


def test_several_loggers_are_a_list_and_get_the_same_names(clozelab: Run, overrides: list[str], tmp_path: Path) -> None:
    options = ["logger=[wandb,tensorboard]" if o == "logger=none" else o for o in overrides]
    code, out, err = clozelab("train", *options)
    assert code == 0, err
    output = tmp_path / "outputs"
    assert f"wandb leet {output / 'wandb'}" in out
    assert f"tensorboard --logdir {output / 'tensorboard'}" in out
    (run,) = output.glob("default/*/seed-*")
    (folder,) = output.glob("wandb/offline-run-*")
    history = (run / "history.csv").read_text().splitlines()
    (events,) = (output / "tensorboard" / run.relative_to(output)).glob("events*")
    logs = [path.read_bytes() for path in (events, next(folder.glob("*.wandb")))]
    for name in [*history[0].split(",")[1:], "perf/tokens_per_second"]:
        assert all(name.encode() in log for log in logs), name
    metrics = json.loads((run / "metrics.json").read_text())
    assert all(name.encode() in logs[1] for name in metrics)


def test_which_loggers_changes_neither_the_run_nor_its_directory() -> None:
    one, both = compose(["logger=none"]), compose(["logger=[wandb,tensorboard]"])
    assert one["name"] == both["name"]
    assert set(both["logger"]) == {"wandb", "tensorboard"}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("logger=[wandb,tensorbord]", "logger=tensorbord: no such option. Did you mean 'tensorboard'?"),
        ("logger=wandb,tensorboard", "several values are a sweep"),
        ("logger=[]", "logger=\\[\\]: names no option"),
    ],
)
def test_a_mistake_in_the_list_is_named(override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        compose([override])
