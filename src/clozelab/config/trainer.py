"""The keys of the trainer that clozelab takes, and those it does not because something else of it says the same."""

from collections.abc import Callable, Mapping
from typing import Any

PRECISIONS = {
    "auto": "bf16-mixed where the processor has it, else 32-true",
    "32-true": "float32",
    "bf16-mixed": "bfloat16 autocast, float32 weights",
    "64-true": "float64, for tests of exactness",
}

ELSEWHERE = {
    "logger": "use the logger group",
    "callbacks": "use the callbacks group",
    "accumulate_grad_batches": "use data.micro_batches, which leaves the optimisation as it is",
    "default_root_dir": "use output_dir",
    "enable_checkpointing": "use callbacks.checkpoint",
    "enable_progress_bar": "use callbacks.progress.enabled",
    "enable_model_summary": "the parameters are printed anyway",
    "num_sanity_val_steps": "validation data is checked when it is read",
    "log_every_n_steps": "use callbacks.curves.every_n_steps",
    "use_distributed_sampler": "clozelab orders the examples itself",
    "reload_dataloaders_every_n_epochs": "clozelab orders the examples itself",
    "deterministic": "clozelab asks for deterministic kernels itself",
    "benchmark": "clozelab asks for deterministic kernels itself",
    "overfit_batches": "use data.limit",
    "limit_train_batches": "use data.limit or data.fraction",
    "limit_val_batches": "use data.limit",
    "limit_test_batches": "use data.limit",
    "limit_predict_batches": "use data.limit",
    "fast_dev_run": "use experiment=debug",
    "inference_mode": "evaluation always runs without autograd",
    "min_epochs": "early stopping has a patience",
    "min_steps": "early stopping has a patience",
    "max_time": "a run that stops by the clock cannot be reproduced; use max_steps",
    "plugins": "not supported",
    "model_registry": "not supported",
    "sync_batchnorm": "encoders have no batch normalisation",
    "barebones": "a run needs its callbacks and loggers",
    "enable_autolog_hparams": "the run directory holds the whole config",
}

Report = Callable[[str, str], None]


def check_trainer(node: Mapping[str, Any], report: Report) -> list[str]:
    """Reports what Lightning would refuse late or not at all; returns the keys that need no further check."""
    wrong = [key for key in ELSEWHERE if key in node]
    for key in wrong:
        report(f"trainer.{key}", f"trainer.{key}: is set by clozelab itself; {ELSEWHERE[key]}")

    def refuse(key: str, allowed: str) -> None:
        report(f"trainer.{key}", f"trainer.{key}={node[key]!r}: must be {allowed}")
        wrong.append(key)

    if "precision" in node and str(node["precision"]) not in PRECISIONS:
        refuse("precision", f"one of {', '.join(PRECISIONS)}")
    for key in ("max_epochs", "max_steps", "check_val_every_n_epoch"):
        value = node.get(key)
        if isinstance(value, int) and value < 1 and not (key == "max_steps" and value == -1):
            refuse(key, "an integer >= 1")
    epochs, steps = node.get("max_epochs"), node.get("max_steps", -1)
    if epochs is None and steps == -1:
        report("trainer.max_epochs", "trainer.max_epochs: must be given, or trainer.max_steps: a run needs an end")
    every = node.get("check_val_every_n_epoch")
    if isinstance(every, int) and isinstance(epochs, int) and 1 <= epochs < every:
        refuse("check_val_every_n_epoch", f"at most trainer.max_epochs ({epochs}): weights are selected by validation")
    interval = node.get("val_check_interval")
    if interval is not None and interval != 1.0 and not (type(interval) is int and interval >= 1):
        refuse("val_check_interval", "1.0 (the end of an epoch) or an integer, in optimizer steps")
    if node.get("strategy", "auto") != "auto":
        refuse("strategy", "auto: training on several devices is not there yet")
    for key in ("devices", "num_nodes"):  # a loader knows nothing yet of other processes
        if node.get(key, 1) != 1:
            refuse(key, "1: training on several devices is not there yet")
    clip = node.get("gradient_clip_val")
    if isinstance(clip, int | float) and not clip > 0:
        refuse("gradient_clip_val", "null or a number > 0")
    return wrong
