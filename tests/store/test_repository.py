"""What is asked of the hub is of the right kind; the rest is tested where repositories are used (test_hub)."""

from pathlib import Path
from typing import Any

import huggingface_hub
import pytest

from clozelab.errors import ConfigError, DataError
from clozelab.store import repository
from clozelab.store.repository import Kind, Repository, check_name, is_local

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[dict[str, Any]]:
    """Calls of the hub's client, which has an answer for each."""
    calls: list[dict[str, Any]] = []

    class Api:
        def __init__(self, **_: Any) -> None:
            pass

        def repo_info(self, path: str, **options: Any) -> Any:
            calls.append({"path": path, **options})
            return type("Info", (), {"sha": COMMIT})

    def download(path: str, **options: Any) -> str:
        calls.append({"path": path, **options})
        return str(tmp_path)

    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setattr(repository, "answers", lambda endpoint: True)
    monkeypatch.setattr(huggingface_hub, "HfApi", Api)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    return calls


@pytest.mark.parametrize("kind", ["model", "dataset"])
def test_a_repository_of_the_kind_is_asked_for(kind: Kind, asked: list[dict[str, Any]], tmp_path: Path) -> None:
    one = Repository(kind=kind, revision="v1", offline=False, patterns=("*.json",))
    assert one.commit("a/b") == COMMIT
    assert one.snapshot("a/b") == tmp_path
    assert [call["repo_type"] for call in asked] == [kind, kind]
    assert [call["revision"] for call in asked] == ["v1", "v1"]
    assert asked[1]["allow_patterns"] == ["*.json"]


def test_a_commit_is_its_own_answer(asked: list[dict[str, Any]]) -> None:
    assert Repository(kind="model", revision=COMMIT, offline=False, patterns=()).commit("a/b") == COMMIT
    assert asked == []


def test_offline_asks_the_cache_alone(asked: list[dict[str, Any]]) -> None:
    Repository(kind="dataset", revision="main", offline=True, patterns=()).snapshot("a/b")
    assert asked[0]["local_files_only"]


def test_a_repository_that_is_nowhere_is_one_message() -> None:
    with pytest.raises(DataError, match=r"'no-such/data' \(revision 'main'\) is not in the hub's cache"):
        Repository(kind="dataset", revision="main", offline=True, patterns=()).commit("no-such/data")


def test_names_and_folders_are_told_apart(tmp_path: Path) -> None:
    assert is_local(str(tmp_path))
    assert is_local("./absent")
    assert not is_local("some/data")
    check_name("some/data", "x/y")
    with pytest.raises(ConfigError, match=r"'some data'.*'x/y'"):
        check_name("some data", "x/y")
