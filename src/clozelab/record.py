"""The run directory: what ran, how it ended, and everything needed to run it again. Free of torch."""

import json
import logging
import os
import re
import traceback
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, final

import yaml
from filelock import FileLock, Timeout

from clozelab.errors import TRACEBACK_LOGGER, ConfigError, RunLockedError, UserError
from clozelab.store.cache import atomic_write, remove
from clozelab.store.runs import LOCK

Status = Literal["new", "running", "completed", "interrupted", "failed"]


def run_id(study: str, cell: str, seed: int | str) -> str:
    """Returns the name of a run among all: dashboards know it by that."""
    return re.sub(r"[^\w.-]+", "_", f"{study}-{cell}-seed-{seed}")


@final
class Run:
    """One run directory: `outputs/<study>/<name>-<cell>/seed-<n>/`.

    Args:
        output_dir: where studies are.
        study: folder of runs that belong together.
        name: readable part; a directory of the same cell under another name is found by the hash.
        cell: hash of the identity without the seed.
        seed: of the run.
    """

    def __init__(self, *, output_dir: Path, study: str, name: str, cell: str, seed: int) -> None:
        existing = list((output_dir / study).glob(f"*-{cell}"))
        existing.sort(key=lambda folder: (not (folder / f"seed-{seed}").exists(), folder.name))
        self.group = existing[0].name if existing else f"{name}-{cell}"
        self.folder = output_dir / study / self.group / f"seed-{seed}"
        # The study, too: all studies share one directory of dashboards.
        self.id = run_id(study, cell, seed)
        self._lock = FileLock(self.folder / LOCK)

    def state(self) -> dict[str, Any]:
        """Returns run.json, empty for a new run."""
        path = self.folder / "run.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}

    @property
    def status(self) -> Status:
        """What run.json says: `running` also if the process was killed, see `store.runs.standing`."""
        return self.state().get("status", "new")

    def metrics(self) -> dict[str, float]:
        """Returns the final metrics of a completed run."""
        return json.loads((self.folder / "metrics.json").read_text(encoding="utf-8"))

    def write_state(self, **values: Any) -> None:
        """Updates run.json."""
        text = json.dumps({**self.state(), **values}, indent=2, ensure_ascii=False)
        atomic_write(self.folder / "run.json", text + "\n")

    def write_config(self, config: Mapping[str, Any]) -> None:
        """Writes config.yaml: plain and resolved, enough to run again."""
        atomic_write(self.folder / "config.yaml", yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True))

    def complete(self, metrics: Mapping[str, float]) -> None:
        """Writes metrics.json; the recording then ends as completed."""
        atomic_write(self.folder / "metrics.json", json.dumps(dict(metrics), indent=2) + "\n")

    def start_over(self) -> None:
        """Removes what earlier attempts left, except run.log."""
        files = ("metrics.json", "errors.json", "history.csv", "timings.csv", "progress.json")
        for name in ("checkpoints", "model", "predictions", "evaluations", *files):
            remove(self.folder / name)

    def discard(self) -> None:
        """Removes the directory of a run of which nothing was computed, and those above it that held nothing else."""
        remove(self.folder)
        for folder in (self.folder.parent, self.folder.parents[1]):
            if not any(folder.iterdir()):
                folder.rmdir()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Holds the run directory for this process; may be entered again while it is held.

        Raises:
            RunLockedError: if another process executes this run.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire(timeout=0.5)  # not 0: `store.runs.is_held` takes it for a moment, to look
        except Timeout as error:
            advice = "wait for it, or choose another study"
            raise RunLockedError(f"{self.folder} is being run by another process; {advice}") from error
        try:
            yield
        finally:
            self._lock.release()

    def recording(self) -> AbstractContextManager[None]:
        """Returns the context in which the run executes: locked, logged, and with its end recorded whatever it is.

        Raises:
            RunLockedError: on entering, if another process executes this run.
        """
        return _Recording(self)


@final
class _Recording(AbstractContextManager[None]):
    """See `Run.recording`. Not an `except` clause: it swallows nothing, and SystemExit must be recorded, too.

    A mistake of the user's that shows before anything was computed leaves no directory behind.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._hold = run.locked()
        self._is_new = run.status == "new"

    def __enter__(self) -> None:
        self._hold.__enter__()
        folder = self._run.folder
        for stale in (folder / "checkpoints").glob(".*.tmp"):  # of an attempt that was killed while it saved
            remove(stale)
        self._handler = logging.FileHandler(folder / "run.log", encoding="utf-8")
        self._handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        logging.getLogger().addHandler(self._handler)
        logging.captureWarnings(True)
        self._run.write_state(status="running", pid=os.getpid(), started=_now(), error=None)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._run.write_state(status="completed", finished=_now())
        else:
            status = "interrupted" if isinstance(error, KeyboardInterrupt | SystemExit) else "failed"
            logging.getLogger(TRACEBACK_LOGGER).error("%s", "".join(traceback.format_exception(kind, error, trace)))
            self._run.write_state(status=status, finished=_now(), error=f"{type(error).__name__}: {error}")
        remove(self._run.folder / "progress.json")
        logging.captureWarnings(False)
        logging.getLogger().removeHandler(self._handler)
        self._handler.close()
        if self._is_new and isinstance(error, UserError) and not (self._run.folder / "history.csv").exists():
            self._run.discard()
        self._hold.__exit__(None, None, None)


def check_numerics(stored: Mapping[str, Any], now: Mapping[str, Any], folder: Path) -> None:
    """Refuses to continue a run under other numerics: the result would equal neither of two clean runs.

    Raises:
        ConfigError: naming what changed, both values each.
    """
    changed = [
        f"{key} was {stored.get(key)!r}, is {now.get(key)!r}"
        for key in sorted({*stored, *now})
        if stored.get(key) != now.get(key)
    ]
    if changed:
        raise ConfigError(
            f"{folder} was interrupted under other numerics ({'; '.join(changed)}): continuing would not give the same "
            "bits. Restore them, or start it over with rerun=true"
        )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
