"""Which callbacks a configuration may hold: ours, always, and those of Lightning that do not meddle with training."""

from collections.abc import Callable, Mapping
from typing import Any

OURS = {
    "checkpoint": "clozelab.callbacks.checkpoint.Checkpoint",
    "curves": "clozelab.callbacks.curves.Curves",
    "progress": "clozelab.callbacks.progress.ProgressBar",
}
"""Callbacks every run has, under these names: what they do is part of what a run is."""

LIGHTNING = ("EarlyStopping", "LearningRateMonitor", "DeviceStatsMonitor")
"""Others change batch sizes, learning rates or accumulation behind the configuration's back, or stop by the clock."""


def check_callbacks(nodes: Mapping[str, Any], report: Callable[[str, str], None]) -> None:
    """Reports callbacks that are missing, in another's place, or not to be had."""
    for name, target in OURS.items():
        node = nodes.get(name)
        found = node.get("_target_") if isinstance(node, Mapping) else node
        if found != target:
            key = f"callbacks.{name}"
            report(f"{key}._target_", f"{key}._target_={found!r}: every run has it, and it must be {target}")
    for name, node in nodes.items():
        target = str(node.get("_target_")) if isinstance(node, Mapping) else ""
        if target.startswith("pytorch_lightning.") and target.rpartition(".")[2] not in LIGHTNING:
            key = f"callbacks.{name}._target_"
            report(key, f"{key}={target!r}: of Lightning's callbacks clozelab takes {', '.join(LIGHTNING)}")
