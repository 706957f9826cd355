"""Scoring a finished run once more, with its own weights: its data read or decoded in another way, or other data.

Nothing is trained and nothing of the run itself is changed; what comes out goes into `evaluations/` below it.
"""

import json
import logging
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from clozelab import environment
from clozelab.config.check import check
from clozelab.config.nodes import find_target, instantiate
from clozelab.data.module import DataModule
from clozelab.data.rescoring import Rescoring
from clozelab.errors import ConfigError, DataError, UserError
from clozelab.evaluate.settings import Settings, configured, finished_config
from clozelab.experiment import CODE, Parts, build, make_trainer, numerics_of
from clozelab.identity import LOCATED, identify
from clozelab.model.build import tokenizer_fingerprint
from clozelab.quiet import only, quiet_libraries
from clozelab.scoring import score_all
from clozelab.store.cache import atomic_write
from clozelab.store.hashing import digest
from clozelab.store.runs import read_run, reads_pairs

log = logging.getLogger(__name__)


def evaluate(folder: Path, settings: Settings) -> Path:
    """Scores the weights of a completed run and returns the folder of the results.

    Args:
        folder: run directory.
        settings: what to score, and how.

    Raises:
        ConfigError: if there is no such run, a key or value cannot be, or the data are not for its model.
        DataError: if the data cannot be read, or are not what the run was trained on though they should be.
    """
    quiet_libraries()
    own = finished_config(folder)
    config = configured(own, settings)
    run = read_run(folder)
    _check(config, run, folder)
    if settings.mapping and find_target(config["data"]["_target_"]).kind == "documents":  # type: ignore[attr-defined]
        raise ConfigError(f"labels.{next(iter(settings.mapping))}: documents have no labels to map")
    identity = identify(config)
    is_own = settings.data is None
    if is_own:
        check_files(identity.values, run["identity"], {word.partition("=")[0] for word in settings.of_data})
    model = json.loads((folder / "model" / "config.json").read_text(encoding="utf-8"))
    splits = () if is_own and settings.split is None else (settings.split or "test",)
    parts = build(config, Rescoring(
        labels=tuple(model["id2label"].values()), mapping=settings.mapping, splits=splits, is_own=is_own,
        command=settings.command(folder),
    ))  # fmt: skip
    _check_pairs(parts.data, folder, settings)
    trained = parts.data if is_own else _trained_on(own, run, parts)
    target = place_of(folder, settings)
    parts.task.eval()
    metrics = score_all(make_trainer(config, target, []), parts.task, parts.data, target, trained=trained)
    about = {
        **_about(settings, parts.data, trained), "data": _located(identity.values), "data_counts": parts.data.counts,
        "code": CODE, "packages": environment.packages(), "hardware": environment.hardware(),
        "numerics": numerics_of(config, identity),
    }  # fmt: skip
    atomic_write(target / "evaluation.json", json.dumps(about, indent=2, ensure_ascii=False) + "\n")
    atomic_write(target / "metrics.json", json.dumps(metrics, indent=2) + "\n")
    return target


def place_of(folder: Path, settings: Settings) -> Path:
    """Returns the folder for the results, which are not there until they are all there.

    Raises:
        ConfigError: if it cannot be made.
    """
    target = folder / "evaluations" / digest([*settings.folders, *settings.words])[:8]
    try:
        target.mkdir(parents=True, exist_ok=True)
        (target / "metrics.json").unlink(missing_ok=True)  # of the same question asked before
    except OSError as error:
        raise ConfigError(f"{target}: cannot be written, and results go there: {error.strerror}") from error
    return target


def _located(identity: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the hashes of all files of the data, those of further corpora included, by key."""
    keys = [key for key in identity if key.startswith("data.") and key.rpartition(".")[2] in LOCATED]
    return {key: identity[key] for key in keys}


def _about(settings: Settings, data: DataModule, trained: DataModule | None) -> dict[str, Any]:
    """Returns what evaluation.json says of what was asked for, and scored."""
    scored = {
        split: {
            "examples": len(data.chosen[split]), "unit": data.unit,
            **({"left_out": data.counts[split]["left_out"]} if settings.mapping else {}),
            "in_training": _num_shared(data, split, trained),
        }
        for split in data.evaluated
    }  # fmt: skip
    return {
        "name": settings.name, "scored": scored, "overrides": list(settings.words), "labels": settings.mapping,
    }  # fmt: skip


def _num_shared(data: DataModule, split: str, trained: DataModule | None) -> int | None:
    """Returns how many units of a split the run's training split has; None if that is not here."""
    if trained is None:
        return None
    ours, theirs = (d.splits[s].fingerprints()[d.chosen[s]] for d, s in ((data, split), (trained, "train")))
    return int(np.isin(ours, theirs).sum())


def _trained_on(config: Mapping[str, Any], run: Mapping[str, Any], parts: Parts) -> DataModule | None:
    """Returns the run's own data, read with the same tokenizer; None, with a warning, if they are not here any more."""
    try:
        if identify(config).values.get("data.train") != run["identity"].get("data.train"):
            raise DataError("data.train: the file is not the one that the run was made with")
        data: DataModule = instantiate(config["data"])
        with only(logging.ERROR, "clozelab.data"):  # the run has said it
            data.prepare(
                tokenizer=parts.tokenizer, tokenizer_fingerprint=tokenizer_fingerprint(parts.tokenizer),
                max_length=instantiate(config["model"]).max_length(), seed=config["seed"],
            )  # fmt: skip
    except UserError as error:
        log.warning("whether training has some of these data is not known: %s", error)
        return None
    return data


def _check(config: Mapping[str, Any], run: Mapping[str, Any], folder: Path) -> None:
    """Refuses a configuration that cannot be, and says so if that may be the code's doing.

    Raises:
        ConfigError: with every mistake.
    """
    try:
        check(config)
    except ConfigError as error:
        then, now = (run.get("code") or {}).get("commit"), environment.code()["commit"]
        made = f"\n{folder} was made by other code ({then}) than this ({now})" if then != now else ""
        raise ConfigError(f"{error}{made}") from error


def _check_pairs(data: DataModule, folder: Path, settings: Settings) -> None:
    """Refuses pairs of texts for a model of single ones, and the other way round.

    Raises:
        ConfigError: naming both.
    """
    if data.kind != "texts" or (trained_on_pairs := reads_pairs(folder)) is None:
        return
    names = {False: "single texts", True: "pairs of texts"}
    found = len(data.splits[data.evaluated[0]].parts(0)) > 1
    if found != trained_on_pairs:
        column = "data.format.pair='' reads no pair" if found else "data.format.pair names the column of the second"
        raise ConfigError(
            f"{settings.name}: holds {names[found]}, and the run learnt from {names[trained_on_pairs]}; {column}"
        )


def check_files(now: Mapping[str, Any], then: Mapping[str, Any], overridden: Collection[str]) -> None:
    """Refuses files that are not the run's: scores of other data would pass for those of its own.

    Raises:
        DataError: naming the key.
    """
    for key in _located(then):
        if (key == "data.train" or key not in overridden) and now.get(key) != then.get(key):
            advice = "" if key == "data.train" else f"; {key}=... scores another file knowingly"
            raise DataError(f"{key}: the file is not the one that the run was made with{advice}")
