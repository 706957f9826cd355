"""The command line. Free of torch at import, so that help and configuration errors answer at once.

Exit codes: 0 done; 2 the user's mistake (one short message, no traceback); 3 not reproduced; 130 interrupted; 141 the
reader of its output went away; 1 anything else.
"""

import logging
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from clozelab.errors import TRACEBACK_LOGGER, ConfigError, RunFailedError, UserError, did_you_mean

USAGE = """usage: clozelab VERB ...

  train [key=value ...] [-m]     launch one run, or with -m a sweep
  evaluate RUN [key=value ...]   scores of a finished run, on other data too
  compare PATH...                finished runs side by side: which is better?
  reproduce PATH [--dry-run]     finished runs once more: the same result?
  predict RUN --text TEXT        what a finished run says about new texts
  export RUN DIR                 its model as a Hugging Face folder
  runs list|clean [STUDY]        every run and its status; what can be freed
  data list                      the datasets, and which are here
  data fetch NAME                fetch a dataset now
  doctor                         whether this machine has what runs need

clozelab VERB --help says more; clozelab --version says which this is.
To begin with: clozelab train experiment=debug (the whole path in seconds).
Exit codes: 0 done, 1 failed, 2 a mistake in the command or the data,
3 not reproduced, 130 interrupted."""


EXPORT = """usage: clozelab export RUN DIR

  RUN   directory of a completed run: outputs/<study>/<name>/seed-<n>
  DIR   new or empty folder, for the weights (safetensors), the tokenizer, the
        config with label names, and a model card for the hub with results"""

DATA = """usage: clozelab data list
       clozelab data fetch NAME

list shows every dataset: its name, which clozelab train data=NAME takes, what
it is, where it comes from, and whether it is here (- is not known).

fetch downloads the files of one dataset into the cache, ~/.cache/clozelab
unless CLOZELAB_CACHE is set; train does so by itself when it needs them."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    logging.basicConfig(level=logging.INFO, handlers=[_console()], force=True)
    try:
        return _dispatch(given)
    except UserError as error:
        print(f"clozelab: {error}", file=sys.stderr)
        return 2
    except RunFailedError as error:
        print(f"clozelab: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # of `| head`: nobody reads on, and Python must not try to flush at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except (KeyboardInterrupt, SystemExit) as end:  # Lightning turns Ctrl-C and SIGTERM into SystemExit
        if isinstance(end.__context__, BrokenPipeError):  # which rich turns into SystemExit
            return 141
        print("clozelab: interrupted; the same command continues where it was", file=sys.stderr)
        return 130


def _dispatch(given: list[str]) -> int:
    verbs = {
        "train": _train, "evaluate": _evaluate, "compare": _compare, "reproduce": _reproduce,
        "predict": _predict, "export": _export, "runs": _runs, "doctor": _doctor, "data": _data,
    }  # fmt: skip
    # `-m` may stand anywhere in the line, before the verb too.
    verb = next((a for a in given if not a.startswith("-")), None)
    if given[:1] == ["--version"]:
        print(f"clozelab {version('clozelab')}")
        return 0
    if verb is None or (verb not in verbs and given[0] in ("-h", "--help")):
        print(USAGE)
        return 0 if not given or given[0] in ("-h", "--help") else 2
    if verb not in verbs:
        hint = f" Did you mean 'clozelab train {verb}'?" if "=" in verb else did_you_mean(verb, verbs)
        raise ConfigError(f"{verb}: no such verb.{hint} Verbs: {', '.join(verbs)}; clozelab --help says more")
    given.remove(verb)
    return verbs[verb](given)


def _train(arguments: list[str]) -> int:
    from clozelab.config.compose import run_hydra

    run_hydra(arguments, _train_one)
    return 0


def _train_one(config: dict[str, Any], origin: Any) -> None:
    from clozelab.identity import open_run, warn_of_other_code
    from clozelab.summary import print_result

    run, identity = open_run(config, origin)
    if run.status != "completed" or config["rerun"]:
        from clozelab.config.check import check
        from clozelab.experiment import execute

        check(config, origin)
        execute(run, config, identity)
    else:
        print(f"already completed: {run.folder} (rerun=true runs it again)")
        warn_of_other_code(run)
    print_result(run, Path(config["output_dir"]))


def _evaluate(arguments: list[str]) -> int:
    from clozelab.evaluate.command import USAGE, run

    return _answer(USAGE, run, arguments)


def _compare(arguments: list[str]) -> int:
    from clozelab.compare.command import USAGE, run
    from clozelab.report.page import page_writer

    return _answer(USAGE, partial(run, page_writer=page_writer), arguments)


def _runs(arguments: list[str]) -> int:
    from clozelab.housekeeping.command import USAGE, run

    return _answer(USAGE, run, arguments)


def _doctor(arguments: list[str]) -> int:
    from clozelab.doctor.command import USAGE, run

    return _answer(USAGE, run, arguments, fewest=0)


def _reproduce(arguments: list[str]) -> int:
    from clozelab.reproduce.command import USAGE, reproduce

    return _answer(USAGE, reproduce, arguments)


def _predict(arguments: list[str]) -> int:
    from clozelab.predict.command import USAGE, predict

    return _answer(USAGE, predict, arguments)


def _export(arguments: list[str]) -> int:
    def run(words: list[str]) -> int:
        from clozelab.predict.export import export_run

        if unknown := [word for word in words if word.startswith("-")]:
            raise ConfigError(f"{unknown[0]}: no such option; export takes RUN and DIR only")
        if len(words) > 2:
            raise ConfigError(f"{words[2]}: export takes RUN and DIR, no more")
        export_run(*map(Path, words))
        return 0

    return _answer(EXPORT, run, arguments, fewest=2)


def _data(arguments: list[str]) -> int:
    def run(words: list[str]) -> int:
        from clozelab.fetch import fetch, list_data

        verbs, there = ("list", "fetch"), "There are data list, and data fetch NAME, one dataset at a time"
        if words == ["list"]:
            list_data()
        elif len(words) == 2 and words[0] == "fetch":
            fetch(words[1])
        elif words[0] not in verbs:
            raise ConfigError(f"data {words[0]}: no such verb.{did_you_mean(words[0], verbs)} {there}")
        else:
            raise ConfigError(f"data {' '.join(words)}: {there}")
        return 0

    return _answer(DATA, run, arguments)


def _answer(usage: str, run: Callable[[list[str]], int], arguments: list[str], *, fewest: int = 1) -> int:
    """Runs a verb; says how it is used instead if that is asked for or words are missing.

    Args:
        usage: of the verb.
        run: takes the words behind the verb, returns the exit code.
        arguments: these words.
        fewest: that it needs.
    """
    asked = bool({"-h", "--help"} & set(arguments))
    if asked or len(arguments) < fewest:
        print(usage)
        return 0 if asked else 2
    return run(arguments)


def _console() -> logging.Handler:
    handler = logging.StreamHandler()
    handler.addFilter(lambda record: record.name.startswith("clozelab.") and record.name != TRACEBACK_LOGGER)
    handler.setFormatter(logging.Formatter("%(message)s"))
    return handler
