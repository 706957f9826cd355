"""What Hydra and OmegaConf raise becomes one line that names key, value and file, and nothing of their own words."""

from pathlib import Path

import pytest
import yaml
from hydra.errors import HydraException, MissingConfigException
from omegaconf import OmegaConf
from omegaconf.errors import ConfigKeyError, OmegaConfBaseException

from clozelab.config.messages import join, readable_errors, unknown_group
from clozelab.config.schema import GROUPS
from clozelab.errors import ConfigError


def said(error: Exception, folders: tuple[Path, ...] = ()) -> str:
    """Returns the message in the place of an error."""
    with pytest.raises(ConfigError) as found, readable_errors(lambda key: f" (set in {key}.yaml)", folders):  # type: ignore[arg-type]
        raise error
    assert found.value.__cause__ is error
    return str(found.value)


def test_a_group_that_there_is_not_comes_with_the_nearest_and_all() -> None:
    message = unknown_group("optimiser")
    assert message.startswith("optimiser: no such group. Did you mean 'optimizer'? Groups: ")
    assert all(group in message for group in GROUPS)


def test_one_mistake_is_a_line_and_several_are_a_list_without_doubles() -> None:
    assert join(["a", "a"]) == "a"
    assert join(["a", "b", "a"]) == "2 mistakes in the configuration:\n  a\n  b"


def test_what_composing_does_not_raise_passes_untouched() -> None:
    with pytest.raises(ZeroDivisionError), readable_errors(lambda key: "", ()):  # type: ignore[arg-type]
        raise ZeroDivisionError


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (MissingConfigException("x", missing_cfg_file="hydra/launcher/ray"),
         "hydra/launcher=ray: no such option; is the package that brings it installed?"),
        (HydraException("Could not override '/modle'. No match in the defaults list."),
         "modle: no such group. Did you mean 'model'?"),
        (HydraException("In 'experiment/mine': ConfigKeyError raised while composing config:\nKey 'sede' not in 'Root'"
                        "\n    full_key: sede"),
         "sede: no such key. Did you mean 'seed'?"),
        (HydraException("In 'experiment/mine': Key 'sede' not in 'Root'"), "(experiment/mine.yaml)"),
        (HydraException("one\ntwo"), "one"),
    ],
)  # fmt: skip
def test_hydras_errors_in_plain_words(error: Exception, message: str) -> None:
    found = said(error)
    assert message in found
    assert len(found.splitlines()) == 1


def test_an_option_that_there_is_not_is_named_with_those_that_are(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "bert_tiny.yaml").touch()
    found = said(MissingConfigException("x", missing_cfg_file="model/bert_tyni"), (tmp_path,))
    assert found.startswith("model=bert_tyni: no such option. Did you mean 'bert_tiny'?")


def test_a_value_of_the_wrong_kind_is_named_with_its_key_and_where_it_was_set() -> None:
    config = OmegaConf.create({"a": {"b": "${c}"}})
    try:
        _ = config.a.b
    except OmegaConfBaseException as error:
        found = said(error)
    assert "a.b" in found
    assert found.endswith("(set in a.b.yaml)")
    assert len(found.splitlines()) == 1


def test_a_key_without_a_message_of_its_own_is_still_named() -> None:
    error = ConfigKeyError("not here")
    error.full_key = "data.files"
    assert said(error) == "data.files: not here (set in data.files.yaml)"


def test_yaml_that_is_none_is_said_with_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("a: [1\nb: 2")
    try:
        with open(path) as file:
            yaml.safe_load(file)
    except yaml.YAMLError as error:
        found = said(error)
    assert found.startswith(f"{path}:2: not valid YAML: ")
    assert said(yaml.YAMLError("bad")).startswith("a config file: ")
