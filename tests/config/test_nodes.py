"""A config file names classes of an allow-list, and nothing else becomes code."""

import importlib.metadata
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from clozelab.config import nodes
from clozelab.config.nodes import find_target, instantiate
from clozelab.data.conll import Conll
from clozelab.errors import ConfigError

FORBIDDEN = [
    "os.system", "builtins.eval", "builtins.exec", "subprocess.Popen", "subprocess.run", "shutil.rmtree", "torch.load",
    "torch.hub.load", "torch.nn.Linear", "pickle.loads", "functools.partial", "operator.attrgetter", "eval",
    "pytorch_lightning.LightningModule", "transformers.AutoModel", "clozelab.experiment.execute", "clozelab.record.Run",
    "clozelab.config.nodes.instantiate", "clozelab.cli.main", "hydra.utils.instantiate", "clozelabx.data.Evil",
    "importlib.import_module", "pytorch_lightning.trainer.call._interrupt",
]  # fmt: skip
WALKS = [
    "torch.optim.os.system", "torch.optim.adamw.torch.load", "torch.optim.optimizer.functools.partial",
    "clozelab.store.wheel.subprocess.run", "clozelab.store.wheel.subprocess.Popen",
    "clozelab.store.wheel.shutil.rmtree",
    "clozelab.store.wheel.tempfile.TemporaryDirectory", "clozelab.store.wheel.Path", "clozelab.store.wheel.Progress",
    "clozelab.data.conll.Conll.read", "clozelab.data.module.partial", "clozelab.store.cache.remove",
    "clozelab.store.cache",
    "clozelab.task.base.pl.Trainer", "clozelab.task.base.ABC", "pytorch_lightning.callbacks.callback.os.system",
    "pytorch_lightning.trainer.trainer.torch.load", "torchmetrics.sys.exit",
    "torch.optim.lr_scheduler.types.FunctionType", "torch.optim.Optimizer.step", "clozelab.data.module.SPLITS",
]  # fmt: skip
MALFORMED = [
    "",
    ".",
    "torch.optim.",
    "torch.optim..AdamW",
    "torch.optim.\0",
    ".torch.optim.AdamW",
    "torch optim",
    3,
    None,
    [],
]


@pytest.mark.parametrize("name", FORBIDDEN)
def test_a_target_outside_the_allow_list_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=r"not allowed; a config may name classes of clozelab, torch\.optim"):
        find_target(name)


@pytest.mark.parametrize("name", WALKS)
def test_a_walk_through_an_allowed_module_leads_nowhere(name: str) -> None:
    with pytest.raises(ConfigError, match=r"no module|defines no class"):
        find_target(name)


@pytest.mark.parametrize("name", MALFORMED)
def test_a_name_that_is_no_dotted_name_is_refused(name: object) -> None:
    with pytest.raises(ConfigError, match=r"must be the dotted name of a class|not allowed"):
        find_target(name)


@pytest.mark.parametrize(
    "place", ["optimizer", "data.source", "logger.x", "callbacks.x", "optimizer.lr", "task", "trainer"]
)
def test_the_command_line_refuses_it_at_every_place(refused: Callable[..., str], place: str) -> None:
    name = "clozelab.store.wheel.subprocess.run" if place == "data.source" else "torch.optim.os.system"
    argument = f"{place}._target_={name}" if place != "optimizer.lr" else f"{place}={{_target_:{name}}}"
    assert f"{place}._target_={name!r}: " in refused(argument)


def test_a_file_cannot_run_code_either(
    refused: Callable[..., str], write: Callable[[str, str], Path], tmp_path: Path
) -> None:
    lines = [
        "# @package _global_", "logger:", "  x:", "    _target_: os.system", f"    command: touch {tmp_path}/left",
        "data:", "  source:", "    _target_: clozelab.store.wheel.subprocess.run", "    args: [touch, left]",
        "  format:", "    _target_: builtins.eval", "    source: 1/0",
    ]  # fmt: skip
    message = refused("experiment=evil", f"--config-dir={write('experiment/evil.yaml', chr(10).join(lines))}")
    assert message.startswith("clozelab: 3 mistakes")
    for key in ("logger.x._target_='os.system'", "data.source._target_=", "data.format._target_='builtins.eval'"):
        assert key in message


def test_a_misspelt_class_suggests_only_classes_that_are_allowed() -> None:
    with pytest.raises(ConfigError, match=r"torch\.optim defines no class 'AdamWW'\. Did you mean 'AdamW'\?"):
        find_target("torch.optim.AdamWW")
    with pytest.raises(ConfigError) as caught:
        find_target("clozelab.store.wheel.Pat")
    assert "Path" not in str(caught.value).replace("'Pat'", "")


def test_a_package_may_declare_its_own_targets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "plugin_for_test").mkdir()
    (tmp_path / "plugin_for_test" / "__init__.py").write_text("import os\nclass Mine:\n    pass\n")
    (tmp_path / "plugin_for_test_evil.py").write_text("class Mine:\n    pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError, match="not allowed"):
        find_target("plugin_for_test.Mine")
    point = importlib.metadata.EntryPoint("mine", "plugin_for_test", "clozelab.targets")
    points = {"clozelab.targets": [point]}
    monkeypatch.setattr(nodes, "entry_points", lambda group: points[group])
    monkeypatch.setattr(nodes, "_declared_prefixes", nodes._declared_prefixes.__wrapped__)
    assert find_target("plugin_for_test.Mine").__name__ == "Mine"
    for name in ("plugin_for_test.os.system", "plugin_for_test.os", "plugin_for_test_evil.Mine"):
        with pytest.raises(ConfigError):
            find_target(name)


def test_nodes_are_built_from_the_inside_out() -> None:
    conll = {"_target_": "clozelab.data.conll.Conll", "columns": ["word", "ner"], "labels": "ner"}
    assert isinstance(instantiate(conll), Conll)
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = instantiate({"_target_": "torch.optim.SGD", "lr": 0.5}, params=[parameter])
    assert optimizer.param_groups[0]["lr"] == 0.5
    assert optimizer.param_groups[0]["params"] == [parameter]


def test_a_forbidden_target_deep_in_lists_and_mappings_is_not_built() -> None:
    node = {"_target_": "clozelab.data.conll.Conll", "columns": [{"a": [{"_target_": "os.system", "command": "true"}]}]}
    with pytest.raises(ConfigError, match=r"'os\.system': not allowed"):
        instantiate(node)
