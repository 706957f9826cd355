"""Composing: which file wins, what a run gets, and that no file can do more than set keys."""

from collections.abc import Callable
from pathlib import Path

import pytest

from clozelab.config.compose import compose
from clozelab.errors import ConfigError

Refused = Callable[..., str]
Write = Callable[[str, str], Path]
HEAD = "# @package _global_\n"


def experiment(write: Write, text: str) -> list[str]:
    """Writes an experiment; returns the arguments that choose it."""
    return ["experiment=mine", f"--config-dir={write('experiment/mine.yaml', HEAD + text)}"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sede: 3", "sede: no such key. Did you mean 'seed'?"),
        ("seed: abc", "seed='abc': must be an integer >= 0"),
        ("seed: 1.5", "seed=1.5: must be an integer >= 0"),
        ("rerun: 7.5", "rerun=7.5: must be true or false"),
        ("optimiser: {lr: 1}", "optimiser: no such key. Did you mean 'optimizer'?"),
        ("trainer: 3", "trainer=3: must hold keys and values"),
        ("data: conll2003", "an option is chosen under defaults: `- override /data: conll2003`"),
        ("defaults: [override /model: minilm]", "model=minilm: no such option. Did you mean 'minilm_l6'?"),
        ("defaults: [override /modle: minilm_l6]", "modle: no such group. Did you mean 'model'?"),
        ("data: {batch_size: '${nosuch}'}", "data.batch_size: Interpolation key 'nosuch' not found"),
    ],
)
def test_a_root_mistake_in_a_file_is_refused_with_the_file(
    refused: Refused, write: Write, text: str, message: str
) -> None:
    found = refused(*experiment(write, text))
    assert message in found
    assert "own/experiment/mine.yaml)\n" in found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed: [1\nstudy: x", "own/experiment/mine.yaml:3: not valid YAML: expected ',' or ']', but got ':'"),
        ("data:\n\tlimit: 1", "own/experiment/mine.yaml:3: not valid YAML: found character '\\t'"),
        ("seed: 1\nseed: 2", "own/experiment/mine.yaml:3: not valid YAML: found duplicate key seed"),
        ("study: !!python/object/apply:os.system [ls]", "own/experiment/mine.yaml:2: not valid YAML"),
        ("- a\n- b", "own/experiment/mine.yaml: must hold keys and values, holds a list"),
    ],
)
def test_a_file_that_is_not_yaml_is_refused_with_the_line(
    refused: Refused, write: Write, text: str, message: str
) -> None:
    assert message in refused(*experiment(write, text))


def test_mistakes_in_the_root_and_below_it_are_reported_together(refused: Refused, write: Write) -> None:
    message = refused(*experiment(write, "sede: 3\noptimizer: {lrr: 1}"), "data.batch_size=0", "study=../x")
    assert message.startswith("clozelab: 4 mistakes in the configuration:\n")
    for word in ("sede: no such key", "optimizer.lrr: AdamW has no such key", "data.batch_size=0", "study='../x'"):
        assert word in message


def test_a_misspelt_root_key_of_a_nested_file_is_refused_too(refused: Refused, write: Write) -> None:
    """Only composing finds this one: the typed root is the net under the quick look at the files."""
    write("extra/deep.yaml", HEAD + "sede: 3\n")
    message = refused(*experiment(write, "defaults: [/extra/deep]"))
    assert "sede: no such key. Did you mean 'seed'? (extra/deep.yaml)" in message


@pytest.mark.parametrize(
    ("name", "text", "key"),
    [
        (
            "experiment/mine",
            "hydra: {callbacks: {x: {_target_: shutil.copy, src: FILE, dst: LEFT}}}",
            "hydra.callbacks",
        ),
        ("experiment/mine", "hydra: {job_logging: {handlers: {h: {(): os.mkdir, path: LEFT}}}}", "hydra.job_logging"),
        ("experiment/mine", "hydra: {run: {dir: LEFT}}", "hydra.run"),
        ("experiment/mine", "hydra: {output_subdir: LEFT}", "hydra.output_subdir"),
        ("experiment/mine", "hydra: {job: {env_set: {PYTHONPATH: LEFT}}}", "hydra.job"),
        ("experiment/mine", "hydra: {launcher: {_target_: os.mkdir}}", "hydra.launcher"),
        ("experiment/mine", "hydra: {sweeper: {_target_: os.mkdir}}", "hydra.sweeper"),
        (
            "logger/mine",
            "# @package hydra.callbacks\nx: {_target_: shutil.copy, src: FILE, dst: LEFT}",
            "hydra.callbacks",
        ),
    ],
)
def test_no_file_may_configure_hydra_itself(
    refused: Refused, write: Write, tmp_path: Path, name: str, text: str, key: str
) -> None:
    """Hydra would act on it before any check."""
    text = text.replace("LEFT", str(tmp_path / "left")).replace("src: F", f"src: {__file__}")
    own = write(f"{name}.yaml", text if text.startswith("#") else HEAD + text)
    message = refused(f"{name.replace('/', '=')}", f"--config-dir={own}")
    assert f"{key}: set by a file of {own}; no file may configure Hydra itself" in message


@pytest.mark.parametrize("more", [["-m", "seed=1,2"], ["--cfg", "job"], ["--info", "defaults"]])
def test_no_file_may_configure_hydra_in_a_sweep_or_for_a_look(
    refused: Refused, write: Write, tmp_path: Path, more: list[str]
) -> None:
    handlers = f"{{h: {{(): os.mkdir, path: {tmp_path / 'left'}}}}}"
    arguments = experiment(write, f"hydra: {{job_logging: {{handlers: {handlers}}}}}")
    assert "hydra.job_logging: set by a file of" in refused(*arguments, *more)


@pytest.mark.filterwarnings("ignore:[\\s\\S]*validated against ConfigStore schema:UserWarning")
def test_a_directory_of_configs_cannot_replace_a_file_of_ours(write: Write) -> None:
    own = write("hydra/launcher/clozelab.yaml", "_target_: os.mkdir\n")
    write("optimizer/adamw.yaml", "_target_: os.mkdir\nlr: 7\n")
    with pytest.raises(ConfigError, match=r"hydra\.launcher: set by a file"):
        compose([f"--config-dir={own}"])
    (own / "hydra" / "launcher" / "clozelab.yaml").unlink()
    assert compose([f"--config-dir={own}"])["optimizer"]["lr"] == 5e-5


def test_an_experiment_that_defines_a_sweep_asks_for_the_flag(refused: Refused, write: Write) -> None:
    arguments = experiment(write, "hydra: {sweeper: {params: {optimizer.lr: '1e-5,3e-5'}}}")
    assert "optimizer.lr: the experiment is a sweep over them; add -m" in refused(*arguments)


def test_command_line_wins_over_experiment_wins_over_task_wins_over_data(write: Write) -> None:
    write(
        "task/other.yaml",
        HEAD + "defaults: [override /data: files]\nseed: 1\nstudy: task\ndata: {limit: 1, overlap: 1}\n",
    )
    write("data/mine.yaml", "defaults: [base]\nlimit: 0\noverlap: 0\nfraction: 0.5\n")
    arguments = experiment(write, "defaults: [override /data: mine]\nseed: 2\nname: experiment\ndata: {limit: 2}")
    config = compose([*arguments, "task=other", "name=mine"])
    assert [config[key] for key in ("seed", "study", "name")] == [2, "task", "mine"]
    assert [config["data"][key] for key in ("limit", "overlap", "fraction", "batch_size")] == [2, 1, 0.5, 32]
    assert "train" not in config["data"], "the experiment chose the data, not the task"
    assert compose([*arguments, "task=other", "data=files"])["data"]["train"] == "???"


def test_a_configuration_is_plain_and_resolved() -> None:
    config = compose(["study=x", "data.citation=${study}", "callbacks=early_stopping"])
    assert config["data"]["citation"] == "x"
    assert type(config["callbacks"]["early_stopping"]) is dict
    assert type(config["optimizer"]["betas"]) is list
    assert "hydra" not in config
    assert "experiment" not in config


def test_the_readable_name_says_what_was_changed() -> None:
    def name(*arguments: str) -> object:
        return compose(arguments)["name"]

    assert name() == "conll2003-minilm_l6"
    assert name("seed=7", "logger.wandb.mode=offline", "callbacks.progress.enabled=false") == "conll2003-minilm_l6"
    assert (
        name("model=bert_tiny", "optimizer.lr=1e-5", "+trainer.max_steps=9")
        == "conll2003-bert_tiny-lr=1e-5-max_steps=9"
    )
    assert name("model=hub", "model.path=/some/where/my model/") == "conll2003-hub-path=my_model"
    assert name("name=mine", "optimizer.lr=1") == "mine"
    assert len(str(name(*(f"data.{key}={'9' * 40}" for key in ("limit", "overlap", "batch_size"))))) <= 80


def test_composing_leaves_no_trace_in_the_process(folder: Path) -> None:
    from hydra.core.global_hydra import GlobalHydra

    compose(["seed=1"])
    assert not GlobalHydra.instance().is_initialized()
    assert list(folder.iterdir()) == []
