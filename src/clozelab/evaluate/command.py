"""The verb `evaluate`: its words, and what it prints. Free of torch until something is to be scored."""

import json
from collections.abc import Sequence
from pathlib import Path

from clozelab.errors import ConfigError, did_you_mean
from clozelab.evaluate.settings import parse
from clozelab.mistakes import print_errors
from clozelab.summary import print_metrics, read_metrics

USAGE = """usage: clozelab evaluate RUN [--errors] [data=NAME] [split=SPLIT]
                         [labels.THEIRS=OURS ...] [key=value ...]

  RUN                  directory of a completed run:
                       outputs/<study>/<name>/seed-<n>
  --errors             what it gets wrong: types confused, borders, unseen
                       entities, the hardest words
  key=value            scores its weights under other settings, such as
                       task.decoding=viterbi or data.context=64
  data=NAME            on other data, any option that train has; data.key=value
                       says more, such as data=files data.test=other.conll
  split=SPLIT          train, validation, test, or all (the whole file of a
                       corpus that has one); default: the test split of other
                       data, validation and test of the run's own
  labels.THEIRS=OURS   what a label (or entity type) of the data is to the
                       model; labels.THEIRS=null leaves it out
  --config-dir FOLDER  more data options of your own, as in train

With RUN alone it prints the scores that the run ended with. New results go
into RUN/evaluations/; the run itself stays as it is."""

FLAGS = ("--errors", "--config-dir")


def run(arguments: Sequence[str]) -> int:
    """Prints the scores of a run, anew if anything is set; returns the exit code.

    Raises:
        ConfigError: for an option, key or value that cannot be.
        DataError: for data that cannot be read.
    """
    words, flags, folders = _sorted(arguments)
    if unknown := [flag for flag in flags if flag not in FLAGS]:
        word = unknown[0]
        hint = " Write split=SPLIT." if word.startswith("--split") else did_you_mean(word, FLAGS)
        raise ConfigError(f"{word}: no such option.{hint} Options: {', '.join(FLAGS)}; all others are key=value")
    if not words:
        raise ConfigError("evaluate: give the directory of a completed run: outputs/<study>/<name>/seed-<n>")
    folder = Path(words[0])
    if several := [word for word in words[1:] if Path(word).exists()]:
        raise ConfigError(f"{several[0]}: one run at a time")
    settings = parse(words[1:], folders)
    if len(words) > 1:
        from clozelab.evaluate.score import evaluate

        folder = evaluate(folder, settings)
    metrics = read_metrics(folder)
    if scored := _scored(folder):
        print(scored)
    print_metrics(metrics)
    print(f"evaluated  {folder}")
    if "--errors" in flags:
        print_errors(folder)
    return 0


def _sorted(arguments: Sequence[str]) -> tuple[list[str], list[str], list[str]]:
    """Returns the words of a command line, its flags, and the flags that `train` understands with their values."""
    words: list[str] = []
    flags: list[str] = []
    folders: list[str] = []
    pending = list(arguments)
    while pending:
        word = pending.pop(0)
        name, equals, value = word.partition("=")
        if name == "--config-dir":
            value = value if equals else pending.pop(0) if pending else ""
            if not value:
                raise ConfigError("--config-dir: takes a folder")
            folders += [name, value]
        elif word.startswith("-"):
            flags.append(word)
        else:
            words.append(word)
    return words, flags, folders


def _scored(folder: Path) -> str:
    """Returns what was scored on what, of an evaluation directory that says so."""
    path = folder / "evaluation.json"
    about = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    if "scored" not in about:
        return ""
    parts = []
    for split, counts in about["scored"].items():
        left_out = counts.get("left_out")
        what = {"sentences": ("entity", "entities")}.get(counts["unit"], ("text", "texts"))
        notes = [] if left_out is None else [f"{left_out} {what[left_out != 1]} left out"]
        notes += [f"{counts['in_training']} of the run's training split"] if counts["in_training"] else []
        notes += ["training split not known"] if counts["in_training"] is None else []
        size = _counted(counts["examples"], counts["unit"])
        parts.append(f"{split} split, {size}" + (f" ({', '.join(notes)})" if notes else ""))
    return f"scored     {about['name']}: {'; '.join(parts)}"


def _counted(number: int, unit: str) -> str:
    return f"{number} {unit[:-1] if number == 1 else unit}"
