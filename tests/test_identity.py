"""What makes two runs the same run: the table is complete, honest, and looks at bytes rather than at places."""

import copy
import inspect
import shutil
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl

from clozelab.config.compose import compose
from clozelab.config.origin import conf_dir, options
from clozelab.config.schema import GROUPS
from clozelab.config.trainer import ELSEWHERE
from clozelab.errors import ConfigError, DataError
from clozelab.identity import KINDS, LOCATED, UNUSED, Kind, flatten, identify, kind_of, open_run, warn_of_other_code

FREE = {
    "study", "name", "output_dir", "rerun", "data.license", "data.citation", "model.license", "trainer.profiler",
    "trainer.detect_anomaly",
}  # fmt: skip
FREE_BELOW = ("logger", "callbacks.checkpoint", "callbacks.curves", "callbacks.progress")
NUMERICS = {
    "num_threads", "feature_cache_gb", "data.micro_batches", "data.eval_batch_size", "trainer.accelerator",
    "trainer.devices", "trainer.num_nodes", "trainer.strategy",
}  # fmt: skip


def all_configs() -> list[dict[str, Any]]:
    chosen = [(group, option) for group in GROUPS for option in options(group, [conf_dir()])]
    # An experiment may be a sweep; its cells have the same keys.
    whole = {"experiment": ["hydra.sweeper.params=null"]}
    return [compose([f"{group}={option}", *whole.get(group, [])]) for group, option in chosen]


@pytest.fixture(scope="module")
def keys() -> set[str]:
    """Every key that any configuration of ours has, and every trainer key that may be added."""
    found = {key for config in all_configs() for key, _ in flatten(config)}
    added = set(inspect.signature(pl.Trainer).parameters) - set(ELSEWHERE)
    return found | {f"trainer.{key}" for key in added}


def intended(key: str) -> Kind:
    """Returns the kind a key is meant to have: what is not listed is identity."""
    if key in NUMERICS:
        return Kind.NUMERICS
    if key.startswith(("data.general.", "data.more.")) and key.rpartition(".")[2] in UNUSED:
        return Kind.FREE
    below = ".source." in key or any(key.startswith(f"{prefix}.") for prefix in FREE_BELOW)
    return Kind.FREE if key in FREE or below else Kind.IDENTITY


@pytest.mark.slow
def test_every_key_is_of_the_kind_it_is_meant_to_be(keys: set[str]) -> None:
    assert {key: kind_of(key) for key in keys} == {key: intended(key) for key in keys}
    assert {*FREE, *NUMERICS} <= keys, "the lists here name real keys"


def test_what_a_corpus_beside_has_and_nothing_reads_does_not_name_a_run() -> None:
    config = compose(["task=domain_adaptation"])
    for key in UNUSED:
        other = {**config, "data": {**config["data"], "general": {**config["data"]["general"], key: "another"}}}
        assert identify(other) == identify(config), key
        whole = {**config, "data": {**config["data"], "general": None}}
        assert identify(whole) != identify(config)


@pytest.mark.slow
def test_every_entry_of_the_table_decides_some_key(keys: set[str]) -> None:
    deciding = {next(pattern for pattern, _ in KINDS if fnmatchcase(key, pattern)) for key in keys}
    assert [pattern for pattern, _ in KINDS if pattern not in deciding] == []
    assert len({pattern for pattern, _ in KINDS}) == len(KINDS)


def test_a_key_that_the_table_does_not_know_is_refused() -> None:
    for key in ("trainer.max_epoch", "sede", "trainer.callbacks", "optimizer"):
        with pytest.raises(ConfigError, match=f"{key}: not a key that clozelab knows"):
            kind_of(key)


@pytest.fixture
def config(overrides: list[str]) -> dict[str, Any]:
    """A configuration whose data and model are local files."""
    return compose([*overrides, "callbacks=early_stopping", "logger=wandb"])


def changed(config: dict[str, Any], key: str) -> dict[str, Any]:
    """Returns a configuration with another value at a dotted key."""
    result = copy.deepcopy(config)
    *path, last = key.split(".")
    node = result
    for part in path:
        node = node[part]
    value = node[last]
    node[last] = not value if isinstance(value, bool) else value + 1 if isinstance(value, int | float) else f"{value}x"
    return result


def test_identity_keys_change_the_hash_and_others_do_not(config: dict[str, Any]) -> None:
    identity = identify(config)
    places = {f"{group}.{key}" for group in ("data", "model") for key in LOCATED}
    for key, _ in flatten(config):
        if key in places or key.endswith("source._target_"):
            continue
        other = identify(changed(config, key))
        kind = intended(key)
        assert (other.hash != identity.hash) == (kind is Kind.IDENTITY), key
        assert (other.numerics != identity.numerics) == (kind is Kind.NUMERICS), key
        assert (other.cell != identity.cell) == (kind is Kind.IDENTITY and key != "seed"), key


def test_the_seed_is_identity_but_not_of_the_cell(config: dict[str, Any]) -> None:
    one, two = identify({**config, "seed": 1}), identify({**config, "seed": 2})
    assert one.hash != two.hash
    assert one.cell == two.cell


def test_the_order_of_keys_does_not_matter(config: dict[str, Any]) -> None:
    turned = {key: dict(reversed(v.items())) if isinstance(v, dict) else v for key, v in reversed(config.items())}
    assert identify(turned).hash == identify(config).hash


def test_a_whole_number_is_the_same_with_and_without_a_point(config: dict[str, Any]) -> None:
    def with_(betas: list[float], clip: float) -> str:
        optimizer = {**config["optimizer"], "betas": betas}
        trainer = {**config["trainer"], "gradient_clip_val": clip}
        return identify({**config, "optimizer": optimizer, "trainer": trainer}).hash

    assert with_([0, 0.5], 1) == with_([0.0, 0.5], 1.0)
    assert with_([0, 0.5], 1) != with_([0, 0.5], 1.5)


def test_a_value_and_its_text_are_not_the_same(config: dict[str, Any]) -> None:
    assert identify({**config, "seed": "1"}).hash != identify({**config, "seed": 1}).hash
    assert identify({**config, "study": 1}).hash == identify(config).hash
    flags = [{**config, "optimizer": {**config["optimizer"], "fused": value}} for value in (True, 1, False, 0)]
    assert len({identify(flag).hash for flag in flags}) == 4
    listed = {**config, "optimizer": {**config["optimizer"], "betas": [0.9, 0.9990000000000001]}}
    assert identify(listed).hash != identify(config).hash, "floats count to the last bit"


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_the_bytes_of_a_data_file_count_and_its_place_does_not(
    config: dict[str, Any], tmp_path: Path, split: str
) -> None:
    identity = identify(config)
    moved = tmp_path / "elsewhere.conll"
    shutil.copy(config["data"][split], moved)
    config["data"][split] = str(moved)
    assert identify(config) == identity
    moved.write_bytes(moved.read_bytes().replace(b"the", b"teh", 1) + b"\n")
    assert identify(config).cell != identity.cell


def test_the_bytes_of_a_model_folder_count_and_its_place_does_not(config: dict[str, Any], tmp_path: Path) -> None:
    identity = identify(config)
    moved = tmp_path / "model elsewhere"
    shutil.copytree(config["model"]["path"], moved)
    config["model"]["path"] = str(moved)
    assert identify(config) == identity
    weights = moved / "model.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert identify(config).cell != identity.cell, "one bit of the weights"
    weights.write_bytes(content)
    (moved / "tokenizer_config.json").write_text("{}")
    assert identify(config).cell != identity.cell


def test_a_pinned_wheel_is_known_without_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOZELAB_CACHE", str(tmp_path))
    identity = identify(compose([]))
    assert identity.values["data.train"] == (
        "sha256:5a4526e81dc309d37e8b81e26986faf63987f8c7de9716b62bc51ce5f0190e6d/neuroner/data/conll2003/en/train.txt"
    )
    assert not (tmp_path / "wheels").exists()
    other = compose(["data.source.sha256=" + "0" * 64])
    assert identify(other).cell != identity.cell


def test_a_sound_run_is_opened_without_writing(overrides: list[str], tmp_path: Path) -> None:
    config = compose(overrides)
    run, identity = open_run(config, lambda key: "")
    assert run.folder == tmp_path / "outputs" / "default" / f"{config['name']}-{identity.cell}" / "seed-42"
    assert run.id == f"default-{identity.cell}-seed-42"
    assert list(tmp_path.iterdir()) == []


def test_a_completed_run_of_other_code_is_returned_with_a_warning(
    overrides: list[str], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, _ = open_run(compose(overrides), lambda key: "")
    code = {"commit": "a" * 40, "diff": None}
    monkeypatch.setattr("clozelab.environment.code", lambda: code)
    with run.recording():
        run.write_state(code=code)
    warn_of_other_code(run)
    assert caplog.messages == []
    code = {"commit": "b" * 40, "diff": "0123"}
    warn_of_other_code(run)
    assert "was made by other code (aaaaaaaaaa) than this (bbbbbbbbbb with changes)" in caplog.text


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("data", {"_target_": "clozelab.data.words.Words"}, "data.source: must be given"),
        ("data", "x", "data='x': must hold keys and values"),
        ("model", None, "model=None: must hold keys and values"),
        ("trainer", {"_target_": "pytorch_lightning.Trainer", "max_epoch": 1}, "Did you mean 'max_epochs'?"),
    ],
)
def test_what_cannot_be_identified_is_refused_with_every_mistake(
    overrides: list[str], key: str, value: object, words: str
) -> None:
    config = {**compose(overrides), key: value, "seed": -1}
    with pytest.raises(ConfigError) as caught:
        open_run(config, lambda key: "")
    assert words in str(caught.value)
    assert "seed=-1" in str(caught.value)


def test_a_file_that_cannot_be_read_is_named(
    overrides: list[str], monkeypatch: pytest.MonkeyPatch, clozelab: Callable[..., tuple[int, str, str]]
) -> None:
    def refuse(self: object, path: str) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("clozelab.store.local.Local.fingerprint", refuse)
    code, _, err = clozelab("train", *overrides)
    assert code == 2
    assert "data.train=" in err
    assert "cannot be read: Permission denied" in err


def test_a_hub_name_that_nothing_knows_is_an_error_of_the_users(overrides: list[str]) -> None:
    config = compose([*overrides, "model.path=nobody/nothing-of-this-name"])
    with pytest.raises(DataError, match="nobody/nothing-of-this-name"):
        open_run(config, lambda key: "")


def test_a_number_is_the_same_written_with_or_without_a_point(config: dict[str, Any]) -> None:
    written = [{**config, "optimizer": {**config["optimizer"], "weight_decay": value}} for value in (0, 0.0)]
    assert identify(written[0]).hash == identify(written[1]).hash
