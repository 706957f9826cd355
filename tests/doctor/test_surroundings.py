"""Servers, the cache, the account and the code: what is not there is said, with what still works."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from clozelab.doctor import surroundings
from clozelab.doctor.surroundings import check_cache, check_code, check_hub, check_index, check_outputs, check_wandb

DEAD = "http://127.0.0.1:9"
"""An address of this machine at which nobody listens."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a server that is there."""
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    server = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_the_hub_is_asked_where_it_is_set_to_be(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [f.text for f in check_hub()] == ["not asked: HF_HUB_OFFLINE is set"]
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setenv("HF_ENDPOINT", server)
    assert [(f.level, f.text) for f in check_hub()] == [("ok", "127.0.0.1 answers")]
    monkeypatch.setenv("HF_ENDPOINT", DEAD)
    (found,) = check_hub()
    assert (found.level, found.text) == ("warning", "127.0.0.1 does not answer")
    assert "only what is in the hub's cache" in found.advice


def test_the_index_is_the_one_that_pip_is_set_to_and_its_password_is_not_shown(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PIP_INDEX_URL", "PIP_NO_INDEX", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    config = tmp_path / "pip.conf"
    monkeypatch.setenv("PIP_CONFIG_FILE", str(config))
    config.write_text(f"[global]\nindex-url = {server.replace('//', '//me:secret@')}/simple\n")
    (found,) = check_index()
    assert (found.level, found.text) == ("ok", "127.0.0.1 answers")
    monkeypatch.setenv("PIP_INDEX_URL", f"{DEAD.replace('//', '//me:secret@')}/simple")
    (found,) = check_index()
    assert (found.level, found.text) == ("warning", "127.0.0.1 does not answer")
    assert "secret" not in repr(found)
    monkeypatch.setenv("PIP_INDEX_URL", str(tmp_path))
    assert [(f.level, f.text) for f in check_index()] == [("ok", f"pip is set to {tmp_path}")]
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert [(f.level, f.text) for f in check_index()] == [("warning", "pip is set to none")]


def test_a_python_without_pip_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    done = subprocess.CompletedProcess([], 1, "", f"{sys.executable}: No module named pip\n")
    monkeypatch.setattr(subprocess, "run", lambda *args, **kwargs: done)
    (found,) = check_index()
    assert (found.level, "No module named pip" in found.text) == ("warning", True)
    assert found.advice.endswith("-m ensurepip")


def test_no_server_is_named_in_the_code() -> None:
    assert "://" not in Path(surroundings.__file__).read_text()


def test_the_cache_says_what_it_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOZELAB_CACHE", str(tmp_path / "cache"))
    assert [finding.text for finding in check_cache()][1] == "0 B"
    entry = tmp_path / "cache" / "features" / ("a" * 64)
    entry.parent.mkdir(parents=True)
    entry.write_bytes(b"x" * 2_500_000)
    assert [finding.text for finding in check_cache()][1] == "2.5 MB: 2.5 MB outputs of frozen encoders"


def test_outputs_are_looked_at_where_they_go(tmp_path: Path) -> None:
    (found,) = check_outputs(tmp_path / "outputs")
    assert (found.level, found.name) == ("ok", "outputs")
    assert str(tmp_path) in found.text


def test_the_account_is_looked_at_without_its_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [f.text for f in check_wandb()] == ["offline: WANDB_MODE is set"]
    monkeypatch.delenv("WANDB_MODE")
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "nothing"))
    assert "no key: logger=wandb logs offline" in check_wandb()[0].text
    monkeypatch.setenv("WANDB_API_KEY", "x" * 40)
    assert [f.text for f in check_wandb()] == ["a key is there: logger=wandb logs online"]


@pytest.mark.parametrize(
    ("code", "level", "words"),
    [
        ({"commit": None, "diff": None}, "ok", "no git checkout"),
        ({"commit": "a" * 40, "diff": None}, "ok", "commit aaaaaaaaaa, no changes"),
        ({"commit": "a" * 40, "diff": "b" * 16}, "warning", "commit aaaaaaaaaa with changes"),
    ],
)
def test_changed_code_is_a_warning(
    code: dict[str, Any], level: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clozelab.environment.code", lambda: code)
    (found,) = check_code()
    assert found.level == level
    assert words in found.text
