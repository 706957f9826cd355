"""The command line. Free of torch at import, so that help and configuration errors answer at once.

Exit codes: 0 done; 2 the user's mistake (one short message, no traceback); 3 not reproduced; 130 interrupted; 141 the
reader of its output went away; 1 anything else.
"""

import logging
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from clozelab.errors import TRACEBACK_LOGGER, ConfigError, RunFailedError, UserError, did_you_mean

USAGE = """usage: clozelab VERB ...

  train [group=option ...] [key=value ...] [-m]   launch one run, or with -m a sweep
  evaluate RUN [--errors] [data=NAME] ...         scores of a finished run; anew with keys, or on other data
  compare PATH... [--against CELL] ...            finished runs side by side, and whether a difference is real
  reproduce PATH [--dry-run] [key=value ...]      finished runs once more: what differs, and does the same come out?
  predict RUN (--text TEXT | --input FILE)        what a finished run says about new texts
  export RUN DIR                                  its model as a Hugging Face folder
  runs list|clean [STUDY | PATH]                  every run and how it stands; what could be freed
  doctor                                          whether this machine has what runs need
  data list                                       the datasets, and which are here
  data fetch NAME                                 fetch a dataset now

clozelab VERB --help says more; clozelab --version says which this is."""


EXPORT = """usage: clozelab export RUN DIR

  RUN   directory of a completed run: outputs/<study>/<name>/seed-<n>
  DIR   new or empty folder: safetensors, tokenizer, config with label names, model card for the hub with results"""


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
        raise ConfigError(f"{verb}: no such verb.{hint} Verbs: {', '.join(verbs)}")
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
    from clozelab.evaluate.command import run

    return run(arguments)


def _compare(arguments: list[str]) -> int:
    from clozelab.compare.command import run
    from clozelab.report.page import write_page

    return run(arguments, write_page)


def _runs(arguments: list[str]) -> int:
    from clozelab.housekeeping.command import run

    return run(arguments)


def _doctor(arguments: list[str]) -> int:
    from clozelab.doctor.command import run

    return run(arguments)


def _reproduce(arguments: list[str]) -> int:
    from clozelab.reproduce.command import reproduce

    return reproduce(arguments)


def _predict(arguments: list[str]) -> int:
    from clozelab.predict.command import USAGE as PREDICT
    from clozelab.predict.command import predict

    asked = bool({"-h", "--help"} & set(arguments))
    if asked or not arguments:
        print(PREDICT)
        return 0 if asked else 2
    return predict(arguments)


def _export(arguments: list[str]) -> int:
    asked = bool({"-h", "--help"} & set(arguments))
    if asked or len(arguments) != 2:
        print(EXPORT)
        return 0 if asked else 2
    from clozelab.predict.export import export_run

    export_run(*map(Path, arguments))
    return 0


def _data(arguments: list[str]) -> int:
    from clozelab.fetch import fetch, list_data

    if arguments == ["list"]:
        list_data()
        return 0
    if len(arguments) == 2 and arguments[0] == "fetch":
        fetch(arguments[1])
        return 0
    print("usage: clozelab data list | clozelab data fetch NAME")
    return 0 if arguments and arguments[0] in ("-h", "--help") else 2


def _console() -> logging.Handler:
    handler = logging.StreamHandler()
    handler.addFilter(lambda record: record.name.startswith("clozelab.") and record.name != TRACEBACK_LOGGER)
    handler.setFormatter(logging.Formatter("%(message)s"))
    return handler
