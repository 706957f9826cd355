"""What a run was computed with: the code's commit and changes, packages, hardware."""

import importlib.util
import platform
import shutil
import subprocess
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from clozelab import environment


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", "-C", folder, *identity, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def source(module: ModuleType) -> str:
    """Returns the hash of the modules beside this one."""
    found: str = module.code()["source"]
    return found


@pytest.fixture
def checkout(tmp_path: Path) -> tuple[Path, ModuleType]:
    """A repository with a copy of the module in it; returns both."""
    folder = tmp_path / "repository"
    package = folder / "src" / "clozelab"
    package.mkdir(parents=True)
    shutil.copy(environment.__file__, package / "environment.py")
    (folder / "README.md").write_text("one\n")
    (folder / ".gitignore").write_text("outputs/\n__pycache__/\n")
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "first")
    spec = importlib.util.spec_from_file_location("copied_environment", package / "environment.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return folder, module


def test_a_clean_checkout_is_its_commit(checkout: tuple[Path, ModuleType]) -> None:
    folder, module = checkout
    assert module.code() == {"commit": git(folder, "rev-parse", "HEAD"), "diff": None, "source": source(module)}


def test_every_change_of_the_code_changes_the_diff_hash(checkout: tuple[Path, ModuleType]) -> None:
    folder, module = checkout
    seen = [module.code()["diff"]]
    (folder / "README.md").write_text("two\n")
    seen.append(module.code()["diff"])
    (folder / "src" / "clozelab" / "new.py").write_text("x = 1\n")
    seen.append(module.code()["diff"])
    (folder / "src" / "clozelab" / "new.py").write_text("x = 2\n")
    seen.append(module.code()["diff"])
    git(folder, "add", ".")
    seen.append(module.code()["diff"])
    assert len(set(seen)) == 5
    assert seen[0] is None
    assert all(len(value) == 16 for value in seen[1:])
    assert module.code()["commit"] == git(folder, "rev-parse", "HEAD")


def test_what_git_ignores_and_what_is_no_code_does_not_count(checkout: tuple[Path, ModuleType]) -> None:
    folder, module = checkout
    for name in ("outputs/run.json", "notes.txt", "src/clozelab/__pycache__/x.pyc"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("x")
    assert module.code()["diff"] is None


def test_a_users_git_settings_do_not_change_the_hash(
    checkout: tuple[Path, ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, module = checkout
    (folder / "README.md").write_text("two\n")
    plain = module.code()
    git(folder, "config", "diff.external", "echo")
    git(folder, "config", "color.ui", "always")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    assert module.code() == plain


def test_an_installed_package_has_no_commit_even_inside_somebody_elses_repository(
    checkout: tuple[Path, ModuleType],
) -> None:
    folder, module = checkout
    git(folder, "rm", "--quiet", "--cached", "src/clozelab/environment.py")
    git(folder, "commit", "--quiet", "-m", "without it")
    assert module.code() == {"commit": None, "diff": None, "source": source(module)}
    shutil.rmtree(folder / ".git")
    assert module.code() == {"commit": None, "diff": None, "source": source(module)}


def test_without_git_there_is_no_commit(checkout: tuple[Path, ModuleType], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    module = checkout[1]
    assert module.code() == {"commit": None, "diff": None, "source": source(module)}


def test_the_source_is_the_modules_alone_wherever_they_are(checkout: tuple[Path, ModuleType]) -> None:
    folder, module = checkout
    package = folder / "src" / "clozelab"
    seen = [module.code()]
    (folder / "README.md").write_text("two\n")
    seen.append(module.code())
    (package / "deep").mkdir()
    for text in ("x = 1\n", "x = 2\n"):
        (package / "deep" / "new.py").write_text(text)
        seen.append(module.code())
    same, other, *_ = [module.is_same_code(seen[0], one) for one in seen[1:]]
    assert (same, other, module.is_same_code(seen[2], seen[3])) == (True, False, False)
    git(folder, "add", ".")
    assert module.is_same_code(seen[3], module.code()), "whether it is committed or not"


def test_of_a_run_without_a_hash_of_the_source_commit_and_changes_say_whether_the_code_is_the_same() -> None:
    now = {"commit": "a", "diff": None, "source": "1"}
    assert environment.is_same_code({"commit": "a", "diff": None}, now)
    for then in ({"commit": "b", "diff": None}, {"commit": "a", "diff": "2"}, {}):
        assert not environment.is_same_code(then, now)
    assert not environment.is_same_code({}, {"commit": None, "diff": None, "source": "1"}), "nothing is known of it"


def test_packages_that_declare_targets_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    point = SimpleNamespace(dist=SimpleNamespace(name="lion", version="0.3"))
    monkeypatch.setattr(environment, "entry_points", lambda group: [point] if group == "clozelab.targets" else [])
    assert environment.packages()["lion"] == "0.3"


def test_packages_and_hardware_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    packages = environment.packages()
    assert set(environment.NUMERIC_PACKAGES) <= set(environment.PACKAGES) == set(packages) - {"python"}
    assert packages["python"] == platform.python_version()
    assert packages["hydra-core"].startswith("1.")
    assert environment.hardware()["cores"] == environment.num_cores() >= 1
    monkeypatch.setattr(environment, "PACKAGES", ("no-such-package-of-this-name",))
    assert environment.packages()["no-such-package-of-this-name"] == "not installed"


def test_the_cores_are_those_this_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment.os, "sched_getaffinity", lambda pid: {3, 5, 7}, raising=False)
    assert environment.num_cores() == 3
