"""The verb `reproduce`: launches finished runs once more, and says what differs and what came out."""

import argparse
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from clozelab.errors import ConfigError, RunFailedError, did_you_mean
from clozelab.reproduce.differences import Difference, differences
from clozelab.reproduce.launch import launch
from clozelab.reproduce.originals import find_originals
from clozelab.reproduce.outcome import is_reproduced, judge
from clozelab.reproduce.rebuild import Rebuilt, rebuild
from clozelab.reproduce.view import View

USAGE = """usage: clozelab reproduce PATH [--dry-run] [option ...] [key=value ...]

  PATH                a run, a cell or a study,
                      outputs/<study>[/<name>[/seed-<n>]], or a folder with the
                      results.json of clozelab compare --record
  --dry-run           says what differs, and trains nothing
  --filter KEY=VALUE  only these cells, such as lr=5e-5; may be repeated
  --tolerance X       how far apart metrics may be; default: 0 where nothing
                      differs, and two standard deviations over the seeds of
                      the cell where something does
  seed=N[,N]          only runs with these seeds
  key=value           a key that does not say what is computed: data.train=PATH
                      or model.path=PATH if files have moved, num_threads,
                      trainer.accelerator, output_dir, study, logger=wandb,
                      rerun=true ...

Runs go to outputs/reproduced/<study>/. An interrupted reproduction is continued
by typing it again. Where something differs that may change a number, the metric
that the run was selected by and the same of the test split decide; else every
metric must be equal. Exit code 0: every finished run is reproduced, or with
--dry-run: can be; 3: not."""

OPTIONS = ("--dry-run", "--filter", "--tolerance")
NOT_REPRODUCED = 3


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message}; clozelab reproduce --help says more")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="clozelab reproduce", add_help=False, allow_abbrev=False)
    parser.add_argument("path", type=Path)
    parser.add_argument("keys", nargs="*")
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--filter", action="append", default=[])
    parser.add_argument("--tolerance", type=float)
    return parser


def reproduce(arguments: Sequence[str]) -> int:
    """Runs the command; returns its exit code.

    Raises:
        ConfigError: for an argument that cannot be, and for runs that cannot be launched again here.
        RunFailedError: if a run fails.
    """
    given, others = _parser().parse_known_intermixed_args(list(arguments))
    if others:
        hint = did_you_mean(others[0], OPTIONS)
        raise ConfigError(f"{others[0]}: no such option.{hint} Options: {', '.join(OPTIONS)}")
    if given.tolerance is not None and not 0 <= given.tolerance < math.inf:
        raise ConfigError(f"--tolerance {given.tolerance}: must be a number >= 0")
    found = find_originals(given.path, seeds=_seeds(given.keys), filters=given.filter)
    keys = [key for key in given.keys if not key.startswith("seed=")]
    runs = [rebuild(original, keys) for original in found.originals]
    _refuse_twins(runs)
    view = View(num_runs=len(runs))
    view.print_left_out([*found.unfinished, *found.lost])
    differing = [_differences(one) for one in runs]
    view.print_differences([one.original.name for one in runs], differing)
    launched = [one for one, own in zip(runs, differing, strict=True) if not any(d.is_identity for d in own)]
    if given.dry_run:
        view.print_places([one.run.folder for one in launched])
        return 0 if len(launched) == len(runs) and not found.lost else NOT_REPRODUCED
    failed = launch(launched)
    num_good = 0
    for one in launched:
        if one.run.id not in failed:
            differs = any(d.counts for d in differences(one.original.run.state, one.run.state()))
            outcomes = judge(one.original, one.run.metrics(), differs=differs, tolerance=given.tolerance)
            view.print_outcomes(one, outcomes, differs=differs, tolerance=given.tolerance)
            num_good += is_reproduced(outcomes)
    view.print_verdict(num_good, num_other=len(runs) - len(launched), num_lost=len(found.lost))
    if failed:
        raise RunFailedError("\n  ".join(failed.values()))
    return 0 if num_good == len(runs) and not found.lost else NOT_REPRODUCED


def _seeds(keys: Sequence[str]) -> list[int]:
    words = [word for key in keys if key.startswith("seed=") for word in key.removeprefix("seed=").split(",")]
    if wrong := [word for word in words if not word.isdecimal()]:
        raise ConfigError(f"seed={wrong[0]}: must be an integer >= 0, or several with commas between them")
    return [int(word) for word in words]


def _refuse_twins(runs: Sequence[Rebuilt]) -> None:
    """Refuses originals that have one reproduction: the second would only return the first.

    Raises:
        ConfigError: naming both.
    """
    seen: dict[Path, Rebuilt] = {}
    for one in runs:
        twin = seen.setdefault(one.run.folder.resolve(), one)
        if twin is not one:
            first, second = (each.original.run.folder for each in (twin, one))
            raise ConfigError(f"{first} and {second} are one and the same run; name one of them")


def _differences(one: Rebuilt) -> list[Difference]:
    """Returns what differs: from a reproduction that is there already, or else from what it would run with now."""
    if one.is_done:
        return differences(one.original.run.state, one.run.state())
    from clozelab.reproduce.surroundings import surroundings  # imports torch

    return differences(one.original.run.state, surroundings(one))
