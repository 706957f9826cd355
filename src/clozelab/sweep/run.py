"""Many runs as one command: every cell is frozen and checked before the first starts, and none can hurt another.

Cells run one after the other in a worker process that lives for many of them and is replaced when it dies. This process
stays torch-free; it owns the ledger, the table and Ctrl-C. A sweep is resumed by typing the same command: completed
cells return at once, an interrupted one continues from its last checkpoint.
"""

import json
import time
from collections.abc import Sequence
from pathlib import Path

import yaml

from clozelab.config.origin import origin_of
from clozelab.errors import ConfigError, RunFailedError
from clozelab.identity import open_run, warn_of_other_code
from clozelab.store.cache import atomic_write
from clozelab.store.hashing import digest
from clozelab.sweep.cell import Cell
from clozelab.sweep.pool import Worker
from clozelab.sweep.view import View


def run_sweep(cells: Sequence[Cell]) -> list[float | BaseException]:
    """Runs what is missing and prints the table of all cells.

    Args:
        cells: composed; the whole sweep.

    Returns:
        For each cell the validation value it was selected by, or the error it ended with.

    Raises:
        ConfigError: if any cell's configuration cannot run; nothing is written then.
    """
    for cell in cells:
        cell.run, _ = open_run(cell.config, origin_of(cell.overrides))
        if cell.run.status == "completed" and not cell.config["rerun"]:
            cell.state = "stored"
    _refuse_twins(cells)
    folder = Path(cells[0].config["output_dir"]) / ".sweeps" / digest([c.config for c in cells])[:8]
    waiting = [cell for cell in cells if cell.state == "left"]
    view = View(cells)
    if waiting:
        with Worker() as worker:
            _check_all(waiting, worker, view)
            frozen = [_freeze(cell, folder, number) for number, cell in enumerate(waiting)]
            try:
                with view:
                    for cell, file in zip(waiting, frozen, strict=True):
                        _write_ledger(folder, cells)
                        _run_cell(cell, file, worker, view)
            finally:  # after Ctrl-C, too
                _write_ledger(folder, cells)
                view.print_table()
    else:
        warn_of_other_code(cells[0].run)
        view.print_table()
    return [_result(cell) for cell in cells]


def _refuse_twins(cells: Sequence[Cell]) -> None:
    """Refuses cells that are one and the same run: the second would only replace or repeat the first.

    Raises:
        ConfigError: naming what two cells set.
    """
    seen: dict[str, Cell] = {}
    for cell in cells:
        twin = seen.setdefault(cell.run.id, cell)
        if twin is not cell:
            first, second = (" ".join(o for o in c.overrides if o not in both) for c, both in _both(twin, cell))
            what = f"{first} and {second}" if first else "two runs"
            raise ConfigError(f"{what}: the same run, for they differ only in keys that do not say what is computed")


def _both(a: Cell, b: Cell) -> list[tuple[Cell, set[str]]]:
    shared = set(a.overrides) & set(b.overrides)
    return [(a, shared), (b, shared)]


def _check_all(cells: Sequence[Cell], worker: Worker, view: View) -> None:
    """Checks every cell before the first starts.

    Raises:
        ConfigError: with the mistakes of all cells, each once.
    """
    problems: dict[str, None] = {}
    for number, cell in enumerate(cells):
        view.say(f"checking run {number + 1} of {len(cells)}")
        answer = worker.ask({"action": "check", "config": cell.config, "overrides": cell.overrides})
        if answer.get("status") == "crashed":
            raise RunFailedError(f"the worker that checks the runs {answer['message']}")
        problems.update(dict.fromkeys(answer["problems"]))
    if problems:
        raise ConfigError("\n  ".join(["the sweep's configuration has mistakes:", *problems]))


def _freeze(cell: Cell, folder: Path, number: int) -> Path:
    """Writes what a cell runs, so that editing a YAML file later does not change it."""
    path = folder / f"cell-{number:03d}.yaml"
    atomic_write(path, yaml.safe_dump(cell.config, sort_keys=False, allow_unicode=True))
    return path


def _run_cell(cell: Cell, config: Path, worker: Worker, view: View) -> None:
    cell.state = "running"
    started = time.monotonic()
    answer = worker.ask({"action": "run", "config_file": str(config)}, while_waiting=view.update)
    cell.seconds = time.monotonic() - started
    cell.state = "done" if answer["status"] == "completed" else "failed"
    cell.message = answer.get("message", "")
    if "folder" in answer:  # elsewhere than thought, if files changed while the sweep was working
        cell.run.folder = Path(answer["folder"])
    if answer["status"] == "failed":
        worker.replace()  # what a failure leaves behind, on a GPU above all, must not reach the next cell
    if answer["status"] == "crashed" and cell.run.status == "running":
        cell.run.write_state(status="failed", error=cell.message)
    view.finished(cell)


def _write_ledger(folder: Path, cells: Sequence[Cell]) -> None:
    rows = [
        {"run": str(c.run.folder), "state": c.state, "seconds": round(c.seconds, 1), "message": c.message}
        for c in cells
    ]
    atomic_write(folder / "ledger.json", json.dumps(rows, indent=2))


def _result(cell: Cell) -> float | BaseException:
    if cell.state == "failed":
        log = " (see its run.log)" if (cell.run.folder / "run.log").exists() else ""
        return RunFailedError(f"{cell.run.folder} failed: {cell.message.splitlines()[-1]}{log}")
    metrics = cell.run.metrics()
    selection = cell.run.state().get("selection", "val/loss")
    return metrics.get(selection, float("nan"))
