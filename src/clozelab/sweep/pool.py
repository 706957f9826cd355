"""The parent's end of a worker process: questions in, answers out, and a new process when the old one has died."""

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from types import TracebackType
from typing import Any, final


@final
class Worker:
    """A process that answers one question after the other. Imports are paid once; a crash costs one cell only."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._answers = -1
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the worker

    def __enter__(self) -> "Worker":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop(gently=kind is None)
        self._log.close()

    def ask(self, question: dict[str, Any], while_waiting: Callable[[], None] = lambda: None) -> dict[str, Any]:
        """Returns the worker's answer; `{"status": "crashed", "message": ...}` if it died instead.

        Args:
            question: plain values.
            while_waiting: called twice a second.
        """
        if self._process is None:
            self._start()
        process = self._process
        assert process is not None
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(question).encode() + b"\n")
            process.stdin.flush()
        except BrokenPipeError:
            return self._crashed()
        received = b""
        while not received.endswith(b"\n"):
            while_waiting()
            if select.select([self._answers], [], [], 0.5)[0]:
                chunk = os.read(self._answers, 65536)
                if not chunk:
                    return self._crashed()
                received += chunk
        answer: dict[str, Any] = json.loads(received)
        return answer

    def replace(self) -> None:
        """Ends the process; the next question goes to a new one."""
        self._stop(gently=True)

    def _start(self) -> None:
        self._answers, writing = os.pipe()
        self._log.seek(0)
        self._log.truncate()
        # A session of its own: Ctrl-C reaches this process only, which then ends the worker in order.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "clozelab.sweep.worker", str(writing)], stdin=subprocess.PIPE, stdout=self._log,
            stderr=self._log, pass_fds=(writing,), start_new_session=True,
        )  # fmt: skip
        os.close(writing)

    def _crashed(self) -> dict[str, Any]:
        assert self._process is not None
        code = self._process.wait()
        self._log.seek(0)
        last = self._log.read().decode(errors="replace").strip().splitlines()[-1:]
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"exited with {code}"
        self._stop(gently=False)
        return {"status": "crashed", "message": f"{how}{': ' + last[0] if last else ''}"}

    def _stop(self, *, gently: bool) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        if not gently and process.poll() is None:
            process.terminate()  # the run records that it was interrupted, and the worker answers
            select.select([self._answers], [], [], 10)
        process.stdin.close()  # its watcher ends the worker when nobody is there to listen
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        os.close(self._answers)
