"""Reproductions are launched as `train` launches runs: one in this process, several as a sweep."""

from collections.abc import Sequence

from clozelab.compare.cells import Cell as Seeds
from clozelab.compare.keys import differing
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
    cells = _cells(runs)
    results = run_sweep(cells) if cells else []
    return {
        cell.run.id: str(result) for cell, result in zip(cells, results, strict=True) if isinstance(result, Exception)
    }


def _cells(runs: Sequence[Rebuilt]) -> list[Cell]:
    """Returns the runs as those of a sweep over the keys in which they differ."""
    seeds: list[Seeds] = list({id(one.original.cell): one.original.cell for one in runs}.values())
    columns = differing(seeds)
    return [
        Cell(
            config=one.config,
            overrides=(
                *(f"{column.key}={column.values[seeds.index(one.original.cell)]}" for column in columns),
                f"seed={one.config['seed']}",
            ),
        )
        for one in runs
    ]
