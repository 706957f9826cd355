"""Mistakes on the command line itself: reported all at once, in plain words, without composing or importing torch."""

from collections.abc import Callable
from pathlib import Path

import pytest

from clozelab.config.compose import compose
from clozelab.config.overrides import parse

Refused = Callable[..., str]


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        ("sede=3", "sede: no such key. Did you mean 'seed'?"),
        ("+sede=3", "sede: no such key. Did you mean 'seed'?"),
        ("++sede=3", "sede: no such key. Did you mean 'seed'?"),
        ("modle=bert_tiny", "modle: no such key. Did you mean 'model'?"),
        ("optimiser.lr=3", "optimiser.lr: no such key. Did you mean 'optimizer'?"),
        ("lr=3e-5", "lr: no such key. Did you mean 'optimizer.lr'?"),
        ("epochs=3", "epochs: no such key. Did you mean 'trainer.max_epochs'?"),
        ("project=x", "project: no such key. Did you mean 'logger.wandb.project' or 'model.source.project' or"),
        ("xyzzy=3", "xyzzy: no such key. Keys begin with one of: data, model,"),
        ("seed=abc", "seed='abc': must be an integer >= 0"),
        ("seed=1.5", "seed=1.5: must be an integer >= 0"),
        ("seed=-1", "seed=-1: must be an integer >= 0"),
        ("seed=null", "seed=None: must be an integer >= 0"),
        ("seed.x=3", "seed.x: seed is a single value and has no keys"),
        ("num_threads=0", "num_threads=0: must be null or an integer >= 1"),
        ("num_threads=abc", "num_threads='abc': must be null or an integer >= 1"),
        ("rerun=maybe", "rerun='maybe': must be true or false"),
        ("study=../x", "study='../x': must be the name of a folder below output_dir"),
        ("study=", "study='': must be the name of a folder below output_dir"),
        ("name=a/b", "name='a/b': must be null or the name of a folder"),
        ("output_dir=null", "output_dir=None: must be a path"),
        (
            "model=bert_tinny",
            "model=bert_tinny: no such option. Did you mean 'bert_tiny'? Options: bert_base,",
        ),
        ("data=null", "data=null: no such option. Options:\n  amazon_reviews, bbc_"),
        ("data@data.general=null", "data@data.general=null: to have none, write data.general=null"),
        ("data=base", "data=base: no such option. Options:\n  amazon_reviews, bbc_"),
        ("optimizer=[adamw,sdg]", "optimizer=sdg: no such option. Options: adamw"),
        ("optimizer={lr:3}", "optimizer={'lr': 3}: no such option. Options: adamw"),
        ("+experiment=debugg", "experiment=debugg: no such option. Did you mean 'debug'?"),
        ("model/bert=tiny", "model/bert: groups are one level deep and keep their place; write model=option"),
        ("model@encoder=bert_tiny", "model: groups are one level deep and keep their place; write model=option"),
        ("~seed", "~seed: every configuration has it; it cannot be removed"),
        ("~optimizer", "~optimizer: every configuration has it; it cannot be removed"),
        ("~optimizer.nosuch", "'optimizer.nosuch' does not exist"),
        (
            "optimizer.lr=1e-5,3e-5",
            "optimizer.lr=1e-5,3e-5: several values are a sweep: add -m, or if",
        ),
        ("experiment=debug,demo", "experiment=debug,demo: several values are a sweep: add -m\n"),
        ("seed=range(3)", "seed=range(3): several values are a sweep: add -m"),
        ("study=a,b", "write \"study='a,b'\""),
        ("optimizer.lr", "optimizer.lr: not an override; write key=value, or group=option"),
        ("=3", "=3: not an override; write key=value"),
        ("optimizer..lr=3", "optimizer..lr=3: not an override"),
        ("optimizer.lr=[1,2", "optimizer.lr=[1,2: the value cannot be read"),
        ("optimizer.lr==3", "optimizer.lr==3: the value cannot be read"),
        ("hydra.run.dir=elsewhere", "hydra.run.dir: Hydra only composes here"),
        ("hydra.output_subdir=x", "hydra.output_subdir: Hydra only composes here"),
        ("hydra/launcher=basic", "hydra/launcher: Hydra only composes here"),
        ("hydra.searchpath=[file:///x]", "hydra.searchpath: Hydra only composes here"),
        ("hydra/sweeper=optuna", "hydra/sweeper=optuna: no such option; is the package that brings it installed?"),
        ("hydra.sweeper.nosuch=1", "hydra.sweeper.nosuch: Key 'nosuch' not in 'BasicSweeperConf'"),
        ("ключ=3", "ключ=3: not an override"),
        ("optimizer.lr=(1", "optimizer.lr='(1': must be a number"),
        ("--resolve", "--resolve: goes with --cfg"),
        ("--bogus", "--bogus: no such flag. Flags: --help, --cfg,"),
        ("-x", "-x: no such flag."),
        ("--lr=3e-5", "--lr: no such flag. Did you mean 'optimizer.lr'? A key has no dashes before it: key=value."),
        ("--batch-size", "--batch-size: no such flag. Did you mean 'data.batch_size'?"),
        ("--config-name=other", "--config-name: no such flag. Did you mean '--config-dir'?"),
        ("--experimental-rerun=x.pickle", "--experimental-rerun: no such flag."),
        ("--cfg=jobb", "--cfg=jobb: takes one of job, hydra, all"),
        ("--cfg", "--cfg: takes one of job, hydra, all"),
        ("--info=x", "--info=x: takes one of all, config, defaults"),
        ("--config-dir", "--config-dir: takes a value"),
        ("--config-dir=nowhere", "--config-dir=nowhere: no such folder"),
    ],
)
def test_a_mistake_on_the_command_line_is_refused_in_plain_words(refused: Refused, mistake: str, message: str) -> None:
    assert message in refused(mistake)


def test_all_mistakes_of_a_command_line_are_reported_at_once(refused: Refused) -> None:
    message = refused("sede=3", "model=bert_tinny", "optimizer.lr=1,2", "num_threads=0", "oops", "hydra.verbose=true")
    assert message.startswith("clozelab: 6 mistakes in the configuration:\n")
    for word in ("sede", "bert_tinny", "several values", "num_threads", "oops", "hydra.verbose"):
        assert word in message


def test_every_value_of_a_sweep_is_looked_at(refused: Refused) -> None:
    assert "seed='x': must be an integer >= 0" in refused("-m", "seed=1,x")
    assert "model=bert_tinny: no such option" in refused("model=bert_tiny,bert_tinny", "--multirun")
    assert "-m: --cfg and --info show one configuration" in refused("-m", "seed=1,2", "--cfg", "job")


def test_keys_below_the_root_reach_the_check_whether_listed_or_not() -> None:
    line = parse(
        ["optimizer.lr=1", "+optimizer.x=2", "++seed=3", "model=hub", "~optimizer.fused", "optimizer.eps=1,2", "-m"]
    )
    assert line.problems == []
    assert line.forced == [
        "++optimizer.lr=1", "++optimizer.x=2", "++seed=3", "model=hub", "~optimizer.fused", "++optimizer.eps=1,2"
    ]  # fmt: skip
    assert line.single == line.forced[:-1]
    assert line.is_sweep
    assert not line.shows


@pytest.mark.parametrize(
    "path",
    [
        "~/data (1).txt",
        "/a/b c.txt",
        "a;b&c|d.txt",
        "50%.txt",
        "C:/x",
        "range(3",
        "#1!",
        "/a=b",
        "outputs/lr=1-ab/seed-1",
    ],
)
def test_a_path_needs_no_quotes_for_hydra(path: str) -> None:
    assert compose(["data=files", f"data.train={path}"])["data"]["train"] == path


def test_paths_of_a_sweep_need_no_quotes_either() -> None:
    line = parse(["model=run", "model.path=a/lr=1/seed-1,a/lr=1/seed-2", "-m"])
    assert (line.problems, line.forced[-1]) == ([], "++model.path='a/lr=1/seed-1','a/lr=1/seed-2'")


def test_a_refused_override_is_not_said_to_be_missing_as_well(refused: Refused) -> None:
    message = refused("model=hub", "model.path=[x", "data.batch_size=0")
    assert message.count("model.path") == 2, "what was typed, and how to quote it"
    assert "must be given" not in message
    assert "data.batch_size=0" in message


@pytest.mark.parametrize("place", range(4))
def test_the_sweep_flag_may_stand_anywhere(place: int) -> None:
    arguments = ["seed=1,2", "optimizer.lr=1", "model=hub"]
    arguments.insert(place, "-m")
    line = parse(arguments)
    assert (line.is_sweep, line.problems, len(line.forced)) == (True, [], 3)


def test_flags_keep_their_values(tmp_path: Path) -> None:
    line = parse(["--cfg", "job", "seed=3", "--config-dir", str(tmp_path), "--resolve"])
    assert line.flags == ["--cfg", "job", "--config-dir", str(tmp_path), "--resolve"]
    assert line.overrides == ["seed=3"]
    assert line.shows
