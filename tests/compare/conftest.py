"""Made-up studies: run directories as `clozelab train` leaves them, without having trained anything."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml


def write_run(
    study: Path,
    name: str,
    seed: int,
    *,
    metrics: Mapping[str, float] | None = None,
    status: str = "completed",
    selection: str = "val/accuracy",
    identity: Mapping[str, Any] | None = None,
    config: Mapping[str, Any] | None = None,
) -> Path:
    """Writes a run directory; returns it."""
    folder = study / name / f"seed-{seed}"
    folder.mkdir(parents=True)
    own = {"data.validation": "0a1b.txt", "optimizer.lr": 1e-5, "trainer.max_epochs": 3, **(identity or {})}
    state: dict[str, Any] = {"status": status, "identity": {**own, "seed": seed}, "labels": ["no", "yes"]}
    if status == "completed":
        state["selection"] = selection
        (folder / "metrics.json").write_text(json.dumps(dict(metrics or {"val/accuracy": 0.5, "test/accuracy": 0.4})))
    (folder / "run.json").write_text(json.dumps(state))
    (folder / "config.yaml").write_text(yaml.safe_dump(dict(config or {})))
    return folder


def write_predictions(run: Path, right: Sequence[bool], *, first: int = 0) -> None:
    """Writes predictions of texts with two classes into both splits, and their accuracy into metrics.json."""
    gold = ["yes" if i % 3 else "no" for i in range(len(right))]
    other = {"yes": "no", "no": "yes"}
    predicted = [g if r else other[g] for g, r in zip(gold, right, strict=True)]
    ids = list(range(first, first + len(right)))
    table = pa.table(
        {"id": ids, "text": [f"text {i}" for i in ids], "gold": gold, "prediction": predicted,
         "score": np.full(len(ids), 0.75, np.float32), "loss": np.full(len(ids), 0.25, np.float32)}
    )  # fmt: skip
    (run / "predictions").mkdir(exist_ok=True)
    for split in ("validation", "test"):
        pq.write_table(table, run / "predictions" / f"{split}.parquet")
    accuracy = float(np.mean(right))
    (run / "metrics.json").write_text(json.dumps({"val/accuracy": accuracy, "test/accuracy": accuracy}))


@pytest.fixture
def make_run() -> Callable[..., Path]:
    """Writes a run directory."""
    return write_run


@pytest.fixture
def predict() -> Callable[..., None]:
    """Writes predictions of a run."""
    return write_predictions


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Three learning rates by three seeds, with predictions of 200 texts; 3e-5 is best, 5e-5 fails."""
    folder = tmp_path / "outputs" / "grid"
    rng = np.random.default_rng(0)
    easy = rng.random(200)
    for lr, chance in ((1e-5, 0.7), (2e-5, 0.72), (3e-5, 0.9)):
        name = f"texts-lr={lr:g}-0000000{round(lr * 1e5)}"
        for seed in (1, 2, 3):
            run = write_run(folder, name, seed, identity={"optimizer.lr": lr})
            write_predictions(run, list(easy + rng.normal(0, 0.05, 200) < chance))
    write_run(folder, "texts-lr=5e-05-00000005", 1, status="failed", identity={"optimizer.lr": 5e-5})
    write_run(folder, "texts-lr=5e-05-00000005", 2, identity={"optimizer.lr": 5e-5})
    return folder
