"""Packages are compared with what clozelab's own metadata asks for."""

import importlib.metadata
import platform
from collections.abc import Callable

import pytest

from clozelab.doctor import packages
from clozelab.doctor.packages import MODULES, check_packages, check_python

Pretend = Callable[..., None]


@pytest.fixture
def pretend(monkeypatch: pytest.MonkeyPatch) -> Pretend:
    """Makes another environment appear to be this one."""

    def set_up(needed: list[str], **versions: str) -> None:
        def version(name: str) -> str:
            if name.replace("-", "_") not in versions:
                raise importlib.metadata.PackageNotFoundError(name)
            return versions[name.replace("-", "_")]

        monkeypatch.setattr(packages, "requires", lambda name: needed)
        monkeypatch.setattr(packages, "version", version)
        monkeypatch.setattr(packages, "SHOWN", tuple(versions))

    return set_up


def test_this_environment_is_fine() -> None:
    (python,) = check_python()
    assert (python.level, python.name) == ("ok", "python")
    (found,) = check_packages()
    assert found.level == "ok", found
    assert f"torch {importlib.metadata.version('torch')}" in found.text


def test_another_python_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "python_version", lambda: "3.9.1")
    (found,) = check_python()
    assert (found.level, found.text) == ("problem", "3.9.1, needed is >=3.11")


@pytest.mark.parametrize(
    ("found", "level", "words"),
    [
        ({}, "problem", "not installed, needed is numpy>=2.0"),
        ({"numpy": "1.26.4"}, "problem", "1.26.4, supported is >=2.0"),
        ({"numpy": "2.4.6"}, "ok", "all 1 within their ranges: numpy 2.4.6"),
        ({"numpy": "2.5.0rc1"}, "ok", "numpy 2.5.0rc1"),
    ],
)
def test_what_is_missing_or_too_old_is_a_problem_and_says_what_to_install(
    pretend: Pretend, found: dict[str, str], level: str, words: str
) -> None:
    pretend(["numpy>=2.0"], **found)
    (finding,) = check_packages()
    assert finding.level == level
    assert words in finding.text
    assert (finding.advice == "python -m pip install 'numpy>=2.0'") == (level == "problem")


def test_packages_of_extras_may_be_missing_but_not_too_old(pretend: Pretend) -> None:
    extras = ["datasets>=4.0; extra == 'hub'", "accelerate>=1.10; extra == 'bench'", "accelerate>=1.10; extra == 'dev'"]
    pretend(extras, accelerate="1.0")
    (finding,) = check_packages()
    assert (finding.level, finding.name, finding.text) == ("warning", "accelerate", "1.0, supported is >=1.10")


def test_a_package_for_another_system_is_not_asked_for(pretend: Pretend) -> None:
    pretend(["pywin32>=300; sys_platform == 'win32'"])
    assert [finding.level for finding in check_packages()] == ["ok"]


def test_a_package_whose_files_are_gone_is_a_problem(pretend: Pretend) -> None:
    pretend(["surely-not-here>=1"], surely_not_here="1.0")
    (finding,) = check_packages()
    assert (finding.level, finding.text) == ("problem", "1.0 is registered, but its files are gone")


def test_clozelab_itself_may_not_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(name: str) -> list[str]:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(packages, "requires", unknown)
    (finding,) = check_packages()
    assert finding.level == "problem"
    assert "clozelab is not installed" in finding.text


def test_the_modules_of_packages_are_what_they_are_called() -> None:
    for package, module in MODULES.items():
        assert module in (importlib.metadata.distribution(package).read_text("top_level.txt") or module).split()
