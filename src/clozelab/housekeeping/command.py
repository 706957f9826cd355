"""The verb `runs`: its words and options, and where it looks."""

from collections.abc import Sequence
from pathlib import Path

from clozelab.config.origin import conf_dir, read_yaml
from clozelab.errors import ConfigError, did_you_mean

USAGE = """usage: clozelab runs list [STUDY | PATH] [--format table|json|csv]
       clozelab runs clean [STUDY | PATH] [option ...]

  STUDY, PATH   a study by its name, or a study, cell or run by its path;
                default: all runs below outputs/

list shows every run: its status, the metric it was selected by on both splits,
when it ended (or else began), how long its last attempt took, its size on disk.
A run whose process was killed is interrupted.

clean lists with sizes what nobody can use any more, asks, and removes it:
temporary files that killed processes left, and runs that failed or were
interrupted with no checkpoint to continue from. Options name more to free:

  --unfinished    also failed and interrupted runs with a checkpoint: their
                  commands would start over
  --checkpoints   checkpoints that completed runs have kept
                  (callbacks.checkpoint.keep=true)
  --dashboards    offline wandb runs whose run directory is gone
  --cache         tokenised data, features and vocabularies: computed anew when
                  needed. Runs of another directory may be reading them, which
                  is not seen from here
  --downloads     fetched datasets and models: fetched anew when needed
  --yes           do not ask; without it, and without a terminal, nothing is
                  removed

Results of completed runs, running runs and files that are not clozelab's are
never touched, links never followed."""

FORMATS = ("table", "json", "csv")
EXTRA = ("unfinished", "checkpoints", "dashboards", "cache", "downloads")


def run(arguments: Sequence[str]) -> int:
    """Lists runs or frees what they left; returns the exit code.

    Raises:
        ConfigError: for a word or option there is not, and for a place without runs.
        RunFailedError: if something could not be removed.
    """
    verb, *rest = arguments
    verbs = {"list": _list, "clean": _clean}
    if verb not in verbs:
        raise ConfigError(f"runs {verb}: no such verb.{did_you_mean(verb, verbs)} There are runs list and runs clean")
    return verbs[verb](rest)


def _list(arguments: Sequence[str]) -> int:
    from clozelab.housekeeping.listing import list_runs, write

    words, shape = [], "table"
    pending = list(arguments)
    while pending:
        word = pending.pop(0)
        name, equals, value = word.partition("=")
        if name == "--format":
            shape = value if equals else pending.pop(0) if pending else ""
            if not shape:
                raise ConfigError(f"--format: takes one of {', '.join(FORMATS)}")
        else:
            words.append(word)
    if shape not in FORMATS:
        raise ConfigError(f"--format {shape}: must be one of {', '.join(FORMATS)}.{did_you_mean(shape, FORMATS)}")
    _refuse([word for word in words if word.startswith("-")], ("--format",))
    write(list_runs(_place(words)), shape)
    return 0


def _clean(arguments: Sequence[str]) -> int:
    from clozelab.housekeeping.clean import clean
    from clozelab.housekeeping.plan import DEFAULT

    options = {word for word in arguments if word.startswith("-")}
    words = [word for word in arguments if not word.startswith("-")]
    allowed = [f"--{name}" for name in (*EXTRA, "yes")]
    _refuse([option for option in sorted(options) if option not in allowed], allowed)
    extra = [name for name in EXTRA if f"--{name}" in options]
    only_cache = not words and not outputs().is_dir() and bool({"cache", "downloads"} & set(extra))
    clean(None if only_cache else _place(words), (*DEFAULT, *extra), yes="--yes" in options)
    return 0


def _refuse(unknown: Sequence[str], allowed: Sequence[str]) -> None:
    if unknown:
        raise ConfigError(
            f"{unknown[0]}: no such option.{did_you_mean(unknown[0], allowed)} Options: {', '.join(allowed)}"
        )


def outputs() -> Path:
    """Returns where run directories are unless `output_dir` says otherwise."""
    return Path(read_yaml(conf_dir() / "config.yaml")["output_dir"])


def _place(words: Sequence[str]) -> Path:
    """Returns the folder that the words name: a path, or a study below the default directory.

    Raises:
        ConfigError: if they are several, or name none.
    """
    if len(words) > 1:
        raise ConfigError(f"{words[1]}: one study or path at a time")
    root = outputs()
    if not words:
        if not root.is_dir():
            raise ConfigError(f"no runs here: there is no {root}/; give the directory they are in (output_dir)")
        return root
    path = Path(words[0]).expanduser()
    if path.exists() or not (root / path).exists():
        studies = [folder.name for folder in root.iterdir()] if root.is_dir() else []
        hint = did_you_mean(words[0], studies)
        if not path.exists() and hint:
            raise ConfigError(f"{words[0]}: no such study or folder.{hint}")
        return path
    return root / path
