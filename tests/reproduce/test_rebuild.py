"""The reproduction of a run: the same identity in another place, and errors that say what may have happened."""

from pathlib import Path

import pytest
import yaml

from clozelab.errors import ConfigError
from clozelab.reproduce.originals import Original, find_originals
from clozelab.reproduce.rebuild import Rebuilt, rebuild


def original(folder: Path) -> Original:
    (found,) = find_originals(folder).originals
    return found


def again(folder: Path, *overrides: str) -> Rebuilt:
    return rebuild(original(folder), overrides)


def test_the_identity_is_the_same_in_a_place_of_its_own(
    finished_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = again(finished_run)
    assert found.identity.hash == original(finished_run).run.state["identity_hash"]
    assert found.run.folder.parents[1] == Path("outputs/reproduced/default")
    assert found.run.folder.name == finished_run.name
    assert (found.config["logger"], found.config["rerun"], found.is_done) == ({}, False, False)
    assert list(tmp_path.iterdir()) == []
    other = again(finished_run, "output_dir=o", "study=s", "logger=wandb", "logger.wandb.mode=offline", "rerun=true")
    assert other.run.folder.parents[1] == Path("o/s")
    assert other.config["logger"]["wandb"]["mode"] == "offline"
    assert other.identity.hash == found.identity.hash


def test_the_original_is_never_written_over(finished_run: Path) -> None:
    there = [f"output_dir={finished_run.parents[2]}", f"study={finished_run.parents[1].name}"]
    with pytest.raises(ConfigError, match="this is where the run itself is; choose another study"):
        again(finished_run, *there)


def test_a_configuration_of_other_code_says_that_it_is(copied: Path) -> None:
    config = yaml.safe_load((copied / "config.yaml").read_text())
    config["task"]["_target_"] = "clozelab.task.tagging.Tagging"
    config["data"]["source"]["_target_"] = "clozelab.store.gone.Gone"
    (copied / "config.yaml").write_text(yaml.safe_dump(config))
    found = original(copied)
    found.run.state["code"] = {"commit": "abc", "diff": None}
    with pytest.raises(ConfigError, match="cannot run here") as error:
        rebuild(found, [])
    assert "no module 'clozelab.store.gone'" in str(error.value)
    assert "it was made by other code (abc) than this" in str(error.value)


def test_a_configuration_cannot_run_code_of_its_own(copied: Path) -> None:
    config = yaml.safe_load((copied / "config.yaml").read_text())
    config["data"]["source"] = {"_target_": "subprocess.Popen", "args": "true"}
    (copied / "config.yaml").write_text(yaml.safe_dump(config))
    with pytest.raises(ConfigError, match="not allowed"):
        again(copied)


@pytest.mark.parametrize("override", ["data.eval_batch_size.x=1", "data.source.a.b.c.=1", "trainer.devices=[", "=1"])
def test_what_cannot_be_set_is_refused(override: str, finished_run: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        again(finished_run, override, f"output_dir={tmp_path}")
