"""The verb `compare`: its options, and what it prints."""

import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from clozelab.compare.comparison import Comparison, compare
from clozelab.compare.results import read_before, write_results
from clozelab.compare.table import FORMATS, print_terminal
from clozelab.errors import ConfigError, did_you_mean

log = logging.getLogger(__name__)

USAGE = """usage: clozelab compare PATH... [option ...]

  PATH                a study, a cell or a run:
                      outputs/<study>[/<name>[/seed-<n>]]; several: one table
  --metrics A,B       what to show: val/accuracy, or accuracy for every split;
                      default: the metrics that the cells were selected by
  --sort METRIC       best first; default: what the cells were selected by
  --filter KEY=VALUE  only these cells, such as lr=5e-5; may be repeated
  --against CELL      is the difference from this cell (its hash, or the
                      beginning of it) real?
  --format FORMAT     table (default), csv, json, latex or markdown
  --html FILE         also a page to look at: curves, heat map, mistakes,
                      differences; one file that needs no network
  --record DIR        also DIR/results.json: configurations, metrics and
                      environments of the runs, which outlives them

A row is a cell: the runs that differ in nothing but the seed. * marks the cell
that validation selects."""

OPTIONS = ("--metrics", "--sort", "--filter", "--against", "--format", "--html", "--record")


def run(arguments: Sequence[str], page_writer: Callable[[Path], Callable[[Comparison], str]]) -> int:
    """Prints the comparison; returns the exit code.

    Args:
        arguments: of the command line, after the verb.
        page_writer: from the path of --html to what writes the page and returns a line about it.

    Raises:
        ConfigError: for an option, path, metric or cell that there is not.
    """
    paths, options = _parse(arguments)
    shape = _last(options, "--format") or "table"
    if shape not in ("table", *FORMATS):
        allowed = ("table", *FORMATS)
        raise ConfigError(f"--format {shape}: must be one of {', '.join(allowed)}.{did_you_mean(shape, allowed)}")
    # What cannot be written is said before a comparison that may take minutes.
    write_page = page_writer(Path(html)) if (html := _last(options, "--html")) else None
    if folder := _last(options, "--record"):
        read_before(Path(folder))
    found = compare(
        paths,
        metrics=[name for text in options["--metrics"] for name in text.split(",") if name],
        sort=_last(options, "--sort"),
        filters=options["--filter"],
        against=_last(options, "--against"),
    )
    about = write_page(found) if write_page else None
    if shape == "table":
        print_terminal(found)
    else:
        sys.stdout.write(FORMATS[shape](found))
    if about:
        log.info("%s", about)
    if folder:
        file = write_results(found.cells, Path(folder))
        done = [cell for cell in found.cells if cell.done]
        log.info("recorded  %s: cells %d, runs %d", file, len(done), sum(len(cell.done) for cell in done))
        if left_out := sum(len(cell.runs) - len(cell.done) for cell in found.cells):
            log.warning("left out  runs that are not completed: %d", left_out)
    return 0


def _last(options: dict[str, list[str]], name: str) -> str | None:
    return options[name][-1] if options[name] else None


def _parse(arguments: Sequence[str]) -> tuple[list[Path], dict[str, list[str]]]:
    paths: list[Path] = []
    options: dict[str, list[str]] = {name: [] for name in OPTIONS}
    pending = list(arguments)
    while pending:
        word = pending.pop(0)
        if not word.startswith("-"):
            paths.append(Path(word))
            continue
        name, equals, value = word.partition("=")
        if name not in options:
            raise ConfigError(f"{name}: no such option.{did_you_mean(name, OPTIONS)} Options: {', '.join(OPTIONS)}")
        if not equals:
            value = pending.pop(0) if pending else ""
        if not value:
            raise ConfigError(f"{name}: takes a value")
        options[name].append(value)
    return paths, options
