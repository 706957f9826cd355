"""The typed root and the values its scalars may have."""

from pathlib import Path

import pytest
import yaml

from clozelab.config.origin import conf_dir
from clozelab.config.schema import ALLOWED, GROUPS, ROOT_KEYS, SCALARS, root_problems, scalar_problem


def test_the_root_file_holds_every_key_of_the_schema_in_its_order() -> None:
    content = yaml.safe_load((conf_dir() / "config.yaml").read_text())
    assert tuple(key for key in content if key not in ("defaults", "hydra")) == SCALARS
    groups = [next(iter(e)) for e in content["defaults"] if isinstance(e, dict) and "override" not in next(iter(e))]
    assert tuple(groups) == GROUPS
    assert content["defaults"][:2] == ["schema", "_self_"], "later entries win over the root's own values"
    assert list(ALLOWED) == list(SCALARS)


def test_there_is_a_folder_for_every_group_and_no_other() -> None:
    assert {path.name for path in Path(conf_dir()).iterdir() if path.is_dir()} - {"hydra"} == set(GROUPS)


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("seed", [0, 42, 2**40]), ("study", ["a b", "ner/lr", "2024", "${name}"]), ("name", [None, "x"]),
        ("output_dir", ["/x", "."]), ("num_threads", [None, 1, 64]), ("rerun", [True, False]),
        ("feature_cache_gb", [0, 0.5, 4]),
    ],
)  # fmt: skip
def test_sound_values_of_scalars_pass(key: str, values: list[object]) -> None:
    assert [scalar_problem(key, value) for value in values] == [""] * len(values)


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("seed", [-1, "abc", 1.5, None, "???", [1], {"a": 1}]),
        ("study", ["", "..", "a/../..", "/x", "~/x", None, [1]]), ("name", ["", "a/b", ".x"]),
        ("output_dir", ["", None]), ("num_threads", [0, -1, "x"]), ("rerun", ["maybe", None, 3.5]),
        ("feature_cache_gb", [-1, None, "x"]),
    ],
)  # fmt: skip
def test_other_values_of_scalars_are_refused_by_name(key: str, values: list[object]) -> None:
    for value in values:
        assert scalar_problem(key, value) == f"{key}={value!r}: must be {ALLOWED[key][1]}"


def test_all_root_problems_are_found() -> None:
    config = {key: {} for key in ROOT_KEYS if key not in SCALARS} | {"seed": 1, "sede": 1, "rerun": 7.5, "data": "x"}
    assert [key for key, _ in root_problems(config)] == ["data", "sede", "rerun"]
