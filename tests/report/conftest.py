"""Made-up studies with all that the page shows: metrics, curves, timings and predictions of every kind of task."""

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

Rows = Sequence[Mapping[str, Any]]

HOSTILE = '</script><script>alert(1)</script>"><img src=x onerror="alert(2)"><!-- &lt;b&gt; ${data} $x$ \u2028'
"""What a corpus, a label or a configuration may hold."""


def write_csv(path: Path, rows: Rows) -> None:
    """Writes rows under the names that any of them has."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)


def write_run(
    cell: Path,
    seed: int,
    *,
    identity: Mapping[str, Any],
    metrics: Mapping[str, float] | None = None,
    predictions: Mapping[str, Sequence[Any]] | None = None,
    labels: Sequence[str] = (),
    history: Rows = (),
    **state: Any,
) -> Path:
    """Writes a run directory, completed if there are metrics; returns it."""
    folder = cell / f"seed-{seed}"
    (folder / "predictions").mkdir(parents=True)
    whole = {
        "status": "completed" if metrics else "failed", "identity": {**identity, "seed": seed}, "labels": list(labels),
        "selection": next(iter(metrics), None) if metrics else None, "fit_seconds": 60.0 + seed, "steps": 30,
        "hardware": {"processor": "one"}, "numerics": {"num_threads": 2}, **state,
    }  # fmt: skip
    (folder / "run.json").write_text(json.dumps(whole))
    (folder / "config.yaml").write_text("seed: 1\n")
    if metrics:
        (folder / "metrics.json").write_text(json.dumps(dict(metrics)))
    if history:
        write_csv(folder / "history.csv", history)
        write_csv(folder / "timings.csv", [{"step": 10, "perf/tokens_per_second": 1000.0 * seed}])
    if predictions:
        for split in ("validation", "test"):
            pq.write_table(pa.table(dict(predictions)), folder / "predictions" / f"{split}.parquet")
    return folder


def curve(metric: str, level: float) -> list[dict[str, float]]:
    """Returns rows of history.csv: the loss every ten steps, a metric at the end of three epochs."""
    rows: list[dict[str, float]] = []
    for step in range(10, 61, 10):
        row = {"step": step, "progress/examples": step * 8, "progress/tokens": step * 100, "epoch": step // 21}
        rows.append({**row, "train/loss": 1.0 - level * step / 60})
        if step % 20 == 0:
            rows[-1] |= {metric: level * step / 60, "val/f1/one": 0.5}
    return rows


def predictions_of(kind: str, text: str, seed: int) -> dict[str, list[Any]]:
    """Returns predictions as a run of the kind writes them; `text` is among texts, words and labels."""
    loss = [0.1 * (i % 7) + 0.01 * seed for i in range(12)]
    if kind == "numbers":
        gold = [i / 3 for i in range(12)]
        rest = {"gold": gold, "prediction": [g + 0.1 * seed for g in gold], "score": [None] * 12, "loss": loss}
        return {"id": list(range(12)), "text": [f"{text} {i}" for i in range(12)], **rest}
    names = ["O", "B-PER", "I-PER"] if kind == "words" else ["no", text]
    gold = [names[i % len(names)] for i in range(12)]
    flat = {"gold": gold, "prediction": [*gold[1:], gold[0]][: 4 * seed] + gold[4 * seed :], "loss": loss}
    if kind == "texts":
        return {"id": list(range(12)), "text": [f"{text} {i}" for i in range(12)], **flat}
    pieces = {name: [values[i : i + 4] for i in range(0, 12, 4)] for name, values in flat.items()}
    if kind == "words":
        return {"id": [0, 1, 2], "words": [[f"{text}{k}" for k in range(4)]] * 3, **pieces}
    return {"id": [0, 1, 2], "positions": [[1, 5, 6, 9]] * 3, **pieces}


METRIC = {"texts": "accuracy", "words": "f1_conlleval", "numbers": "mse", "masks": "perplexity"}


def make_study(folder: Path, kind: str = "texts", text: str = "a text", seeds: Sequence[int] = (1, 2)) -> Path:
    """Writes two learning rates by two numbers of epochs, each with its seeds, and a cell that failed."""
    metric = METRIC[kind]
    for k, (lr, epochs) in enumerate([(1e-5, 2), (1e-5, 3), (1e-4, 2), (1e-4, 3)]):
        identity = {
            "data.name": text,
            "optimizer.lr": lr,
            "trainer.max_epochs": epochs,
            "model.path": f"{text} {k % 2}",
        }
        for seed in seeds:
            level = 0.5 + 0.1 * k + 0.01 * seed
            metrics = {f"val/{metric}": level, f"test/{metric}": level - 0.02}
            if kind == "words":
                metrics |= {f"{s}/f1_conlleval/{of}": level for s in ("val", "test") for of in ("PER", text)}
            write_run(
                folder / f"cell-0000000{k}", seed, identity=identity, metrics=metrics, code={"commit": f"c{k}"},
                predictions=predictions_of(kind, text, seed), history=curve(f"val/{metric}", level),
                labels=["no", text] * (kind == "texts"),
            )  # fmt: skip
    write_run(folder / "cell-0000000f", 1, identity={"optimizer.lr": 1.0, "trainer.max_epochs": 9})
    return folder


@pytest.fixture
def run_at() -> Callable[..., Path]:
    """Writes a run directory."""
    return write_run


@pytest.fixture
def study_at() -> Callable[..., Path]:
    """Writes a study of four cells and one that failed."""
    return make_study


@pytest.fixture
def hostile() -> str:
    """Text that would be markup, script or a placeholder if it were taken for more than text."""
    return HOSTILE
