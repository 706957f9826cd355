"""Mistakes below the root: each is refused with one short line that names the key, before anything is written."""

import logging
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clozelab.config.check import check, find_problems
from clozelab.config.compose import compose
from clozelab.errors import ConfigError

Refused = Callable[..., str]
Write = Callable[[str, str], Path]


@pytest.fixture(scope="module")
def sound() -> dict[str, Any]:
    """The bare configuration."""
    return compose([])


def problems(config: dict[str, Any], **groups: Any) -> list[str]:
    """Returns the mistakes of a configuration with changed keys in groups."""
    changed = {g: {**config[g], **keys} if isinstance(keys, dict) else keys for g, keys in groups.items()}
    return find_problems({**config, **changed}, lambda key: "")


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        ("optimizer.lr=-1", "optimizer.lr=-1: Invalid learning rate: -1 (command line)"),
        ("optimizer.lr=abc", "optimizer.lr='abc': must be a number (command line)"),
        ("optimizer.lr=nan", "optimizer.lr=nan: must be a finite number (command line)"),
        ("optimizer.lr=", "optimizer.lr='': must be a number (command line)"),
        (
            "optimizer.groups.layer_decay=2",
            "optimizer.groups.layer_decay=2: must be a factor in (0, 1] (command line)",
        ),
        ("optimizer.groups.layer_decay=0", "optimizer.groups.layer_decay=0: must be a factor in (0, 1] (command line)"),
        ("optimizer.groups.layer_decay=x", "optimizer.groups.layer_decay='x': must be a number (command line)"),
        ("optimizer.groups.head_lr=0", "optimizer.groups.head_lr=0: must be null or a number > 0 (command line)"),
        ("optimizer.groups=3", "optimizer.groups=3: must be a node with a _target_ (command line)"),
        ("optimizer.fused=3", "optimizer.fused=3: must be true or false or null (command line)"),
        ("optimizer.betas=[0.9]", "optimizer.betas=[0.9]: must be a list of 2 values (command line)"),
        ("optimizer.betas=[2,3]", "optimizer.betas=[2, 3]: Invalid beta parameter at index 0: 2 (command line)"),
        ("data.batch_size=0", "data.batch_size=0: must be an integer >= 1 (command line)"),
        ("data.batch_size=3.5", "data.batch_size=3.5: must be an integer (command line)"),
        ("data.batch_size=true", "data.batch_size=True: must be an integer (command line)"),
        ("data.batch_size='8'", "data.batch_size='8': must be an integer (command line)"),
        ("data.fraction=2", "data.fraction=2: must be a share in (0, 1] (command line)"),
        ("data.format.labels=nre", "data.format.labels='nre': must be one of ['pos', 'chunk', 'ner'] (command line)"),
        ("model.source.sha256=abc", "model.source.sha256='abc': must be 64 hex digits (command line)"),
        ("scheduler.warmup=1", "scheduler.warmup=1: must be a share of all steps in [0, 1) (command line)"),
        ("task.scoring=f1", "task.scoring='f1': must be one of 'auto', 'entities', 'tags' (command line)"),
        (
            "logger.wandb.mode=of",
            "logger.wandb.mode='of': must be one of auto, online, offline, disabled (command line)",
        ),
        ("logger.mlflow=true", "logger.mlflow=True: must be a node with a _target_ (command line)"),
        (
            "callbacks.curves.every_n_steps=0",
            "callbacks.curves.every_n_steps=0: must be an integer >= 1 (command line)",
        ),
        ("trainer.precision=bf17", "trainer.precision='bf17': must be one of auto, 32-true, bf16-mixed, 64-true"),
        ("trainer.precision=[32]", "trainer.precision=[32]: must be one of auto, 32-true, bf16-mixed, 64-true"),
        ("trainer.max_epochs=-3", "trainer.max_epochs=-3: must be an integer >= 1 (command line)"),
        ("trainer.max_epochs=0", "trainer.max_epochs=0: must be an integer >= 1 (command line)"),
        ("trainer.max_epochs=1.5", "trainer.max_epochs=1.5: must be an integer or null (command line)"),
        ("trainer.max_epochs=null", "trainer.max_epochs: must be given, or trainer.max_steps: a run needs an end"),
        ("trainer.accelerator=tpux", "trainer.accelerator='tpux': You selected an invalid accelerator name"),
        ("trainer.strategy=dpp", "trainer.strategy='dpp': must be auto"),
        ("trainer.devices=2", "trainer.devices=2: must be 1: training on several devices is not there yet"),
        ("~callbacks.curves", "callbacks.curves._target_=None: every run has it"),
        ("model.path.deep=1", "model.path={'deep': 1}: must be text (command line)"),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_its_key(refused: Refused, mistake: str, message: str) -> None:
    assert message in refused(mistake)


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        (
            "optimizer.lrr=1",
            ["optimizer.lrr: AdamW has no such key. Did you mean 'lr'? Allowed: lr, betas,", "(command line)"],
        ),
        ("optimizer.grops=1", ["optimizer.grops: AdamW has no such key. Did you mean 'groups'?", "fused, groups"]),
        ("optimizer.groups.layer_decai=1", ["optimizer.groups.layer_decai: Groups has no such key. Did you mean 'la"]),
        ("data.batchsize=1", ["data.batchsize: Words has no such key. Did you mean 'batch_size'?"]),
        (
            "trainer.max_epoch=1",
            ["trainer.max_epoch: Trainer has no such key. Did you mean 'max_epochs'? (command line)"],
        ),
        ("trainer.xyzzy=1", ["trainer.xyzzy: Trainer has no such key. Allowed: ", "max_epochs", "gradient_clip_val"]),
        ("model.source.projekt=x", ["model.source.projekt: Wheel has no such key. Did you mean 'project'?"]),
        ("optimizer._partial_=true", ["optimizer._partial_: AdamW has no such key."]),
        ("optimizer._args_=[1]", ["optimizer._args_: AdamW has no such key."]),
    ],
)
def test_a_misspelt_key_on_the_command_line_is_refused_with_the_right_one(
    refused: Refused, mistake: str, words: list[str]
) -> None:
    message = refused(mistake)
    assert all(word in message for word in words), message


def test_a_misspelt_key_in_a_file_is_refused_with_the_file(refused: Refused, write: Write) -> None:
    own = write("experiment/mine.yaml", "# @package _global_\ndata:\n  batchsize: 8\n")
    message = refused("experiment=mine", f"--config-dir={own}")
    assert "data.batchsize: Words has no such key. Did you mean 'batch_size'?" in message
    assert message.endswith(f"({own}/experiment/mine.yaml)\n")


def test_trainer_keys_that_clozelab_sets_are_not_offered(refused: Refused) -> None:
    message = refused("trainer.xyzzy=1")
    assert "enable_checkpointing" not in message
    assert "accumulate_grad_batches" not in message


def test_all_mistakes_are_reported_at_once(refused: Refused, write: Write) -> None:
    own = write(
        "experiment/mine.yaml", "# @package _global_\noptimizer:\n  lrr: 1\n  eps: -1\ntrainer:\n  max_epochs: 0\n"
    )
    arguments = ["data.batch_size=0", "data.fraction=2", "model.paht=x", "optimizer.lr=-1", "callbacks.curves.every=1"]
    message = refused("experiment=mine", f"--config-dir={own}", *arguments)
    assert message.startswith("clozelab: 8 mistakes in the configuration:\n")
    keys = [line.split("=")[0].split(":")[0].strip() for line in message.splitlines()[1:]]
    assert sorted(keys) == [
        "callbacks.curves.every", "data.batch_size", "data.fraction", "model.paht", "optimizer.eps", "optimizer.lr",
        "optimizer.lrr", "trainer.max_epochs",
    ]  # fmt: skip


@pytest.mark.parametrize("key", ["optimizer.params", "scheduler.optimizer", "scheduler.num_steps", "model.labels"])
def test_a_name_that_a_run_passes_itself_is_reserved(refused: Refused, key: str) -> None:
    assert f"{key}: is set by clozelab itself while it runs, no config may" in refused(f"{key}=3")


def test_a_trainer_key_with_another_place_is_sent_there(refused: Refused) -> None:
    assert "use the callbacks group" in refused("trainer.callbacks=3")
    assert "use data.micro_batches" in refused("trainer.accumulate_grad_batches=3")


def test_missing_files_and_folders_are_refused(refused: Refused, folder: Path, conll_files: dict[str, Path]) -> None:
    files = [f"data.{split}={path}" for split, path in conll_files.items()]
    assert "model.path='./no/model': no such file or folder (command line)" in refused(
        "model=hub", "model.path=./no/model"
    )
    assert "has no config.json" in refused("model=hub", f"model.path={folder}")
    message = refused("data=files", *files, "data.validation=nowhere.conll")
    assert "data.validation='nowhere.conll': no such file or folder (command line)" in message


def test_every_key_left_open_is_named_with_the_file_that_leaves_it(refused: Refused) -> None:
    message = refused("data=files", "model=hub")
    assert message.startswith("clozelab: 4 mistakes")
    for key in ("data.train", "data.validation", "data.test"):
        assert f"{key}: must be given, for example on the command line: {key}=... (conf/data/files.yaml)" in message
    assert "model.path: must be given" in message


def test_a_node_must_be_of_its_groups_kind(sound: dict[str, Any]) -> None:
    adamw = {"_target_": "torch.optim.AdamW"}
    conll = {"_target_": "clozelab.data.conll.Conll", "columns": ["word", "a"], "labels": "a"}
    linear = "clozelab.scheduler.linear.Linear"
    assert problems(sound, optimizer={"_target_": linear}) == [
        f"optimizer._target_={linear!r}: must name a class of type Optimizer"
    ]
    assert problems(sound, data=adamw) == [
        "data._target_='torch.optim.AdamW': must name a class of type LightningDataModule"
    ]
    assert problems(sound, logger={"x": adamw}) == [
        "logger.x._target_='torch.optim.AdamW': must name a class of type Logger"
    ]
    assert problems(sound, model=adamw) == ["model._target_='torch.optim.AdamW': must name a class of type Model"]
    assert problems(sound, data={"source": conll}) == [
        "data.source._target_='clozelab.data.conll.Conll': must name a class of type Source"
    ]
    assert problems(sound, data={"limit": conll}) == [
        "data.limit._target_='clozelab.data.conll.Conll': must be an integer or null"
    ]


def test_a_node_is_no_string_and_no_list(sound: dict[str, Any]) -> None:
    assert problems(sound, optimizer="adamw")[0].startswith("optimizer='adamw': must hold keys and values")
    assert problems(sound, callbacks=[1]) == ["callbacks=[1]: must hold keys and values"]
    assert problems(sound, logger=None) == ["logger=None: must hold keys and values"]
    bare = {key: value for key, value in sound["scheduler"].items() if key != "_target_"}
    assert find_problems({**sound, "scheduler": bare}, lambda key: "") == [
        "scheduler={'warmup': 0.1}: must be a node with a _target_"
    ]


def test_a_wrong_child_does_not_hide_the_mistakes_of_its_parent(sound: dict[str, Any]) -> None:
    found = problems(sound, data={"source": {"_target_": "os.system"}, "format": 3, "limit": 0, "overlap": "x"})
    assert sorted(line.partition("=")[0] for line in found) == [
        "data.format", "data.limit", "data.overlap", "data.source._target_"
    ]  # fmt: skip
    source = {**sound["data"]["source"], "sha256": "abc", "size": -1, "project": 3}
    found = problems(sound, data={"source": source, "train": "???", "batch_size": 0})
    assert found == [
        "data.train: must be given, for example on the command line: data.train=...",
        "data.source.project=3: must be text",
        "data.batch_size=0: must be an integer >= 1",
    ]


def test_conflicting_values_are_refused_together(refused: Refused) -> None:
    assert "`fused` and `foreach` cannot be `True` together" in refused("optimizer.foreach=true")


def test_validation_must_happen_at_least_once(refused: Refused) -> None:
    message = refused("trainer.check_val_every_n_epoch=4")
    assert "trainer.check_val_every_n_epoch=4: must be at most trainer.max_epochs (3)" in message


def test_the_bare_configuration_is_sound_and_checked_in_two_seconds(
    sound: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    started = time.monotonic()
    check(sound)
    assert time.monotonic() - started < 2
    assert capsys.readouterr() == ("", ""), "the check is silent"


def test_what_libraries_say_during_the_check_is_not_heard(
    sound: dict[str, Any], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def warn(self: object, *, warmup: float = 0.1) -> None:
        warnings.warn("a library says", stacklevel=2)

    monkeypatch.setattr("clozelab.scheduler.linear.Linear.__init__", warn)
    with caplog.at_level(logging.INFO):
        problems(sound, trainer={"detect_anomaly": True})
        assert caplog.messages == [], "Lightning lists processors when a trainer is made"
        logging.getLogger("x").info("heard again")
    assert caplog.messages == ["heard again"]


def test_a_lightning_key_that_is_not_in_a_file_may_be_added(sound: dict[str, Any]) -> None:
    assert problems(sound, trainer={"detect_anomaly": True, "gradient_clip_algorithm": "value", "max_steps": 10}) == []
    assert problems(sound, optimizer={"amsgrad": True}) == []


def test_an_optimizer_needs_no_groups_and_they_must_be_groups(sound: dict[str, Any]) -> None:
    plain = {key: value for key, value in sound["optimizer"].items() if key != "groups"}
    assert find_problems({**sound, "optimizer": plain}, lambda key: "") == []
    linear = {"_target_": "clozelab.scheduler.linear.Linear"}
    assert problems(sound, optimizer={"groups": linear, "lr": -1}) == [
        "optimizer.groups._target_='clozelab.scheduler.linear.Linear': must name a class of type Groups",
        "optimizer.lr=-1: Invalid learning rate: -1",
    ]


def test_a_key_that_is_left_out_takes_the_constructors_default_or_must_be_given(sound: dict[str, Any]) -> None:
    for group, key, expected in (("optimizer", "lr", []), ("data", "train", ["data.train: must be given"])):
        node = {name: value for name, value in sound[group].items() if name != key}
        assert find_problems({**sound, group: node}, lambda key: "") == expected
    assert find_problems({k: v for k, v in sound.items() if k != "seed"}, lambda key: "") == [
        "seed='???': must be an integer >= 0"
    ]


def test_one_mistake_is_said_in_one_line(sound: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"\Aseed=-1: must be an integer >= 0 \(somewhere\)\Z"):
        check({**sound, "seed": -1}, lambda key: " (somewhere)")
