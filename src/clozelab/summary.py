"""The end of a run on the terminal: the result table, where everything is, and what to type next."""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from clozelab.record import Run

SHOWN = ("loss", "accuracy", "macro_f1")


def print_result(run: Run, output_dir: Path) -> None:
    """Prints the final metrics of a completed run, one row a metric, one column a split."""
    metrics = run.metrics()
    console = Console(highlight=False, markup=False)
    console.print(_table(metrics))
    console.print(f"run directory  {run.folder}", soft_wrap=True)
    console.print(f"model          {run.folder / 'model'}", soft_wrap=True)
    if (output_dir / "wandb").exists():
        console.print(f"dashboard      wandb leet {output_dir / 'wandb'}", soft_wrap=True)


def _table(metrics: dict[str, float]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("metric")
    for split in ("validation", "test"):
        table.add_column(split, justify="right")
    names = list(dict.fromkeys(name.partition("/")[2] for name in metrics))
    for name in _ordered(names):
        table.add_row(name, *(_cell(metrics.get(f"{split}/{name}")) for split in ("val", "test")))
    return table


def _ordered(names: list[str]) -> list[str]:
    """Returns word-level scores, then entities overall by mode, then F1 of each type; metrics.json has the rest."""
    kinds = [f"{score}_{mode}" for mode in ("conlleval", "strict") for score in ("precision", "recall", "f1")]
    overall = [n for n in kinds if n in names]
    types = [n for n in names if n.startswith("f1_conlleval/")]
    return [n for n in SHOWN if n in names] + overall + types


def _cell(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
