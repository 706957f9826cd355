"""Under which settings, and on which data, a finished run is scored anew: from the words of a command line."""

import copy
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from clozelab.errors import ConfigError, did_you_mean
from clozelab.identity import flatten
from clozelab.store.local import Local
from clozelab.store.runs import read_config
from clozelab.summary import read_metrics

GROUPS = ("task", "data", "num_threads", "trainer")
"""What may be set anew: not what the weights came from."""

SAMPLING = (
    "data.limit", "data.fraction", "data.fold", "data.split_seed", "data.validation_share", "data.test_share",
)  # fmt: skip
"""What says which examples were trained on: of the run's own data it stays what it was."""

TRAINING = ("data.batch_size", "data.micro_batches", "task._target_", "task.head", "task.pooling")
"""What says how they were trained on, and what the weights belong to."""

CARRIED = (
    "batch_size", "micro_batches", "eval_batch_size", "max_length", "overlap", "context",
    "masking", "next_sentence", "join", "short",
)  # fmt: skip
"""Keys of data that say how a model reads: it reads other data as it read its own."""

FILES = ("train", "validation", "test")
SPLITS = (*FILES, "all")


@dataclass(frozen=True, slots=True)
class Settings:
    """What was asked for.

    Attributes:
        words: of the command line, all of them.
        data: option of `conf/data`; None is the run's own data.
        of_data: words that set keys of `data`.
        others: words that set keys of other groups.
        split: to be scored; None is the test split of other data, and validation and test of the run's own.
        mapping: from labels of the data to the model's; None leaves out.
        folders: `--config-dir` and its value, or nothing.
    """

    words: tuple[str, ...] = ()
    data: str | None = None
    of_data: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    split: str | None = None
    mapping: Mapping[str, str | None] = field(default_factory=dict)
    folders: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What the data are called."""
        chosen = f"data={self.data}" if self.data else "the run's own data"
        return " ".join([chosen, *map(shlex.quote, self.of_data)])

    def command(self, folder: Path) -> str:
        """Returns the command line that these settings were read from."""
        return shlex.join(["clozelab", "evaluate", str(folder), *self.folders, *self.words])


def parse(words: Sequence[str], folders: Sequence[str] = ()) -> Settings:
    """Returns what the words `data=...`, `split=...`, `labels.THEIRS=OURS` and `key=value` ask for.

    Raises:
        ConfigError: for a word that is none of these.
    """
    once: dict[str, str] = {}
    found: dict[str, list[str]] = {"data": [], "others": []}
    mapping: dict[str, str | None] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            raise ConfigError(f"{word}: must be key=value, such as task.decoding=viterbi; one run at a time")
        if key in ("data", "split"):
            if key in once:
                raise ConfigError(f"{word}: {key} is given twice")
            once[key] = value
        elif key.startswith("labels."):
            theirs, _, ours = word.removeprefix("labels.").rpartition("=")  # the data's may hold a `=`
            if not theirs or not ours or theirs in mapping:
                twice = "; it is given twice" if theirs in mapping else ""
                raise ConfigError(f"{word}: must be labels.THEIRS=OURS, or =null to leave a label out{twice}")
            mapping[theirs] = None if ours == "null" else ours
        elif key == "labels":
            raise ConfigError(f"{word}: write labels.THEIRS=OURS, once for each label of the data")
        else:
            found["data" if key.startswith("data.") else "others"].append(word)
    split = once.get("split")
    if split is not None and split not in SPLITS:
        raise ConfigError(f"split={split}: must be one of {', '.join(SPLITS)}.{did_you_mean(split, SPLITS)}")
    if folders and "data" not in once:
        raise ConfigError("--config-dir: is for an option of data; add data=NAME")
    return Settings(
        words=tuple(words), data=once.get("data"), of_data=tuple(found["data"]), others=tuple(found["others"]),
        split=split, mapping=mapping, folders=tuple(folders),
    )  # fmt: skip


def finished_config(folder: Path) -> dict[str, Any]:
    """Returns the configuration of a completed run, with the weights it ended with in the place of its model.

    Raises:
        ConfigError: if it is not the directory of a completed run.
    """
    read_metrics(folder)  # refuses anything else
    needed = ("config.yaml", "run.json", "model/config.json")
    if missing := [name for name in needed if not (folder / name).exists()]:
        raise ConfigError(f"{str(folder)!r}: has no {missing[0]}; only the directory of a run can be scored anew")
    config = read_config(folder, "task", "data", "model")
    config["model"] = {
        "_target_": "clozelab.model.pretrained.Pretrained",
        "source": {"_target_": "clozelab.store.local.Local"},
        "path": str(folder / "model"),
        "attention": config["model"].get("attention", "bidirectional"),
    }
    return config


def configured(config: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """Returns the configuration of a run under other settings, with other data if these are asked for.

    Raises:
        ConfigError: for a key that may not be set, an option or a value that there is not. Whether the constructor
            behind a key has it is for `config.check` to say.
    """
    if settings.data is None:
        return changed(config, [*settings.of_data, *settings.others], fixed=(*SAMPLING, *TRAINING))
    if refused := [word for word in settings.of_data if word.partition("=")[0] in TRAINING]:
        raise _fixed(refused[0].partition("=")[0])
    result = changed(config, settings.others, fixed=TRAINING)
    result["data"] = _composed(config, settings)
    return result


def _composed(config: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """Returns the node of other data as `train` would compose it for the run's task, read as the run read its own."""
    from clozelab.config.compose import compose  # takes a while, which other words need not wait for

    if "," in str(settings.data):
        raise ConfigError(f"data={settings.data}: one corpus at a time")
    task = config["task"]["_target_"].split(".")[-2]
    node: dict[str, Any] = compose(
        [*settings.folders, f"task={task}", f"data={settings.data}", *settings.of_data]
    )["data"]  # fmt: skip
    typed = {word.lstrip("+~").partition("=")[0] for word in settings.of_data}
    for key in CARRIED:
        if key in node and key in config["data"] and not any(f"{t}.".startswith(f"data.{key}.") for t in typed):
            node[key] = copy.deepcopy(config["data"][key])
    if "general" in node:  # which a domain is compared with: one corpus is scored here
        node["general"] = None
    split = "train" if settings.split == "all" else settings.split or "test"
    if node.get("train") == "???" and node.get(split) in (None, "???"):
        raise ConfigError(f"data.{split}: must be given: data.{split}=FILE is the file that is scored")
    missing = [key for key in FILES if node.get(key) == "???"]
    if missing and node.get(split):  # one file is enough to score it; a missing test file is no validation file, though
        _check_local(node, split)
        node |= dict.fromkeys(missing, node[split])
    return node


def _check_local(node: Mapping[str, Any], split: str) -> None:
    """Refuses a file that is not there under its own key: it will stand for other splits, too.

    Raises:
        ConfigError: naming it.
    """
    if str(node.get("source", {}).get("_target_")).endswith(".Local"):
        try:
            Local().check(node[split])
        except ConfigError as error:
            raise ConfigError(f"data.{split}={error}") from error


def changed(config: Mapping[str, Any], overrides: Sequence[str], *, fixed: Sequence[str]) -> dict[str, Any]:
    """Returns a configuration with dotted keys set to new values, read as YAML.

    Args:
        config: of a run.
        overrides: `key=value`.
        fixed: keys that stay as they are.

    Raises:
        ConfigError: for anything but `key=value` with a key that may be set here.
    """
    result = copy.deepcopy(dict(config))
    known = [key for key, _ in flatten(config) if key.split(".")[0] in GROUPS]
    for override in overrides:
        key, _, text = override.partition("=")
        group, *path = key.split(".")
        if key in fixed:
            raise _fixed(key)
        if group not in GROUPS or (not path and group != "num_threads"):
            near = did_you_mean(key, [*known, "data", "split", "labels."])
            raise ConfigError(f"{key}: cannot be set for a finished run.{near} {_allowed()}")
        node: Any = result
        for part in (group, *path)[:-1]:
            node = node.setdefault(part, {}) if isinstance(node, dict) else None
        if not isinstance(node, dict):
            raise ConfigError(f"{key}: no such key.{did_you_mean(key, known)}")
        node[(group, *path)[-1]] = _value(override, text)
    return result


def _fixed(key: str) -> ConfigError:
    return ConfigError(f"{key}: cannot be set for a finished run, which was trained with what it is")


def _value(override: str, text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{override}: the value is not valid YAML") from error


def _allowed() -> str:
    begin = ", ".join(f"{group}." for group in GROUPS if group != "num_threads")
    return f"Keys begin with {begin} or labels., or are data, split or num_threads"
