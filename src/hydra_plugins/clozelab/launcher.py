"""Hydra's end of a sweep: composes every cell, then hands all of them to `clozelab.sweep`. Free of torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


@dataclass
class LauncherConfig:
    """Hydra's node for the launcher."""

    _target_: str = "hydra_plugins.clozelab.launcher.CellLauncher"


ConfigStore.instance().store(group="hydra/launcher", name="clozelab", node=LauncherConfig, provider="clozelab")


class CellLauncher(Launcher):
    """Runs the cells of a sweep in worker processes, one after the other."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Keeps what composing needs."""
        self._loader = hydra_context.config_loader
        self._config = config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Composes, freezes and runs all cells.

        Raises:
            ConfigError: if any cell cannot be composed or checked; then none is run.
        """
        from clozelab.config.compose import freeze
        from clozelab.sweep.cell import Cell
        from clozelab.sweep.run import run_sweep

        cells = []
        for overrides in job_overrides:
            composed = self._loader.load_sweep_config(self._config, list(overrides))
            cells.append(Cell(config=freeze(composed, overrides), overrides=tuple(o.lstrip("+") for o in overrides)))
        return [_job_return(cell, result) for cell, result in zip(cells, run_sweep(cells), strict=True)]


def _job_return(cell: Any, result: float | BaseException) -> JobReturn:
    failed = isinstance(result, BaseException)
    job = JobReturn(overrides=list(cell.overrides), status=JobStatus.FAILED if failed else JobStatus.COMPLETED)
    job.return_value = result
    return job
