"""Where runs are: everything below a directory, studies within studies too."""

from collections.abc import Iterator
from pathlib import Path

from clozelab.compare.read import by_name, run_folders

DEPTH = 5
"""Levels of directories that are looked through: outputs/reproduced/<study>/<name>/seed-<n>, and one to spare."""


def all_run_folders(path: Path) -> list[Path]:
    """Returns every run directory at or below a path, each once, by name; reproductions are a level deeper than others.

    Raises:
        ConfigError: if there is none.
    """
    found: dict[Path, Path] = {}
    top = path.resolve()
    for folder in _below(path, DEPTH):
        place = folder.resolve()
        if place not in found or place == top / folder.relative_to(path):  # rather itself than a link to it
            found[place] = folder
    return sorted(found.values(), key=by_name) or run_folders(path)  # which says what is wrong


def is_linked(folder: Path, root: Path) -> bool:
    """Says whether a link leads from a directory to a run below it. The directory itself may be one."""
    return folder.resolve() != root.resolve() / folder.relative_to(root)


def study_of(folder: Path, root: Path) -> str:
    """Returns the study of a run, as its place below a directory of studies says: `grid`, `reproduced/grid`."""
    study, top = folder.absolute().parents[1], root.absolute()
    inside = study.is_relative_to(top) and study != top
    return str(study.relative_to(top)) if inside else study.name


def _below(folder: Path, depth: int) -> Iterator[Path]:
    if (folder / "run.json").is_file():
        yield folder
    elif depth and folder.is_dir():
        for child in folder.iterdir():
            if not child.name.startswith("."):
                yield from _below(child, depth - 1)
