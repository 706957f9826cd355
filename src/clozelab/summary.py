"""The end of a run on the terminal: the result table, where everything is, and what to type next."""

import json
from pathlib import Path

from rich.console import Console
from rich.table import Table

from clozelab.errors import ConfigError
from clozelab.record import Run
from clozelab.store.runs import Runs

SPLITS = {"train": "train", "val": "validation", "test": "test", "all": "all", "general": "general"}
"""Prefixes of metrics, and what their splits are called."""

SHOWN = ("loss", "accuracy", "macro_f1")


def print_result(run: Run, output_dir: Path) -> None:
    """Prints the final metrics of a completed run, one row a metric, one column a split."""
    console = Console(highlight=False, markup=False, emoji=False)
    print_metrics(run.metrics())
    console.print(f"run directory  {run.folder}", soft_wrap=True)
    console.print(f"model          {run.folder / 'model'}", soft_wrap=True)
    for command in dashboards(output_dir):
        console.print(f"dashboard      {command}", soft_wrap=True)


def dashboards(output_dir: Path) -> list[str]:
    """Returns the commands that open the dashboards there are of all runs below `output_dir`."""
    openers = {"wandb": "wandb leet", "tensorboard": "tensorboard --logdir"}
    return [f"{opener} {output_dir / name}" for name, opener in openers.items() if (output_dir / name).exists()]


def read_metrics(folder: Path) -> dict[str, float]:
    """Returns the final metrics in a run or evaluation directory.

    Raises:
        ConfigError: if it holds none.
    """
    path = folder / "metrics.json"
    if not path.exists():
        Runs().check(str(folder))  # which knows what is wrong with most
        raise ConfigError(f"{str(folder)!r}: not the directory of a completed run (outputs/<study>/<name>/seed-<n>)")
    metrics: dict[str, float] = json.loads(path.read_text(encoding="utf-8"))
    return metrics


def print_metrics(metrics: dict[str, float]) -> None:
    """Prints metrics of the scored splits, one row a metric, one column a split."""
    Console(highlight=False, markup=False, emoji=False).print(_table(metrics))


def _table(metrics: dict[str, float]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("metric")
    prefixes = [split for split in SPLITS if any(name.startswith(f"{split}/") for name in metrics)]
    for prefix in prefixes:
        table.add_column(SPLITS[prefix], justify="right")
    names = list(dict.fromkeys(name.partition("/")[2] for name in metrics))
    for name in _ordered(names):
        table.add_row(name, *(_cell(metrics.get(f"{split}/{name}")) for split in prefixes))
    return table


def _ordered(names: list[str]) -> list[str]:
    """Returns the scores of the whole split, then F1 of each type or class; metrics.json has the rest."""
    kinds = [f"{score}_{mode}" for mode in ("conlleval", "strict") for score in ("precision", "recall", "f1")]
    whole = [n for n in names if "/" not in n]
    first = [n for n in (*SHOWN, *kinds) if n in whole]
    parts = [n for n in names if n.startswith(("f1_conlleval/", "f1/"))]
    return first + [n for n in whole if n not in first] + parts


def _cell(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
