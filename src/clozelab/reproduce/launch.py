"""Reproductions are launched as `train` launches runs: one in this process, several as a sweep."""

from collections.abc import Sequence

from clozelab.identity import warn_of_other_code
from clozelab.reproduce.rebuild import Rebuilt
from clozelab.sweep.cell import Cell
from clozelab.sweep.run import run_sweep


def launch(runs: Sequence[Rebuilt]) -> dict[str, str]:
    """Runs what is not completed; returns a message for the id of every run that failed.

    One run that fails raises what it fails with; in a sweep it costs no other.
    """
    if len(runs) == 1:
        (one,) = runs
        if one.is_done:
            warn_of_other_code(one.run)
        else:
            from clozelab.experiment import execute  # imports torch

            execute(one.run, one.config, one.identity)
        return {}
    # What tells them apart in the sweep's table; keys that differ may be dozens.
    cells = [
        Cell(config=one.config, overrides=(f"cell={one.original.cell.hash}", f"seed={one.config['seed']}"))
        for one in runs
    ]
    results = run_sweep(cells) if cells else []
    return {
        cell.run.id: str(result) for cell, result in zip(cells, results, strict=True) if isinstance(result, Exception)
    }
