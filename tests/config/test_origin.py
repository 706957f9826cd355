"""A message names the place where a key was set."""

from collections.abc import Callable
from pathlib import Path

import pytest

from clozelab.config.origin import BASES, conf_dir, layers, option_problem, options, origin_of, read_yaml
from clozelab.errors import ConfigError

Write = Callable[[str, str], Path]


@pytest.mark.parametrize(
    ("arguments", "key", "where"),
    [
        ([], "optimizer.lr", " (conf/optimizer/adamw.yaml)"),
        ([], "data.batch_size", " (conf/data/base.yaml)"),
        ([], "data.source.sha256", " (conf/data/conll2003.yaml)"),
        ([], "task.scoring", " (conf/task/token_classification.yaml)"),
        (["data=files"], "data.train", " (conf/data/files.yaml)"),
        (["experiment=debug"], "data.limit", " (conf/experiment/debug.yaml)"),
        (["experiment=debug"], "model.num_layers", " (conf/model/bert_tiny.yaml)"),
        (["experiment=debug", "data.limit=3"], "data.limit", " (command line)"),
        (["++trainer.max_steps=3"], "trainer.max_steps", " (command line)"),
        (["callbacks.x.y=3"], "callbacks.x", " (command line)"),
        (["callbacks=early_stopping"], "callbacks.early_stopping.patience", " (conf/callbacks/early_stopping.yaml)"),
        (["callbacks=early_stopping"], "callbacks.curves.every_n_steps", " (conf/callbacks/default.yaml)"),
        ([], "optimizer.nosuch", ""),
        ([], "nosuch.key", ""),
    ],
)
def test_the_place_is_the_one_that_won(arguments: list[str], key: str, where: str) -> None:
    assert origin_of(arguments)(key) == where


def test_the_first_directory_wins_as_it_does_for_hydra(write: Write) -> None:
    own = write("optimizer/adamw.yaml", "lr: 7\n")
    write("optimizer/mine.yaml", "lr: 7\n")
    assert origin_of([f"--config-dir={own}"])("optimizer.lr") == " (conf/optimizer/adamw.yaml)"
    assert origin_of(["--config-dir", str(own), "optimizer=mine"])("optimizer.lr") == f" ({own}/optimizer/mine.yaml)"


def test_an_experiment_chooses_the_task_and_a_task_the_data(write: Write) -> None:
    head = "# @package _global_\n"
    own = write("experiment/mine.yaml", f"{head}defaults:\n  - override /task: mine\n")
    write("task/mine.yaml", f"{head}defaults:\n  - override /data: mine\n  - override /model: hub\n")
    write("data/mine.yaml", "train: x\n")
    chosen = {layer.group: Path(layer.file).stem for layer in layers(["experiment=mine", f"--config-dir={own}"])}
    assert (chosen["task"], chosen["data"], chosen["model"]) == ("mine", "mine", "hub")
    chosen = {layer.group: layer.file for layer in layers(["experiment=mine", f"--config-dir={own}", "data=files"])}
    assert chosen["data"] == "conf/data/base.yaml", "the command line wins; a base comes last"


def test_all_options_of_a_sweep_are_looked_at() -> None:
    files = [layer.file for layer in layers(["experiment=debug,demo"])]
    assert {"conf/experiment/debug.yaml", "conf/experiment/demo.yaml"} <= set(files)


def test_where_an_option_of_one_s_own_is_looked_for_is_said(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("{}\n")  # one level too high
    problem = option_problem("optimizer", "mine", [conf_dir(), tmp_path])
    assert problem == f"optimizer=mine: no such option. Options: adamw; looked for in {tmp_path / 'optimizer'}, too"
    assert "looked for" not in option_problem("optimizer", "mine", [conf_dir()])


def test_bases_are_no_options() -> None:
    offered = {*options("data", [conf_dir()]), *options("model", [conf_dir()])}
    assert not offered.intersection(BASES)
    assert set(BASES) == {"base", "words", "texts", "documents", "bbc", "bbc_section", "glue", "bert"}
    assert all(list(conf_dir().glob(f"*/{base}.yaml")) for base in BASES)


def test_an_empty_file_sets_nothing_and_a_broken_one_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("# nothing\n")
    assert read_yaml(path) == {}
    path.write_bytes(b"a: \xff\n")
    with pytest.raises(ConfigError, match=r"a\.yaml: not UTF-8"):
        read_yaml(path)
    path.write_bytes(b"a: \x00\n")
    with pytest.raises(ConfigError, match=r"a\.yaml: not valid YAML"):
        read_yaml(path)
