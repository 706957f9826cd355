"""A worker answers, survives a bad question as an answer, and is replaced when it dies."""

import os
import signal

import pytest

from clozelab.sweep.pool import Worker

SOUND: dict[str, object] = {"action": "run", "config_file": "no-such-file.yaml"}


@pytest.mark.slow
def test_a_worker_answers_fails_and_is_replaced_after_a_death() -> None:
    with Worker() as worker:
        first = worker.ask(SOUND)
        assert first["status"] == "failed"
        assert "FileNotFoundError" in first["message"]
        process = worker._process
        assert process is not None
        ticks = []

        def kill() -> None:
            if not ticks:
                os.kill(process.pid, signal.SIGKILL)
            ticks.append(1)

        died = worker.ask(SOUND, while_waiting=kill)
        if died["status"] != "failed":  # the answer may have been under way already
            assert died["status"] == "crashed"
            assert "SIGKILL" in died["message"]
        else:
            process.wait()
            assert worker.ask(SOUND)["status"] == "crashed"
        assert worker.ask(SOUND)["status"] == "failed", "a new process answers"
    assert worker._process is None
