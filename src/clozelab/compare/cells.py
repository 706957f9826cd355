"""Cells: the runs that differ in nothing but the seed, their metrics aggregated, and the cell validation selects."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import Any, final

from clozelab.compare.read import Record
from clozelab.compare.seeds import Summary, summarise
from clozelab.errors import ConfigError, did_you_mean
from clozelab.identity import LOCATED, flatten
from clozelab.metrics.direction import higher_is_better
from clozelab.store.runs import read_config

READ = ("data.format.", "data.scheme", "data.limit", "data.masking.", "data.more.")
"""Beginnings of keys that decide what the examples of the files are, and what is asked of them."""

DRAWN = ("data.train", "data.fold", "data.split_seed", "data.validation_share", "data.test_share")
"""Keys that decide which examples are in the validation split if the corpus brings none."""

PASSAGES = ("data.max_length", "data.next_sentence", "data.join", "data.short")
"""Keys that decide how much a masked token is seen with."""


@final
@dataclass(frozen=True, eq=False)
class Cell:
    """The runs of one configuration.

    Attributes:
        study: name of the directory of the study.
        hash: of the identity without the seed; the name of the directory if it ends in none.
        runs: by seed.
    """

    study: str
    hash: str
    runs: tuple[Record, ...]

    @cached_property
    def done(self) -> list[Record]:
        """The completed runs."""
        return [run for run in self.runs if run.is_done]

    @cached_property
    def identity(self) -> dict[str, Any]:
        """Identity keys and values without the seed, flat; empty if no run came so far as to have one."""
        first = next((run for run in self.runs if run.identity), None)
        return {key: value for key, value in first.identity.items() if key != "seed"} if first else {}

    @cached_property
    def config(self) -> dict[str, Any]:
        """config.yaml, flat: it names the files that the identity has by their bytes."""
        for run in self.runs:
            if (run.folder / "config.yaml").exists():
                return dict(flatten(read_config(run.folder)))
        return {}

    def value(self, key: str) -> Any:
        """Returns what a key was set to; of a file its path, of a class its name, and None where there is none."""
        value = self.identity.get(key)
        if key.rpartition(".")[2] in LOCATED and value is not None:
            return self.config.get(key, value)
        return str(value).rpartition(".")[2] if key.endswith("_target_") and value else value

    @property
    def folder(self) -> Path:
        """Directory of the cell."""
        return self.runs[0].folder.parent

    @property
    def selection(self) -> str | None:
        """The validation metric that picked the weights, and picks the cell; None if nothing is completed."""
        return self.done[0].state.get("selection", "val/loss") if self.done else None

    @property
    def place(self) -> tuple[str, str]:
        """Where it stands among all, whatever the order of the paths that were given: its study and its directory."""
        return self.study, self.folder.name

    def values(self, metric: str) -> list[float]:
        """Returns a metric of every completed run that has it."""
        return [run.metrics[metric] for run in self.done if metric in run.metrics]

    def mean(self, metric: str) -> float:
        """Returns the mean of a metric over the seeds, NaN if no completed run has it."""
        values = self.values(metric)
        return fmean(values) if values else math.nan

    def summary(self, metric: str) -> Summary | None:
        """Returns a metric over the seeds, None if no completed run has it."""
        values = self.values(metric)
        return summarise(values) if values else None


def make_cells(runs: Iterable[Record]) -> list[Cell]:
    """Returns the cells of the runs, in their order."""
    groups: dict[Path, list[Record]] = {}
    for run in runs:
        groups.setdefault(run.folder.resolve().parent, []).append(run)
    return [
        Cell(folder.parent.name, _hash(folder.name), tuple(sorted(group, key=lambda run: run.seed)))
        for folder, group in groups.items()
    ]


def _hash(name: str) -> str:
    found = re.search(r"(?:^|-)([0-9a-f]{8})$", name)
    return found[1] if found else name


def find_cell(word: str, cells: Sequence[Cell]) -> Cell:
    """Returns the cell that a hash, the beginning of one, or a directory or its name stands for.

    Raises:
        ConfigError: if that is none, or several.
    """
    study, _, start = word.rpartition("/")
    place = Path(word).resolve()
    folders = [cell for cell in cells if place in (cell.folder.resolve(), *(r.folder.resolve() for r in cell.runs))]
    exact = [cell for cell in cells if start in (cell.hash, cell.folder.name) and study in ("", cell.study)]
    begun = [cell for cell in cells if start and cell.hash.startswith(start) and study in ("", cell.study)]
    found = folders or exact or begun
    names = [f"{cell.study}/{cell.hash}" if found else cell.hash for cell in found or cells]
    if len(found) > 1:
        raise ConfigError(f"{word}: several cells: {', '.join(names)}; name one")
    if not found:
        raise ConfigError(f"{word}: no such cell.{did_you_mean(word, names)} Cells: {few(names)}")
    return found[0]


def few(names: Sequence[str]) -> str:
    """Returns the names in one line, the first ten of many."""
    return ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")


def best_first(cells: Iterable[Cell], metric: str) -> list[Cell]:
    """Returns the cells by the mean of a metric over the seeds, the best first, those without it last."""
    sign = -1 if higher_is_better(metric) else 1

    def rank(cell: Cell) -> tuple[bool, float]:
        mean = cell.mean(metric)
        return math.isnan(mean), 0.0 if math.isnan(mean) else sign * mean

    return sorted(cells, key=rank)


def select(cells: Sequence[Cell]) -> list[Cell]:
    """Returns the cells that validation selects, one wherever there was a choice.

    Rivals were selected by the same metric on the same validation examples. The best mean over the seeds is selected.
    Of equals the first by study and name: in the order of the table, which may be that of a test metric, the test split
    would have a say.
    """
    return [_ranked(group)[0] for group in rivals(cells) if len(group) > 1]


def equals(selected: Cell, cells: Sequence[Cell]) -> list[Cell]:
    """Returns the rivals of a selected cell that are as good on validation: what is between them is their names."""
    (group,) = (group for group in rivals(cells) if selected in group)
    metric = str(selected.selection)
    return [cell for cell in _ranked(group) if cell is not selected and cell.mean(metric) == selected.mean(metric)]


def _ranked(group: Sequence[Cell]) -> list[Cell]:
    return best_first(sorted(group, key=lambda cell: cell.place), str(group[0].selection))


def rivals(cells: Sequence[Cell]) -> list[list[Cell]]:
    """Returns the completed cells in groups of the same selection metric and the same validation examples."""
    groups: dict[tuple[str, str], list[Cell]] = {}
    for cell in cells:
        if cell.selection is not None:
            groups.setdefault((cell.selection, _validation(cell)), []).append(cell)
    return list(groups.values())


def _validation(cell: Cell) -> str:
    """Returns what decides which validation examples a cell has."""
    identity = cell.identity
    keys = [key for key in identity if key == "data.validation" or key.startswith(READ)]
    if identity.get("data.validation") is None:
        keys += DRAWN
    found = {key: identity.get(key) for key in keys}
    if any(key.startswith("data.masking.") for key in keys):
        # Masked tokens are those of a tokenizer: their perplexities say nothing of one another under two.
        found |= {"tokenizer": cell.done[0].state.get("tokenizer"), **{key: identity.get(key) for key in PASSAGES}}
    return repr(sorted(found.items()))


def notes(cell: Cell, cells: Sequence[Cell]) -> list[str]:
    """Returns what a reader must know of a cell: unfinished runs, seeds that others of its study have, and n = 1."""
    others = {run.seed for other in cells if other.study == cell.study for run in other.runs}
    found = []
    for status in ("failed", "interrupted", "running", "new", "completed"):
        if seeds := [run.seed for run in cell.runs if run.status == status and not run.is_done]:
            found.append(f"{_seeds(seeds)} {'without metrics' if status == 'completed' else status}")
    if missing := sorted(others - {run.seed for run in cell.runs}):
        found.append(f"{_seeds(missing)} missing")
    return [*found, *(["n = 1"] if len(cell.done) == 1 else [])]


def _seeds(seeds: Sequence[int]) -> str:
    shown = ", ".join(map(str, seeds[:5])) + (", ..." if len(seeds) > 5 else "")
    return f"{'seed' if len(seeds) == 1 else 'seeds'} {shown}"
