"""The whole story of a run on one page: seed, build, fit, score, record."""

import inspect
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import Logger
from torch.optim import Optimizer
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from clozelab import environment
from clozelab.ancestry import trace
from clozelab.callbacks.checkpoint import Checkpoint
from clozelab.checkpoint import card_of, export, last_step, load_weights
from clozelab.config.nodes import find_target, instantiate
from clozelab.data.module import SPLITS, DataModule
from clozelab.data.rescoring import Rescoring
from clozelab.identity import Identity, Kind, flatten, kind_of
from clozelab.logger.dashboard import About, opened
from clozelab.logger.history import History
from clozelab.model.build import split, tokenizer_fingerprint
from clozelab.model.features import Machine, remember
from clozelab.model.freeze import count_parameters, freeze_parts, parts_of
from clozelab.optimizer.groups import Groups
from clozelab.precision import resolve, uses_cuda
from clozelab.quiet import quiet_libraries
from clozelab.randomness import Purpose, torch_seed
from clozelab.record import Run, check_numerics
from clozelab.scoring import score_all, score_before
from clozelab.store.cache import remove
from clozelab.task.base import Task
from clozelab.task.selection import check_metric
from clozelab.types import DataSpec

log = logging.getLogger(__name__)

Config = Mapping[str, Any]

CODE = environment.code()
"""The code this process has loaded: the checkout may change while a worker lives."""


def execute(run: Run, config: Config, identity: Identity) -> dict[str, float]:
    """Runs a checked configuration to its end, from its last checkpoint if it was interrupted.

    Args:
        run: where everything is recorded.
        config: plain, resolved and checked.
        identity: of the configuration.

    Returns:
        The final metrics of all splits.
    """
    quiet_libraries()
    with run.locked():
        state = run.state()
        if run.status == "completed" and not config["rerun"]:
            return run.metrics()  # by another process, since this one looked
        numerics = numerics_of(config, identity)
        resume_from = _resumable(run, numerics, rerun=config["rerun"])
        with run.recording():
            if resume_from is None:
                run.start_over()
            run.write_config(config)
            run.write_state(
                id=run.id, identity=identity.values, identity_hash=identity.hash, numerics=numerics,
                code=CODE, packages=environment.packages(), hardware=environment.hardware(),
                attempts=state.get("attempts", 0) + 1, resumed_from_step=resume_from,
                ancestry=trace(config["model"], config["data"], identity.values.get("model.path")),
            )  # fmt: skip
            return _fit_and_score(run, config, resume_from)


@dataclass(frozen=True, slots=True)
class Parts:
    """What a configuration describes, built: the data read and tokenised, the model under the task."""

    data: DataModule
    task: Task
    spec: DataSpec
    tokenizer: PreTrainedTokenizerFast


def build(config: Config, rescoring: Rescoring | None = None) -> Parts:
    """Builds everything but the trainer.

    Args:
        config: plain, resolved and checked.
        rescoring: of a model that has learnt its labels; None takes those of the data.
    """
    torch.set_num_threads(config["num_threads"] or environment.num_cores())
    data, model_node, task = (instantiate(config[group]) for group in ("data", "model", "task"))
    tokenizer = model_node.tokenizer(data)
    spec = data.prepare(
        tokenizer=tokenizer,
        tokenizer_fingerprint=tokenizer_fingerprint(tokenizer),
        max_length=model_node.max_length(),
        seed=config["seed"],
        rescoring=rescoring,
    )
    # New weights depend on the seed alone, whatever was drawn before.
    pl.seed_everything(torch_seed(Purpose.INITIALISATION, config["seed"]) % 2**32, verbose=False)
    model = model_node.build(head=task.model_class(spec), labels=spec.labels)
    task.accept(spec=spec, model=model.train())
    encoder, layers = split(model, max_length=model_node.max_length(), attention=model_node.attention)
    data.use(packable=encoder.packable)
    frozen = freeze_parts(encoder.base, model_node.freeze)
    scheduler = instantiate(config["scheduler"])
    task.attach(encoder=encoder, layers=layers)
    task.build(
        frozen=frozen,
        seed=config["seed"],
        make_optimizer=partial(_optimizer, config["optimizer"]),
        make_scheduler=lambda optimizer, num_steps: scheduler.build(optimizer=optimizer, num_steps=num_steps),
    )
    return Parts(data, task, spec, tokenizer)


def _fit_and_score(run: Run, config: Config, resume_from: int | None) -> dict[str, float]:
    parts = build(config)
    data, task, spec = parts.data, parts.task, parts.spec
    _optimizer(config["optimizer"], task.model)  # what it refuses, it refuses before anything is opened
    task.check_fit()
    parameters = count_parameters(task.model)
    history = History(folder=run.folder)
    history.resume_from(resume_from or 0)
    loggers = [instantiate(node) for node in config["logger"].values()]
    trainer = make_trainer(config, run.folder, [history, *loggers])
    _remember_states(trainer, parts, config)
    for name, callback in config["callbacks"].items():
        if "monitor" in callback:
            check_metric(f"callbacks.{name}.monitor", callback["monitor"], task.metric_names())
    with opened(loggers, _about(run, config, history)) as outcome:
        metrics = outcome.metrics
        metrics.update(_scores_before(trainer, task, data, run, resumed=resume_from is not None))
        started = time.perf_counter()
        last = Checkpoint.last_path(run.folder) if resume_from is not None else None
        trainer.fit(task, datamodule=data, ckpt_path=last, weights_only=True)
        seconds = time.perf_counter() - started
        _select_weights(trainer, task, data, run)
        metrics.update(score_all(trainer, task, data, run.folder, trained=data))
        card = card_of(
            name=run.group, identity=run.id, ancestry=run.state()["ancestry"], config=config, metrics=metrics,
            task=task, data=data,
        )  # fmt: skip
        export(task.model, parts.tokenizer, run.folder / "model", card)
        run.write_state(
            labels=list(spec.labels), num_examples=dict(spec.num_examples), data_counts=data.counts,
            tokenizer=tokenizer_fingerprint(parts.tokenizer), packed=task.encoder.packable, parameters=parameters,
            selection=task.selection, fit_seconds=seconds, steps=trainer.global_step,
        )  # fmt: skip
        run.complete(metrics)
        outcome.finished = True
    if not config["callbacks"]["checkpoint"].get("keep", False):
        remove(Checkpoint.last_path(run.folder).parent)
    return metrics


def _remember_states(trainer: pl.Trainer, parts: Parts, config: Config) -> None:
    """Has the states of a frozen encoder computed once. Documents have none that stay: each epoch masks them anew."""
    if config["model"].get("freeze") != "all" or parts.data.kind == "documents" or config["feature_cache_gb"] == 0:
        return
    encoder, precision = parts.task.encoder, trainer.strategy.precision_plugin
    precision.convert_module(encoder.base)  # as the trainer does with the whole model
    encoder.features = remember(
        encoder=encoder, splits={split: parts.data.eval_dataloader(split) for split in SPLITS},
        places=parts.task.places, limit_gb=config["feature_cache_gb"],
        machine=Machine(trainer.strategy.root_device, precision.forward_context, _arithmetic(config)),
    )  # fmt: skip


def _scores_before(trainer: pl.Trainer, task: Task, data: DataModule, run: Run, *, resumed: bool) -> dict[str, float]:
    """Returns what the task compares with its end; an interrupted run has measured it when it began."""
    before: dict[str, float] = run.state().get("before", {}) if resumed else {}
    if task.compared and not resumed:
        before = score_before(trainer, task, data)
        log.info("before training: %s", ", ".join(f"{name[:-7]} {value:.4g}" for name, value in before.items()))
    run.write_state(before=before)
    return before


def _optimizer(node: dict[str, Any], model: PreTrainedModel) -> Optimizer:
    node, groups = dict(node), Groups()
    if "groups" in node:
        groups = instantiate(node.pop("groups"))
    known = inspect.signature(find_target(node["_target_"])).parameters
    lr, decay = (float(node.get(key, known[key].default if key in known else 0.0)) for key in ("lr", "weight_decay"))
    parameters = groups.build(model=model, parts=parts_of(model), lr=lr, weight_decay=decay)
    optimizer: Optimizer = instantiate(node, params=parameters)
    return optimizer


def make_trainer(
    config: Config,
    folder: Path,
    loggers: Sequence[Logger],
    *,
    more_callbacks: Sequence[pl.Callback] = (),
    **options: Any,
) -> pl.Trainer:
    """Returns the trainer of a configuration.

    Args:
        config: plain, resolved and checked.
        folder: the run directory.
        loggers: of the curves.
        more_callbacks: beside those of the configuration.
        options: of Lightning's Trainer that no configuration has.
    """
    node = {**config["trainer"], "precision": _precision(config)}
    if isinstance(interval := node.get("val_check_interval"), int):
        node["val_check_interval"] = interval * config["data"]["micro_batches"]  # Lightning counts micro-batches
    callbacks = [*(instantiate(callback) for callback in config["callbacks"].values()), *more_callbacks]
    trainer: pl.Trainer = instantiate(
        node,
        logger=list(loggers),
        # Checkpoints last: they save what the other callbacks have counted in the same step.
        callbacks=sorted(callbacks, key=lambda callback: isinstance(callback, Checkpoint)),
        default_root_dir=str(folder),
        accumulate_grad_batches=config["data"]["micro_batches"],
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        log_every_n_steps=1,
        use_distributed_sampler=False,
        deterministic="warn" if uses_cuda(node.get("accelerator", "auto")) else None,  # CPU kernels are
        **options,
    )
    return trainer


def _about(run: Run, config: Config, history: History) -> About:
    return About(
        output_dir=Path(config["output_dir"]), folder=run.folder, id=run.id, group=run.group, seed=config["seed"],
        config=dict(config), ancestry=run.state()["ancestry"], history=history.all_rows(),
        hyperparameters={key: value for key, value in flatten(config) if kind_of(key) is Kind.IDENTITY},
    )  # fmt: skip


def _select_weights(trainer: pl.Trainer, task: Task, data: DataModule, run: Run) -> None:
    """Puts the weights that validation selects into the model; those of a last, partial epoch take part, too."""
    (checkpoint,) = (c for c in trainer.callbacks if isinstance(c, Checkpoint))  # type: ignore[attr-defined]
    if checkpoint.validated_step != trainer.global_step:
        trainer.validate(task, datamodule=data, verbose=False)
        checkpoint.consider(task, trainer)
    if checkpoint.best is not None:  # else no validation gave a number
        load_weights(task.model, Checkpoint.best_path(run.folder))


def numerics_of(config: Config, identity: Identity) -> dict[str, Any]:
    """Returns everything that changes last bits: a run is continued only under the same."""
    return {**identity.numerics, **_arithmetic(config)}


def _arithmetic(config: Config) -> dict[str, Any]:
    """Returns what computes: threads, precision, kernels, packages."""
    threads = config["num_threads"] or environment.num_cores()
    versions = {f"package.{n}": v for n, v in environment.packages().items() if n in environment.NUMERIC_PACKAGES}
    on_gpu = uses_cuda(config["trainer"].get("accelerator", "auto"))
    kernels = torch.cuda.get_device_name() if on_gpu else torch.backends.cpu.get_cpu_capability()
    return {"num_threads": threads, "precision": _precision(config), "kernels": kernels, **versions}


def _precision(config: Config) -> str:
    trainer = config["trainer"]
    return resolve(trainer.get("precision", "auto"), accelerator=trainer.get("accelerator", "auto"))


def _resumable(run: Run, numerics: Mapping[str, Any], *, rerun: bool) -> int | None:
    """Returns the step to continue from, or None to start over.

    Raises:
        ConfigError: if there is a checkpoint made under other numerics.
    """
    step = None if rerun or run.status == "completed" else last_step(Checkpoint.last_path(run.folder))
    if step is not None:
        check_numerics(run.state().get("numerics", {}), numerics, run.folder)
        log.info("continuing %s from optimizer step %d", run.folder, step)
    return step
