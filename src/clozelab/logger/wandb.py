"""Weights & Biases, without ever asking or waiting: offline where there is no account, online where a key is there."""

import logging
import netrc
import os
import shutil
from pathlib import Path
from typing import Any, final

from pytorch_lightning.loggers import Logger

from clozelab.errors import require
from clozelab.logger.dashboard import About, Outcome
from clozelab.store.reach import answers

log = logging.getLogger(__name__)


@final
class Wandb(Logger):
    """One wandb run per run: its id is the run's identity, its group the cell (the identity without the seed).

    Args:
        project: wandb project.
        entity: wandb user or team; None is the account's own.
        mode: `auto` (online if a key is there, else offline), `online`, `offline` or `disabled`.
        timeout: seconds to wait for the server before going on offline.
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
        import wandb  # imported here: it takes a second that other loggers need not pay

        mode = self._resolve_mode()
        for earlier in (about.output_dir / "wandb").glob(f"offline-run-*-{about.id}") if mode == "offline" else ():
            shutil.rmtree(earlier, ignore_errors=True)
        options: dict[str, Any] = {
            "project": self.project, "entity": self.entity, "dir": str(about.output_dir), "id": about.id,
            "name": f"{about.group}/seed-{about.seed}", "group": about.group, "settings": self._settings(),
            "config": {**about.config, "ancestry": about.ancestry},
        }  # fmt: skip
        # A run that begins anew must not go on after the rows of its earlier attempt.
        resume = "allow" if mode == "online" and about.history else None
        try:
            self._run = wandb.init(**options, mode=mode, resume=resume)
        except (wandb.Error, OSError) as error:
            log.warning("wandb: %s; this run is logged offline", str(error).splitlines()[0])
            wandb.teardown()  # else its service holds the id of the run that did not start
            mode = "offline"
            self._run = wandb.init(**options, mode=mode)
        self._folder = about.folder
        if mode != "online":
            for step in sorted(about.history):
                self.log_metrics(about.history[step], step)

    def _resolve_mode(self) -> str:
        """Returns the mode asked for, or offline where it cannot be had: nothing may prompt or hang."""
        asked = os.environ.get("WANDB_MODE", "")
        mode = self.mode
        if mode == "auto":
            mode = asked if asked in ("offline", "online", "disabled") else "online" if has_key() else "offline"
        if mode != "online":
            return mode
        server = os.environ.get("WANDB_BASE_URL") or "https://api.wandb.ai"
        reachable = answers(server, timeout=min(self.timeout, 3))
        if has_key() and reachable:
            return mode
        reason = f"{server} does not answer" if has_key() else "no key is there (wandb login)"
        log.warning("wandb: %s, so this run is logged offline", reason)
        return "offline"

    def log_metrics(self, metrics: dict[str, Any], step: int | None = None) -> None:
        """Adds values to the row of an optimizer step."""
        if self._run is not None:
            self._run.log(metrics, step=step)

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        """Nothing to do: `open` got the whole config."""

    def close(self, outcome: Outcome) -> None:
        """Finishes the wandb run, always: without this the next run of the process would continue it.

        Args:
            outcome: final metrics, for the summary, and whether the run came to its end.
        """
        if self._run is None:
            return
        run, self._run = self._run, None
        run.summary.update(outcome.metrics)
        run.finish(exit_code=0 if outcome.finished else 1)


def has_key() -> bool:
    """Says whether an account's key is there: in the environment, or where `wandb login` puts it."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    try:
        return netrc.netrc(os.environ.get("NETRC")).authenticators("api.wandb.ai") is not None
    except (OSError, netrc.NetrcParseError):
        return False
