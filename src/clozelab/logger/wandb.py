"""Weights & Biases, without ever asking or waiting: offline where there is no account, online where a key is there."""

import json
import logging
import os
import shutil
import threading
import time
from pathlib import Path
from typing import Any, final

from pytorch_lightning.loggers import Logger

from clozelab.errors import require
from clozelab.logger.account import has_key
from clozelab.logger.dashboard import About, Outcome
from clozelab.store.reach import responds

log = logging.getLogger(__name__)

PING = b'{"query": "query { __typename }"}'
"""The smallest question of GraphQL."""

CONFUSION = ("Actual", "Predicted", "nPredictions")
"""Columns that wandb's picture of a confusion matrix has."""

SHARES = {"asked": 0.3, "begun": 0.8, "asked_again": 0.2, "tables": 0.2, "finished": 0.5}
"""Of `timeout`, what each wait for a server may take: `begun` has `asked` in it; the last three follow one another."""

SHORT = {"validation": "val"}
"""Splits whose metrics begin otherwise."""


@final
class Wandb(Logger):
    """One wandb run per run: its id is the run's identity, its group the cell (the identity without the seed).

    Args:
        project: wandb project.
        entity: wandb user or team; None is the account's own.
        mode: `auto` (online if a key is there, else offline), `online`, `offline` or `disabled`.
        timeout: seconds that a server which does not answer may cost at the beginning of a run, and again at its end.
    """

    def __init__(
        self, *, project: str = "clozelab", entity: str | None = None, mode: str = "auto", timeout: float = 10.0
    ) -> None:
        super().__init__()
        allowed = ("auto", "online", "offline", "disabled")
        require("mode", mode, mode in allowed, f"one of {', '.join(allowed)}")
        require("project", project, bool(project) and not set(project) & set("/\\#?%:"), "a name without / \\ # ? % :")
        require("timeout", timeout, timeout > 0, "seconds > 0")
        self.project = project
        self.entity = entity
        self.mode = mode
        self.timeout = timeout
        self._run: Any = None
        self._folder = Path()
        self._step = 0

    @property
    def name(self) -> str:
        """Name of the project."""
        return self.project

    @property
    def version(self) -> str | None:
        """Id of the wandb run, once it is open."""
        return None if self._run is None else str(self._run.id)

    def open(self, about: About) -> None:
        """Starts the wandb run.

        Offline, the same id twice makes two directories: so the directories of earlier attempts are removed and their
        history, as far as the run resumes from it, is written into the new one.

        Args:
            about: the run.
        """
        # Its reports on itself go to the server, too, and one that hangs would hold the process up at its end.
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        import wandb  # imported here: it takes a second that other loggers need not pay

        started = time.monotonic()
        mode, shared = self._resolve_mode(), about.output_dir / "wandb"
        self._folder = about.folder
        left = SHARES["begun"] * self.timeout - (time.monotonic() - started)
        for earlier in shared.glob(f"offline-run-*-{about.id}") if mode == "offline" else ():
            shutil.rmtree(earlier, ignore_errors=True)
        options: dict[str, Any] = {
            "project": self.project, "entity": self.entity, "dir": str(about.output_dir), "id": about.id,
            "name": f"{about.group}/seed-{about.seed}", "group": about.group, "settings": self._settings(left),
            "config": {**about.config, "ancestry": about.ancestry}, "mode": mode,
        }  # fmt: skip
        if mode == "online" and about.history:  # one that begins anew must not go on after an earlier attempt
            options["resume"] = "allow"
        before = set(shared.glob(f"run-*-{about.id}"))
        self._run = _start(options)
        if self._run is None and mode == "online":
            wandb.teardown()  # else its service holds the id of the run that did not start
            for empty in set(shared.glob(f"run-*-{about.id}")) - before:
                shutil.rmtree(empty, ignore_errors=True)
            mode = "offline"
            self._run = _start({**options, "mode": mode, "resume": None})
        if mode != "online":
            for step in sorted(about.history):
                self.log_metrics(about.history[step], step)

    def _settings(self, seconds_left: float) -> Any:
        import wandb

        return wandb.Settings(
            silent=True, console="off", disable_git=True, disable_code=True, x_disable_stats=True,
            # Going on offline takes a little, too.
            init_timeout=max(seconds_left, 0.1), login_timeout=max(seconds_left, 0.1),
            # What a lost network keeps from the server, `wandb sync` sends later.
            finish_timeout=SHARES["finished"] * self.timeout,
        )  # fmt: skip

    def _resolve_mode(self) -> str:
        """Returns the mode asked for, or offline where it cannot be had: nothing may prompt or hang."""
        asked = os.environ.get("WANDB_MODE", "")
        mode = self.mode
        if mode == "auto":
            mode = asked if asked in ("offline", "online", "disabled") else "online" if has_key() else "offline"
        if mode != "online" or (has_key() and self._answers_within(SHARES["asked"])):
            return mode
        reason = f"{_server()} does not answer" if has_key() else "no key is there (wandb login)"
        log.warning("wandb: %s, so this run is logged offline", reason)
        return "offline"

    def _answers_within(self, share: float) -> bool:
        # The address that the client needs. A server may take connections and yet never answer.
        return responds(f"{_server().rstrip('/')}/graphql", body=PING, timeout=share * self.timeout)

    def log_metrics(self, metrics: dict[str, Any], step: int | None = None) -> None:
        """Adds values to the row of an optimizer step."""
        self._log(metrics, step or 0)

    def _log(self, values: dict[str, Any], step: int) -> None:
        if self._run is not None:
            try:
                self._run.log(values, step=step)
                self._step = max(self._step, step)
            except _failures() as error:  # its service has died
                self._run = None
                log.warning("wandb: %s; no more of this run goes there", _first_line(error))

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        """Nothing to do: `open` got the whole config."""

    def close(self, outcome: Outcome) -> None:
        """Finishes the wandb run, always: without this the next run of the process would continue it.

        Args:
            outcome: final metrics, for the summary, and whether the run came to its end.
        """
        run, online = self._run, self._run is not None and not self._run.settings._offline
        if run is None:
            return
        if not online:
            self._log_tables(outcome)
        elif self._answers_within(SHARES["asked_again"]):  # tables ask the server, and wait a minute for its answer
            thread = threading.Thread(target=self._log_tables, args=(outcome,), daemon=True)
            thread.start()
            thread.join(SHARES["tables"] * self.timeout)
        self._run = None
        try:
            run.summary.update(outcome.metrics)
            run.finish(exit_code=0 if outcome.finished else 1)
        except _failures() as error:
            log.warning("wandb: %s; what has not been sent is in %s", _first_line(error), run.dir)

    def _log_tables(self, outcome: Outcome) -> None:
        if tables := _tables(outcome.metrics, self._folder / "errors.json"):
            self._log(tables, self._step)


def _start(options: dict[str, Any]) -> Any:
    """Returns a wandb run, or None after saying why there is none."""
    import wandb

    try:
        return wandb.init(**options)
    except _failures() as error:
        log.warning("wandb: %s; this run is not logged %s", _first_line(error), options["mode"])
        return None


def _server() -> str:
    import wandb

    return os.environ.get("WANDB_BASE_URL") or str(wandb.Settings().base_url)  # its default has moved before


def _failures() -> tuple[type[BaseException], ...]:
    """Returns how wandb fails where there is no server, or where its own service process has died."""
    import wandb
    from wandb.sdk.mailbox import MailboxClosedError

    return wandb.Error, MailboxClosedError, OSError


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


def _tables(metrics: dict[str, float], errors: Path) -> dict[str, Any]:
    """Returns, for every split, the scores of each label or entity type, and what was taken for what."""
    import wandb

    scores: dict[str, dict[str, dict[str, float]]] = {}  # split -> label -> score
    for name, value in metrics.items():
        split, _, rest = name.partition("/")
        score, is_part, label = rest.partition("/")  # a label may have slashes itself
        if is_part:
            scores.setdefault(split, {}).setdefault(label, {})[score] = value
    tables: dict[str, Any] = {}
    for split, labels in scores.items():
        columns = list(dict.fromkeys(score for own in labels.values() for score in own))
        rows = [[label, *(own.get(score) for score in columns)] for label, own in labels.items()]
        tables[f"{split}/labels"] = wandb.Table(columns=["label", *columns], data=rows)
    found = json.loads(errors.read_text(encoding="utf-8")) if errors.exists() else {}
    for split, own in found.items():
        rows = [[gold, said, count] for gold, row in own.get("confusion", {}).items() for said, count in row.items()]
        if rows:
            tables[f"{SHORT.get(split, split)}/confusion"] = wandb.plot_table(
                "wandb/confusion_matrix/v1", wandb.Table(columns=list(CONFUSION), data=rows),
                {column: column for column in CONFUSION}, {"title": f"confusion, {split}"},
            )  # fmt: skip
    return tables
