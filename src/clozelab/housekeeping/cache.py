"""What the cache holds: entries that are computed anew when needed, and downloads that are fetched anew."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from clozelab.housekeeping.disk import is_idle, size_of
from clozelab.store.cache import cache_dir


@dataclass(frozen=True, slots=True)
class Drawer:
    """One folder of the cache.

    Attributes:
        name: of the folder.
        what: it holds.
        entry: pattern of its entries' names; anything else in it is not ours.
        fetched: whether its entries come from a network.
    """

    name: str
    what: str
    entry: str
    fetched: bool = False


DRAWERS = (
    Drawer("features", "outputs of frozen encoders", r"[0-9a-f]{64}"),
    Drawer("stores", "tokenised data", r"[0-9a-f]{32}"),
    Drawer("tokenizers", "vocabularies learnt from a corpus", r"[0-9a-f]{32}"),
    Drawer("hashes", "hashes of files", r"[0-9a-f]{64}"),
    Drawer("wheels", "downloaded wheels", r"[0-9a-f]{16}\.whl", fetched=True),
    Drawer("members", "files of wheels", r"[0-9a-f]{16}", fetched=True),
    Drawer("splits", "datasets of the hub, converted", r"[0-9a-f]{32}\.parquet", fetched=True),
)


def entries(drawer: Drawer) -> Iterator[Path]:
    """Yields the entries of a folder of the cache, and what killed processes left of some. Links are not followed."""
    folder = cache_dir() / drawer.name
    if not folder.is_dir() or folder.is_symlink():
        return
    for path in sorted(folder.iterdir()):
        whole = re.fullmatch(drawer.entry, path.name)
        half = re.fullmatch(rf"\.{drawer.entry}\.(\w{{8}}|[0-9a-f]{{12}})\.tmp", path.name)
        if not path.is_symlink() and (whole or (half and is_idle(path))):
            yield path


def contents() -> dict[Drawer, int]:
    """Returns the bytes of each folder of the cache that holds something."""
    sizes = {drawer: sum(map(size_of, entries(drawer))) for drawer in DRAWERS}
    return {drawer: size for drawer, size in sizes.items() if size}
