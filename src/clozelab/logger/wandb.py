"""Weights & Biases, without ever asking or waiting: offline where there is no account, online where a key is there."""

import logging
import os
import shutil
from pathlib import Path
from typing import Any, final

from pytorch_lightning.loggers import Logger

from clozelab.errors import require
from clozelab.logger.account import has_key
from clozelab.store.reach import answers
from clozelab.store.runs import Rows

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

    def open(self, *, folder: Path, id: str, name: str, group: str, config: dict[str, Any], history: Rows) -> None:
        """Starts the wandb run.

        Offline, the same id twice makes two directories: so the directories of earlier attempts are removed and their
        history, as far as the run resumes from it, is written into the new one.

        Args:
            folder: where the shared directory `wandb` is.
            id: of the run.
            name: shown for the run.
            group: what shares a name is a cell.
            config: the resolved config.
            history: curves up to the step this run resumes from.
        """
        import wandb  # imported here: it takes a second that other loggers need not pay

        mode = self._resolve_mode()
        for earlier in (folder / "wandb").glob(f"offline-run-*-{id}") if mode == "offline" else ():
            shutil.rmtree(earlier, ignore_errors=True)
        settings = wandb.Settings(
            silent=True, console="off", init_timeout=self.timeout, disable_git=True, x_disable_stats=True,
            login_timeout=self.timeout,
            finish_timeout=60,  # a network lost meanwhile must not hold the run up; `wandb sync` sends the rest
            disable_code=True,
        )  # fmt: skip
        options: dict[str, Any] = {
            "project": self.project, "entity": self.entity, "dir": str(folder), "id": id, "name": name, "group": group,
            "config": config, "resume": "allow" if mode == "online" else None, "settings": settings,
        }  # fmt: skip
        try:
            self._run = wandb.init(**{**options, "mode": mode})
        except (wandb.Error, OSError) as error:
            log.warning("wandb: %s; this run is logged offline", str(error).splitlines()[0])
            wandb.teardown()  # else its service holds the id of the run that did not start
            mode = "offline"
            self._run = wandb.init(**{**options, "mode": mode, "resume": None})
        if mode != "online":
            for step in sorted(history):
                self.log_metrics(history[step], step)

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

    def close(self, *, metrics: dict[str, float], failed: bool) -> None:
        """Finishes the wandb run, always: without this the next run of the process would continue it.

        Args:
            metrics: final metrics, for the summary.
            failed: whether the run failed.
        """
        if self._run is None:
            return
        run, self._run = self._run, None
        run.summary.update(metrics)
        run.finish(exit_code=1 if failed else 0)
