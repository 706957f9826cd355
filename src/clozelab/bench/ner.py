"""Token classification on the real corpus: clozelab and its peers train the same weights on the same sentences.

Rounds alternate between the contestants, so that a machine whose speed drifts drifts for all of them. The clock covers
training steps with everything they need (collation, curves, progress), not start-up.
"""

import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, final

import pytorch_lightning as pl
from rich.console import Console
from rich.table import Table

from clozelab.bench.hf import Example, Peer, Throughput
from clozelab.bench.statistics import median_ratio
from clozelab.config.check import check
from clozelab.config.compose import compose
from clozelab.config.nodes import instantiate
from clozelab.data.split import Split
from clozelab.errors import ConfigError
from clozelab.experiment import build, make_trainer
from clozelab.quiet import quiet_libraries
from clozelab.store.cache import atomic_write
from clozelab.types import Batch

WARMUP_STEPS = 2
"""Steps before the clock starts, as for the peers."""


@final
class Ours:
    """clozelab's own contestant: the trainer that `clozelab train` uses, validation left out.

    Args:
        config: plain, resolved and checked.
    """

    def __init__(self, *, config: dict[str, Any]) -> None:
        self.config = config
        self.parts = build(config)
        self._rounds = 0

    def run(self, num_steps: int) -> Throughput:
        """Trains `num_steps` optimizer steps of a random order that is another each time."""
        clock = _Clock(num_steps=num_steps)
        self._rounds += 1
        self.parts.data.seed = self._rounds
        limited = {**self.config["trainer"], "max_steps": num_steps + WARMUP_STEPS}
        with tempfile.TemporaryDirectory() as folder:
            trainer = make_trainer(
                {**self.config, "trainer": limited}, Path(folder), [], more_callbacks=[clock], limit_val_batches=0
            )
            trainer.fit(self.parts.task, datamodule=self.parts.data)
        return Throughput(clock.examples, clock.tokens, clock.seconds)


@final
class _Clock(pl.Callback):
    def __init__(self, *, num_steps: int) -> None:
        self.num_steps = num_steps
        self.examples = self.tokens = 0
        self.seconds = 0.0
        self._started = 0.0

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        if trainer.global_step == WARMUP_STEPS:
            self._started = time.perf_counter()
        elif trainer.global_step > WARMUP_STEPS:
            self.examples += len(batch.example_ids)
            self.tokens += batch.num_tokens
            self.seconds = time.perf_counter() - self._started


def examples_of(split: Split) -> list[Example]:
    """Returns the windows of a split as the peers take them: labels at first pieces, -100 elsewhere."""
    examples: list[Example] = []
    for window in range(len(split.input_ids)):
        ids = split.input_ids[window].tolist()
        labels = [-100] * len(ids)
        for place, label in zip(split.positions[window].tolist(), split.targets(window).tolist(), strict=True):
            labels[place] = label
        examples.append({"input_ids": ids, "labels": labels})
    return examples


def run(overrides: Sequence[str], *, rounds: int, steps: int, output: Path) -> None:
    """Times clozelab against the HF Trainer with its defaults and tuned; prints ratios and writes every round.

    Args:
        overrides: of the configuration, as on the command line.
        rounds: of each contestant, in turn.
        steps: optimizer steps a round.
        output: JSON file.
    """
    quiet_libraries()
    config = compose(["logger=none", *overrides])
    check(config)
    if "path" not in config["model"]:
        raise ConfigError(f"model._target_={config['model']['_target_']!r}: the peers need a model with a folder")
    ours = Ours(config=config)
    folder = instantiate(config["model"]["source"]).locate(config["model"]["path"])
    shared: dict[str, Any] = {
        "model_folder": folder, "examples": examples_of(ours.parts.data.splits["train"]),
        "num_labels": len(ours.parts.spec.labels), "batch_size": config["data"]["batch_size"], "seed": config["seed"],
    }  # fmt: skip
    contestants: dict[str, Ours | Peer] = {
        "clozelab": ours,
        "HF Trainer, tuned": Peer(mode="tuned", **shared),
        "HF Trainer, defaults": Peer(mode="default", **shared),
    }
    speeds: dict[str, list[float]] = {name: [] for name in contestants}
    console = Console(highlight=False)
    for number in range(rounds):
        for name, contestant in contestants.items():
            result = contestant.run(_steps(contestant, steps))
            speeds[name].append(result.examples / result.seconds)
        last = ", ".join(f"{name} {values[-1]:.0f}" for name, values in speeds.items())
        console.print(f"round {number + 1} of {rounds}: {last} sentences/s", soft_wrap=True)
    ratios = {name: median_ratio(speeds["clozelab"], values) for name, values in speeds.items() if name != "clozelab"}
    table = Table("clozelab against", "median ratio", "95 % interval", box=None, pad_edge=False)
    for name, interval in ratios.items():
        table.add_row(name, f"{interval.median:.2f}", f"{interval.low:.2f} to {interval.high:.2f}")
    console.print(table)
    atomic_write(
        output, json.dumps({"config": config, "steps": steps, "sentences_per_second": speeds}, indent=2) + "\n"
    )
    console.print(f"every round  {output}")


def _steps(contestant: Ours | Peer, steps: int) -> int:
    """Returns the steps of a round: those of a peer that groups by length are rounded up to whole blocks."""
    block = contestant.block_steps if isinstance(contestant, Peer) else 1
    return -(-steps // block) * block
