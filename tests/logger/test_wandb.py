"""wandb for real, offline: one run a run, in one directory, with the right groups and the right numbers."""

import json
import math
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, final

import pytest

from clozelab.errors import ConfigError
from clozelab.logger.dashboard import About, Outcome
from clozelab.logger.wandb import SHARES, Wandb, _tables

Run = Callable[..., tuple[int, str, str]]


def wandb_overrides(overrides: list[str]) -> list[str]:
    return ["logger=wandb" if o == "logger=none" else o for o in overrides]


def wandb_command() -> str:
    command = shutil.which("wandb", path=Path(sys.executable).parent.as_posix())
    assert command is not None
    return command


def media(folder: Path, id: str, name: str) -> Any:
    """Returns a table of a run."""
    (path,) = folder.glob(f"wandb/offline-run-*-{id}/files/media/table/{name}*.json")
    return json.loads(path.read_text())


def inspect(folder: Path) -> dict[str, dict[str, object]]:
    """Returns what `wandb leet inspect` reads back of every run, by its id."""
    found = {}
    for path in sorted((folder / "wandb").glob("offline-run-*")):
        done = subprocess.run(
            [wandb_command(), "leet", "inspect", "--summary", "--json", str(path)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        found[path.name.partition("-run-")[2].partition("-")[2]] = json.loads(done.stdout)
    return found


def test_each_run_of_a_process_is_a_wandb_run_with_its_group_and_numbers(
    clozelab: Run, overrides: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("WANDB_MODE", "WANDB_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    for seed, epochs in ((1, 1), (2, 2)):
        options = [f"seed={seed}", f"trainer.max_epochs={epochs}"]
        code, out, err = clozelab("train", *wandb_overrides(overrides), *options)
        assert code == 0, err
        assert "wandb leet" in out
    assert_same_as_run_directories(tmp_path / "outputs", count=2, groups=2)


@pytest.mark.slow
def test_a_sweep_of_four_is_four_wandb_runs_in_two_groups(overrides: list[str], tmp_path: Path) -> None:
    output = tmp_path / "outputs"
    command = [sys.executable, "-m", "clozelab", "train", *wandb_overrides(overrides), f"output_dir={output}"]
    command += ["seed=1,2", "optimizer.lr=1e-3,2e-3", "-m"]
    environment = {k: v for k, v in os.environ.items() if k not in ("WANDB_MODE", "WANDB_API_KEY")}
    done = subprocess.run(
        command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
    assert "wandb leet" in done.stdout
    assert_same_as_run_directories(output, count=4, groups=2)


def assert_same_as_run_directories(output: Path, *, count: int, groups: int) -> None:
    """Compares what wandb has with the run directories, and with what it would upload."""
    found = inspect(output)
    states = [(p.parent, json.loads(p.read_text())) for p in output.glob("*/*/*/run.json")]
    assert set(found) == {state["id"] for _, state in states}
    assert len(found) == count
    text = {key: json.dumps(value) for key, value in found.items()}
    for folder, state in states:
        metrics = json.loads((folder / "metrics.json").read_text())
        assert folder.parent.name in text[state["id"]], "the group is the cell"
        assert repr(metrics["test/loss"])[:12] in text[state["id"]]
        assert '"ancestry"' in text[state["id"]]
        for split in ("val", "test"):
            labels, confusion = (media(output, state["id"], f"{split}/{name}_") for name in ("labels", "confusion"))
            assert {row[0] for row in labels["data"]} == {"LOC", "ORG", "PER"}, "entity types"
            assert confusion["columns"] == ["Actual", "Predicted", "nPredictions"]
    assert len({folder.parent.name for folder, _ in states}) == groups
    listed = subprocess.run(
        [wandb_command(), "sync", "--dry-run", *map(str, (output / "wandb").glob("offline-run-*"))],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert f"Would sync {count} run(s)" in listed.stdout + listed.stderr


def test_a_failed_run_is_finished_too(
    clozelab: Run, overrides: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import wandb

    from clozelab.task.token_classification import TokenClassification

    def explode(self: object, *args: object) -> None:
        raise ZeroDivisionError("boom")

    monkeypatch.setattr(TokenClassification, "metrics", explode)
    with pytest.raises(ZeroDivisionError):
        clozelab("train", *wandb_overrides(overrides))
    assert wandb.run is None


def test_the_same_id_twice_offline_leaves_one_directory_with_the_whole_history(
    about: Callable[..., About], tmp_path: Path
) -> None:
    def session(history: dict[int, dict[str, float]], steps: range) -> None:
        logger = Wandb(mode="offline")
        logger.open(about(history=history))
        for step in steps:
            logger.log_metrics({"train/loss": float(step)}, step)
        logger.close(Outcome(metrics={"test/f1": 0.5}, finished=True))

    session({}, range(3))
    session({step: {"train/loss": float(step)} for step in range(2)}, range(2, 5))
    found = inspect(tmp_path)
    assert list(found) == ["abc-seed-1"]
    assert len(list((tmp_path / "wandb").glob("offline-run-*"))) == 1
    assert "test/f1" in json.dumps(found)


@final
class Server:
    """A stand-in for wandb's server on the loopback; it may begin to hang at any moment."""

    def __init__(self) -> None:
        self.hangs = ""  # path from which on it takes connections and never answers
        self.asked: list[str] = []
        self.gone = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode(errors="replace")
                server.asked.append(f"{self.path} {body}")
                if server.hangs and self.path.startswith(server.hangs):
                    server.gone.wait(60)
                text = json.dumps(answer(self.path, body)).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_PUT = do_GET = do_POST

            def log_message(self, *args: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.handle_error = lambda *args: None  # type: ignore[method-assign]  # clients that do not wait
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()


def answer(path: str, body: str) -> dict[str, object]:
    """Returns as much of an answer as the client needs to go on."""
    if path != "/graphql":
        return {"exitcode": None, "limits": {}}
    project = {"id": "p", "name": "clozelab", "entity": {"id": "e", "name": "ada"}}
    run = {
        "id": "r",
        "name": "abc-seed-1",
        "displayName": "n",
        "config": "{}",
        "historyLineCount": 0,
        "project": project,
    }
    artifact = {"id": "a", "state": "COMMITTED", "artifactSequence": {"latestArtifact": None}}
    viewer = {"id": "v", "entity": "ada", "username": "ada", "flags": "{}", "teams": {"edges": []}}
    return {
        "data": {
            "viewer": viewer,
            "serverInfo": {"cliVersionInfo": {}, "latestLocalVersionInfo": None, "features": []},
            "upsertBucket": {"bucket": run, "inserted": True},
            "createArtifact": {"artifact": artifact},
            "createRunFiles": {"runID": "r", "uploadHeaders": [], "files": []},
            "model": None, "project": None, "entity": None,
        }
    }  # fmt: skip


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    found = Server()
    monkeypatch.setenv("WANDB_BASE_URL", found.url)
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    monkeypatch.delenv("WANDB_MODE", raising=False)
    import wandb

    wandb.teardown()  # its service keeps the address, of this server and of any before
    yield found
    found.gone.set()
    found.http.shutdown()
    found.http.server_close()
    wandb.teardown()


def session(about: About, *, meanwhile: Callable[[], None] = lambda: None, **options: Any) -> dict[str, Any]:
    """Logs a little; returns whether the run was online, and the seconds that beginning and end took."""
    logger = Wandb(**options)
    started = time.monotonic()
    logger.open(about)
    opened = time.monotonic() - started
    online = not logger._run.settings._offline
    for step in range(1, 4):
        logger.log_metrics({"train/loss": math.nan if step == 2 else float(step)}, step)
    meanwhile()
    logger.log_metrics({"train/loss": 4.0}, 4)
    started = time.monotonic()
    logger.close(Outcome(metrics={"test/f1": 0.5, "test/f1/<b>a/b</b>": 0.25}, finished=True))
    return {"online": online, "open": opened, "close": time.monotonic() - started}


def test_a_server_that_answers_gets_curves_summary_and_tables(server: Server, about: Callable[..., About]) -> None:
    assert session(about(), timeout=60)["online"]
    sent = "\n".join(server.asked)
    assert "RunResumeStatus" not in sent, "a run that begins does not go on after an earlier attempt"
    assert "train/loss" in sent
    assert "test/f1" in sent
    assert "createArtifact" in sent, "the table of labels"
    session(about(history={1: {"train/loss": 1.0}}), timeout=60)
    assert "RunResumeStatus" in "\n".join(server.asked), "one that resumes goes on"


def test_nothing_about_wandb_itself_is_sent(server: Server, about: Callable[..., About]) -> None:
    assert session(about(), timeout=60)["online"]
    assert [path for path in server.asked if "otel" in path] == []


def test_the_waits_for_a_server_are_within_the_timeout_at_the_beginning_and_at_the_end() -> None:
    assert SHARES["asked"] < SHARES["begun"] < 1
    assert sum(SHARES[wait] for wait in ("asked_again", "tables", "finished")) < 1


def test_a_server_that_takes_connections_and_never_answers_costs_seconds(
    server: Server, about: Callable[..., About], tmp_path: Path
) -> None:
    server.hangs = "/"
    took = session(about(), timeout=2)
    assert not took["online"]
    assert took["open"] + took["close"] < 10
    assert "abc-seed-1" in inspect(tmp_path)


@pytest.mark.parametrize("hangs", ["/", "/files"])
def test_a_server_that_dies_meanwhile_costs_seconds_at_the_end(
    server: Server, about: Callable[..., About], tmp_path: Path, hangs: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for wait in ("asked_again", "finished"):
        monkeypatch.setitem(SHARES, wait, 0.1)
    took = session(about(), meanwhile=lambda: setattr(server, "hangs", hangs))
    assert took["online"]
    assert took["close"] < 10
    assert list((tmp_path / "wandb").glob("run-*/*.wandb")), "for wandb sync"


def test_a_server_that_goes_away_meanwhile_costs_seconds_at_the_end(
    server: Server, about: Callable[..., About]
) -> None:
    def leave() -> None:
        server.http.shutdown()
        server.http.server_close()

    assert session(about(), meanwhile=leave)["close"] < 10


def test_a_server_that_hangs_after_it_was_asked_leaves_one_offline_run(
    server: Server, about: Callable[..., About], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answers_once(self: Wandb, share: float) -> bool:
        server.hangs = "/"
        return True

    monkeypatch.setattr(Wandb, "_answers_within", answers_once)
    took = session(about(), timeout=3)
    assert not took["online"]
    assert took["open"] < 10
    (left,) = (tmp_path / "wandb").glob("*run-*")
    assert left.name.startswith("offline-run-"), "nothing is left of the run that did not start"


def test_a_server_that_is_not_there_costs_seconds_and_the_run_goes_on_offline(
    about: Callable[..., About], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    monkeypatch.delenv("WANDB_MODE", raising=False)
    took = session(about())
    assert not took["online"]
    assert took["open"] + took["close"] < 10
    assert list((tmp_path / "wandb").glob("offline-run-*"))


def test_a_key_that_is_none_means_offline(
    server: Server, about: Callable[..., About], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "mistyped")
    assert not session(about())["online"]


def test_a_directory_that_cannot_be_written_does_not_fail_the_run(about: Callable[..., About], tmp_path: Path) -> None:
    (tmp_path / "wandb").write_text("a file where a directory should be")
    logger = Wandb(mode="offline")
    logger.open(about())
    logger.log_metrics({"train/loss": 1.0}, 1)
    logger.close(Outcome(finished=True))


def test_labels_are_rows_as_they_are_written(tmp_path: Path) -> None:
    label = "<script>a/b</script>"
    (tmp_path / "errors.json").write_text(json.dumps({"validation": {"confusion": {label: {label: 3, "c.d": 1}}}}))
    found = _tables(
        {f"val/f1/{label}": 0.5, f"val/recall/{label}": math.nan, "val/loss": 1.0}, tmp_path / "errors.json"
    )
    assert set(found) == {"val/labels", "val/confusion"}
    assert found["val/labels"].columns == ["label", "f1", "recall"]
    assert found["val/labels"].data[0][:2] == [label, 0.5]
    assert found["val/confusion"].table.data == [[label, label, 3], [label, "c.d", 1]]


def test_a_run_without_labels_has_no_tables(tmp_path: Path) -> None:
    assert _tables({"test/perplexity": 3.0}, tmp_path / "errors.json") == {}


@pytest.mark.parametrize("options", [{"mode": "sometimes"}, {"project": "a/b"}, {"project": ""}, {"timeout": 0}])
def test_wrong_values_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=next(iter(options))):
        Wandb(**options)
