"""`clozelab predict`: from arguments to answers. Free of torch until there is something to answer."""

from __future__ import annotations

import argparse
import logging
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pyarrow as pa
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from clozelab.environment import num_cores
from clozelab.errors import ConfigError, DataError, did_you_mean
from clozelab.predict.columns import GUESSES, Columns
from clozelab.predict.item import Item, make_item
from clozelab.predict.read import KINDS, Input
from clozelab.predict.write import check_output, output
from clozelab.store.runs import Runs, read_config, run_directory

if TYPE_CHECKING:  # they import torch
    from clozelab.predict.question import Answer, Question

log = logging.getLogger(__name__)

USAGE = """usage: clozelab predict RUN (--text TEXT ... | --input FILE) [option ...]

  RUN                 directory of a completed run:
                      outputs/<study>/<name>/seed-<n>
  --text TEXT         a text; may be repeated. For pretrained models with [MASK]
                      in it
  --pair TEXT         the second text of a pair, one for each --text
  --input FILE        .txt (a text a line; a tab between the two of a pair),
                      .csv, .tsv, .jsonl, .parquet or .conll, all but Parquet
                      also as .gz; - is stdin
  --format KIND       txt, csv, tsv, jsonl, parquet or conll: of the input,
                      where its ending does not say it
  --text-column NAME  where rows have their texts; likewise --pair-column, and
                      --words-column of sentences that are split into words
  --separator CHAR    of .csv and .tsv, if it is neither a comma nor a tab
  --output FILE       .jsonl, .csv, .tsv, .parquet, or .conll for words with
                      tags; - (default) is stdout, as JSON Lines. A file of this
                      name is replaced when all answers are there
  --embed cls|mean    the embedding of each text instead; of pairs their cosine
                      similarity, too
  --top N             fillers of each mask (default: 5)
  --on-error stop|skip
                      a bad line stops the job (default), or is reported and
                      skipped (exit code 1 if all are)
  --device NAME       cpu, cuda, ...; default: a GPU if there is one"""

CHUNK = 256
"""Answers that are written at once."""

MOST_REPORTED = 20
"""Skipped lines that are reported one by one."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message}; clozelab predict --help says more")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="clozelab predict", add_help=False, allow_abbrev=False)
    parser.add_argument("run")
    parser.add_argument("--text", action="append", default=[])
    parser.add_argument("--pair", action="append", default=[])
    parser.add_argument("--input")
    parser.add_argument("--format", choices=KINDS)
    for role in ("text", "pair", "words"):
        parser.add_argument(f"--{role}-column")
    parser.add_argument("--separator")
    parser.add_argument("--output", default="-")
    parser.add_argument("--embed", choices=("cls", "mean"))
    parser.add_argument("--top", type=int, default=5)
    parser.add_argument("--on-error", choices=("stop", "skip"), default="stop")
    parser.add_argument("--device", default="auto")
    return parser


def predict(arguments: Sequence[str]) -> int:
    """Runs the command; returns its exit code.

    Raises:
        ConfigError: for an argument that cannot be.
        DataError: for a file or line that cannot be read, unless it is to be skipped.
    """
    given, others = _parser().parse_known_args(list(arguments))
    if others:
        raise ConfigError(_unknown(others[0]))
    asked = _asked(given)
    kind = check_output(given.output, given.input)
    Runs().check(given.run)
    import torch

    from clozelab.predict.load import load

    torch.set_num_threads(num_cores())
    predictor = load(given.run, device=given.device)
    question = predictor.embedding(given.embed) if given.embed else predictor.question(top=given.top)
    if isinstance(asked, Input):
        asked.columns = Columns(asked.columns.named, _own_columns(given.run))
    items = asked.items(question) if isinstance(asked, Input) else iter(asked)
    try:
        with _bar(asked) as progress:
            has_answers = _write(predictor.stream(items, question, progress), question, given, kind)
    except KeyboardInterrupt:
        print("clozelab: interrupted", file=sys.stderr)
        return 130
    if count := question.num_cut:
        first = question.first_cut
        log.warning("cut to the %d tokens that the model reads: %d texts, first %s", question.max_length, count, first)
    return 0 if has_answers else 1


def _unknown(word: str) -> str:
    """Returns the message for a word that is neither the run nor an option."""
    if word.startswith("-"):
        options = [option for action in _parser()._actions for option in action.option_strings]
        return (
            f"{word}: no such option.{did_you_mean(word.partition('=')[0], options)} clozelab predict --help lists them"
        )
    meant = "--input {} reads a file" if Path(word).is_file() else "a text goes behind --text: --text {}"
    return f"{word}: no such argument; {meant.format(shlex.quote(word))}"


def _asked(given: argparse.Namespace) -> Input | list[Item | DataError]:
    """Returns what is asked about: an input, or texts of the command line."""
    if given.text and given.input is not None:
        raise ConfigError("--text and --input: one of them only")
    if not given.text and given.input is None:
        raise ConfigError("--text or --input is needed; clozelab predict --help says more")
    if given.text:
        if given.pair and len(given.pair) != len(given.text):
            raise ConfigError(f"--pair: {len(given.pair)} texts for {len(given.text)} --text; one for each")
        texts = zip(given.text, given.pair, strict=True) if given.pair else zip(given.text, strict=True)
        return [make_item(tuple(segments), None, f"text {n}") for n, segments in enumerate(texts, 1)]
    if given.pair:
        raise ConfigError("--pair: goes with --text; a file has its pairs in a second column, or behind a tab")
    roles = {role: getattr(given, f"{role}_column") for role in ("text", "pair", "words")}
    columns = Columns({role: name for role, name in roles.items() if name})
    return Input(path=given.input, kind=given.format, columns=columns, separator=given.separator)


def _own_columns(run: str) -> dict[str, str]:
    """Returns the columns that the run's configuration names for its own files, by role."""
    form = read_config(run_directory(run), "data")["data"]["format"]
    return {role: name for role, name in form.items() if role in GUESSES and name}


def _write(
    answered: Iterable[tuple[Item, Answer] | DataError], question: Question, given: argparse.Namespace, kind: str
) -> bool:
    """Writes the answers; reports what has none; says whether anything has."""
    schema = question.schema if given.text else pa.schema([("line", pa.int64()), *question.schema])
    num_skipped = num_answered = 0
    with output(given.output, kind, schema) as write:
        waiting: list[Answer] = []
        try:
            for found in answered:
                if isinstance(found, DataError):
                    if given.on_error == "stop":
                        raise DataError(str(found) if given.text else f"{found} (--on-error skip passes over it)")
                    num_skipped += 1
                    if num_skipped <= MOST_REPORTED:
                        log.warning("skipped: %s", found)
                    continue
                item, answer = found
                num_answered += 1
                waiting.append(answer if given.text else {"line": item.line, **answer})
                if len(waiting) == CHUNK:
                    write(waiting)
                    waiting = []
        except DataError as error:  # a bad line, or the rest of the file cannot be read at all
            write(waiting)
            kept = "" if given.output == "-" else f"; {given.output}.partial holds the answers before it"
            raise DataError(f"{error}{kept}") from error
        write(waiting)
    if num_skipped:
        log.warning("skipped: %d in all", num_skipped)
    return num_answered > 0


@contextmanager
def _bar(asked: Input | list[Item | DataError]) -> Iterator[Callable[[float], None]]:
    """Shows a bar on a terminal; yields what is told the share of the items at hand that has been computed."""
    console = Console(stderr=True)
    columns = (TextColumn("predicting"), BarColumn(bar_width=None), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("", total=None)
        answered = 0

        def progress(share: float) -> None:
            nonlocal answered
            size, read = (asked.size, asked.done) if isinstance(asked, Input) else (len(asked), len(asked))
            bar.update(task, total=size or None, completed=answered + share * (read - answered))
            answered = read if share == 1 else answered

        yield progress
