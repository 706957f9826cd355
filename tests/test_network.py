"""The real thing, from the package index: the encoder and the corpus of the demo."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from clozelab.config.compose import compose
from clozelab.config.nodes import instantiate
from clozelab.logger.history import read_history

Run = Callable[..., tuple[int, str, str]]


@pytest.mark.network
def test_twenty_steps_on_the_real_corpus_with_the_real_encoder(clozelab: Run, tmp_path: Path) -> None:
    options = ["trainer.max_steps=20", "logger=none", f"output_dir={tmp_path}", "callbacks.curves.every_n_steps=1"]
    code, out, err = clozelab("train", *options)
    assert code == 0, err
    (run,) = tmp_path.glob("*/*/seed-42")
    state = json.loads((run / "run.json").read_text())
    assert state["num_examples"] == {"train": 14041, "validation": 3250, "test": 3453}
    assert state["steps"] == 20
    assert state["packed"]
    losses = [row["train/loss"] for row in read_history(run).values() if "train/loss" in row]
    assert len(losses) == 20
    assert sum(losses[-5:]) < 0.7 * sum(losses[:5]), losses
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["val/accuracy"] > 0.8
    assert "f1_conlleval" in out


@pytest.mark.network
@pytest.mark.parametrize(
    ("column", "metric", "least"), [("pos", "test/accuracy", 0.15), ("chunk", "test/f1_strict", 0.0)]
)
def test_the_other_columns_of_the_corpus_are_learnt_by_config(
    clozelab: Run, tmp_path: Path, column: str, metric: str, least: float
) -> None:
    code, _, err = clozelab(
        "train", "experiment=debug", "trainer.max_epochs=2", "optimizer.lr=1e-3", f"data.format.labels={column}",
        f"output_dir={tmp_path}",
    )  # fmt: skip
    assert code == 0, err
    (path,) = tmp_path.glob("*/*/seed-42/metrics.json")
    assert json.loads(path.read_text())[metric] > least


@pytest.mark.network
@pytest.mark.parametrize(
    ("name", "num_texts", "counts"),
    [
        ("sms_spam", 5574, {"ham": 4827, "spam": 747}),
        ("amazon_reviews", 3708, {"negative": 1235, "neutral": 748, "positive": 1725}),
        ("movie_reviews", 10605, {"negative": 5076, "neutral": 547, "positive": 4982}),
        ("nyt_editorials", 5190, {"negative": 1783, "neutral": 2307, "positive": 1100}),
        ("tweets", 4200, {"negative": 1087, "neutral": 813, "positive": 2300}),
        ("bbc_coherence", 35434, {"coherent": 17717, "incoherent": 17717}),
        ("bbc_news", 2225, {"business": 510, "entertainment": 386, "politics": 417, "sports": 511, "tech": 401}),
    ],
)
def test_every_text_of_a_corpus_is_read_with_its_label(name: str, num_texts: int, counts: dict[str, int]) -> None:
    data = compose(["task=sequence_classification", f"data={name}"])["data"]
    path = instantiate(data["source"]).locate(data["train"])
    texts = list(instantiate(data["format"]).read(path, Counter()))
    assert len(texts) == num_texts
    assert Counter(text.label for text in texts) == counts
