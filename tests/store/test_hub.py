"""Behaviour of the hub source, without a hub."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import huggingface_hub
import huggingface_hub.constants
import pytest
from huggingface_hub.errors import HfHubHTTPError

from clozelab.errors import ConfigError, DataError
from clozelab.store.hub import PATTERNS, Hub
from clozelab.store.repository import Repository

COMMIT = "0123456789abcdef0123456789abcdef01234567"
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def hub_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A hub cache of the test's own; of the network the environment says only an address where nobody is."""
    proxies = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
    for name in ("HF_HUB_OFFLINE", *proxies, *map(str.upper, proxies)):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_ENDPOINT", NOWHERE)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


@pytest.fixture
def server() -> Iterator[str]:
    """The address of something that answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"127.0.0.1:{listening.getsockname()[1]}"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    return folder


def fill(hub_cache: Path, name: str) -> Path:
    """Puts a repository into the hub's cache as its client would; returns the snapshot."""
    repository = hub_cache / f"models--{name.replace('/', '--')}"
    snapshot = repository / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text("{}")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    return snapshot


def refuse(monkeypatch: pytest.MonkeyPatch, error: Exception) -> dict[str, Any]:
    """Makes the hub's client raise; returns the arguments it was called with, as it happens."""
    seen: dict[str, Any] = {}

    def download(path: str, **arguments: Any) -> str:
        seen.update(arguments, path=path)
        raise error

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    return seen


def test_a_local_folder_is_taken_as_it_is(model: Path) -> None:
    Hub().check(str(model))
    assert Hub().locate(str(model)) == model


def test_a_local_folders_fingerprint_follows_its_content(model: Path) -> None:
    before = Hub().fingerprint(str(model))
    (model / "model.safetensors").write_text("w")
    assert Hub().fingerprint(str(model)) != before


def test_a_folder_in_the_working_directory_goes_before_a_repository_of_that_name(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(model.parent)
    Hub().check("model")
    assert Hub().locate("model") == Path("model")
    assert not Hub().fingerprint("model").startswith("hub:")


@pytest.mark.parametrize("path", ["/absent/model", "./absent", "../absent", "~/absent", "a/b/c", "~no-such-user/x"])
def test_a_local_folder_that_is_not_there_is_refused(path: str) -> None:
    with pytest.raises(ConfigError, match="no such file or folder"):
        Hub().check(path)


def test_a_folder_without_config_json_is_refused(tmp_path: Path) -> None:
    for ask in (Hub().check, Hub().fingerprint):
        with pytest.raises(ConfigError, match=r"not a model folder, it has no config\.json"):
            ask(str(tmp_path))


@pytest.mark.parametrize("name", ["bert-base-uncased", "google/bert_uncased_L-2_H-128_A-2", "a.b/c.d", "x" * 5000])
def test_repository_names_are_accepted_without_the_network(name: str) -> None:
    Hub().check(name)


@pytest.mark.parametrize("name", ["", "bert base", "a/", "https://huggingface.co/bert", "a@b", "a:b", "bert\n", "x;y"])
def test_what_is_neither_folder_nor_repository_name_is_refused(name: str) -> None:
    with pytest.raises(ConfigError):
        Hub().check(name)


def test_an_empty_revision_is_refused() -> None:
    with pytest.raises(ConfigError, match="revision=''"):
        Hub(revision="")


def test_a_hub_that_cannot_be_reached_is_an_error_within_seconds() -> None:
    start = time.monotonic()
    with pytest.raises(DataError) as caught:
        Hub().locate("no-such/model")
    assert time.monotonic() - start < 5
    message = str(caught.value)
    assert "'no-such/model' (revision 'main') is not in the hub's cache" in message
    assert f"{NOWHERE} does not answer" in message
    assert "\n" not in message


def test_an_unreachable_hub_is_no_obstacle_to_what_is_in_its_cache(hub_cache: Path) -> None:
    snapshot = fill(hub_cache, "some/model")
    assert Hub().locate("some/model") == snapshot
    assert Hub().fingerprint("some/model") == f"hub:some/model@{COMMIT}"


def test_the_fingerprint_of_a_commit_needs_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(monkeypatch, AssertionError("asked"))
    assert Hub(revision=COMMIT).fingerprint("some/model") == f"hub:some/model@{COMMIT}"


@pytest.mark.parametrize("value", ["1", "true", "True", "TRUE", "yes", "ON"])
def test_offline_by_the_environment_never_touches_the_network(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", value)
    monkeypatch.setattr(socket, "create_connection", lambda *_, **__: pytest.fail("touched the network"))
    with pytest.raises(DataError, match="offline is set"):
        Hub().locate("no-such/model")


@pytest.mark.parametrize("value", ["", "0", "false", "no"])
def test_other_words_of_the_environment_do_not_mean_offline(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", value)
    assert not Repository(kind="model", revision="main", offline=False, patterns=()).offline


def test_offline_by_config_never_touches_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "create_connection", lambda *_, **__: pytest.fail("touched the network"))
    with pytest.raises(DataError, match="offline is set"):
        Hub(offline=True).locate("no-such/model")


def test_whatever_goes_wrong_at_the_hub_is_one_short_message(monkeypatch: pytest.MonkeyPatch, server: str) -> None:
    monkeypatch.setenv("HF_ENDPOINT", f"http://{server}")
    of_the_http_client = HfHubHTTPError.__bases__[0]
    errors = [of_the_http_client("connection reset"), OSError("disk full\nmore"), ValueError("bad name"), OSError()]
    for error, words in zip(errors, ["connection reset", "disk full", "bad name", "OSError"], strict=True):
        refuse(monkeypatch, error)
        with pytest.raises(DataError) as caught:
            Hub().locate("some/model")
        assert str(caught.value).endswith(f"http://{server} says: {words}")


def test_an_error_of_ours_is_not_hidden(monkeypatch: pytest.MonkeyPatch, server: str) -> None:
    monkeypatch.setenv("HF_ENDPOINT", f"http://{server}")
    refuse(monkeypatch, ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        Hub().locate("some/model")


def test_neither_code_nor_pickles_are_fetched(monkeypatch: pytest.MonkeyPatch, server: str) -> None:
    monkeypatch.setenv("HF_ENDPOINT", f"http://{server}")
    seen = refuse(monkeypatch, OSError())
    with pytest.raises(DataError):
        Hub(revision="v2").locate("some/model")
    options = {"repo_type": "model", "revision": "v2", "allow_patterns": list(PATTERNS), "local_files_only": False}
    assert seen == {"path": "some/model", **options}
    assert not any(pattern.endswith((".py", ".bin", ".pt", ".pkl", "*")) for pattern in PATTERNS)


@pytest.mark.parametrize("scheme", ["http://", ""])
def test_behind_a_proxy_it_is_the_proxy_that_must_answer(
    scheme: str, monkeypatch: pytest.MonkeyPatch, server: str
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://hub.invalid")
    monkeypatch.setenv("http_proxy", f"{scheme}{server}")
    assert_asked(monkeypatch, True)


def test_a_dead_proxy_does_not_answer(monkeypatch: pytest.MonkeyPatch, server: str) -> None:
    monkeypatch.setenv("HF_ENDPOINT", f"http://{server}")
    monkeypatch.setenv("http_proxy", NOWHERE)
    assert_asked(monkeypatch, False)


def test_a_proxy_is_not_used_for_what_the_environment_excepts(monkeypatch: pytest.MonkeyPatch, server: str) -> None:
    monkeypatch.setenv("HF_ENDPOINT", f"http://{server}")
    monkeypatch.setenv("http_proxy", NOWHERE)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert_asked(monkeypatch, True)


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:port", "nonsense", "http://", "http://127.0.0.1:99999"])
def test_an_endpoint_that_is_no_address_does_not_answer(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    assert_asked(monkeypatch, False)


def assert_asked(monkeypatch: pytest.MonkeyPatch, asked: bool) -> None:
    seen = refuse(monkeypatch, OSError())
    with pytest.raises(DataError):
        Hub().locate("some/model")
    assert seen["local_files_only"] is not asked
