"""`clozelab evaluate RUN --errors`: the error analysis of a scored split on the terminal. Free of torch."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from clozelab.errors import ConfigError

NUM_CONFUSIONS = 20
"""Rows where the whole table is too wide for the terminal."""
NUM_HARDEST = 10
CONTEXT = 5
"""Words shown on each side of a hard word."""


def print_errors(folder: Path) -> None:
    """Prints errors.json of a run or evaluation directory, the validation split and then the test split.

    Raises:
        ConfigError: if there is none.
    """
    path = folder / "errors.json"
    if not path.exists():
        raise ConfigError(
            f"{path}: no error analysis here; `clozelab evaluate {folder} data.eval_batch_size=64 --errors` makes one "
            "where words or texts have labels"
        )
    console = Console(highlight=False, markup=False)
    for split, errors in json.loads(path.read_text(encoding="utf-8")).items():
        none = "; - is no entity there" if "boundaries" in errors else ""
        table = _confusion(errors["confusion"])
        if console.measure(table, options=console.options.update(width=10**6)).maximum <= console.width:
            console.print(f"\n{split}: confusion, rows are gold and columns predicted{none}")
        else:
            console.print(f"\n{split}: most frequent confusions, all in errors.json{none}")
            table = _frequent(errors["confusion"])
        console.print(table)
        if "boundaries" in errors:
            console.print(f"\n{split}: entities found with wrong borders")
            console.print(_counts(errors["boundaries"]))
        if "seen" in errors:
            console.print(f"\n{split}: entities whose words training has as an entity, and others")
            console.print(_familiarity(errors["seen"]))
        console.print(f"\n{split}: the hardest words")
        console.print(_hardest(errors["hardest"][:NUM_HARDEST]))


def _confusion(confusion: Mapping[str, Mapping[str, int]]) -> Table:
    columns = sorted({name for row in confusion.values() for name in row})
    table = Table("gold", box=None, pad_edge=False)
    for name in columns:
        table.add_column(Text(name), justify="right")
    for name, row in confusion.items():
        table.add_row(Text(name), *(str(row.get(column, 0)) for column in columns))
    return table


def _frequent(confusion: Mapping[str, Mapping[str, int]]) -> Table:
    table = Table("gold", "predicted", box=None, pad_edge=False)
    table.add_column("count", justify="right")
    pairs = [(count, gold, name) for gold, row in confusion.items() for name, count in row.items() if name != gold]
    for count, gold, name in sorted(pairs, key=lambda pair: -pair[0])[:NUM_CONFUSIONS]:
        table.add_row(Text(gold), Text(name), str(count))
    return table


def _counts(counts: Mapping[str, int]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in counts:
        table.add_column(name.replace("_", " "), justify="right")
    table.add_row(*map(str, counts.values()))
    return table


def _familiarity(parts: Mapping[str, Mapping[str, float]]) -> Table:
    table = Table("", box=None, pad_edge=False)
    for column in ("gold", "precision", "recall", "f1"):
        table.add_column(column, justify="right")
    for name, scores in parts.items():
        shown = (f"{scores[score]:.4f}" for score in ("precision", "recall", "f1"))
        table.add_row(name.replace("_", " "), str(scores["gold"]), *shown)
    return table


def _hardest(words: list[dict[str, Any]]) -> Table:
    table = Table("loss", "gold", "predicted", "word in its sentence", box=None, pad_edge=False)
    for item in words:
        place, sentence = item["place"], item["sentence"]
        text = Text(" ".join(sentence[max(0, place - CONTEXT) : place]) + " " * (place > 0))
        # Text, never markup: a word of the corpus may look like one.
        text.append(f"«{item['word']}»", style="bold")
        text.append(" " + " ".join(sentence[place + 1 : place + 1 + CONTEXT]))
        table.add_row(f"{item['loss']:.1f}", Text(item["gold"]), Text(item["predicted"]), text)
    return table
