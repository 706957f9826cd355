"""Behaviour of scoring: every prediction with its loss, the errors of both splits, and legal tags where asked for."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

Run = Callable[..., tuple[int, str, str]]
SPLITS = {"validation": "val", "test": "test"}


def predictions(folder: Path, split: str) -> list[dict[str, list[str]]]:
    """Returns the rows of a predictions file, one a sentence."""
    return pq.read_table(folder / "predictions" / f"{split}.parquet").to_pylist()


def is_legal(tags: list[str]) -> bool:
    """Says what IOB2 allows in one sentence, word by word."""
    before = ["O", *tags[:-1]]
    return all(not tag.startswith("I-") or old in (tag, f"B-{tag[2:]}") for old, tag in zip(before, tags, strict=True))


@pytest.mark.parametrize("split", SPLITS)
def test_every_word_has_a_prediction_its_probability_and_its_loss(finished_run: Path, split: str) -> None:
    rows = predictions(finished_run, split)
    assert [row["id"] for row in rows] == list(range(20))
    for row in rows:
        assert {len(row[name]) for name in ("words", "gold", "prediction", "score", "loss")} == {len(row["words"])}
        assert all(0 < score <= 1 for score in row["score"])
        for gold, predicted, score, loss in zip(row["gold"], row["prediction"], row["score"], row["loss"], strict=True):
            if gold == predicted:
                assert np.exp(-float(loss)) == pytest.approx(float(score), abs=1e-5)
            else:
                assert np.exp(-float(loss)) <= float(score)
    metrics = json.loads((finished_run / "metrics.json").read_text())
    losses = [loss for row in rows for loss in row["loss"]]
    assert np.mean(losses) == pytest.approx(metrics[f"{SPLITS[split]}/loss"], abs=1e-6)


@pytest.mark.parametrize("split", SPLITS)
def test_errors_of_both_splits_agree_with_predictions_and_metrics(finished_run: Path, split: str) -> None:
    everything = json.loads((finished_run / "errors.json").read_text())
    assert list(everything) == list(SPLITS)
    errors = everything[split]
    assert errors.keys() == {"confusion", "boundaries", "seen", "hardest"}
    rows = predictions(finished_run, split)
    losses = sorted((loss for row in rows for loss in row["loss"]), reverse=True)
    assert [item["loss"] for item in errors["hardest"]] == losses[:20]
    for item in errors["hardest"]:
        assert item["sentence"] in [row["words"] for row in rows]
    num_gold = sum(tag.startswith("B-") for row in rows for tag in row["gold"])
    found = sum(n for gold, row in errors["confusion"].items() if gold != "-" for n in row.values())
    assert found + sum(errors["boundaries"].values()) == num_gold
    assert sum(part["gold"] for part in errors["seen"].values()) == num_gold
    correct = sum(part["correct"] for part in errors["seen"].values())
    metrics = json.loads((finished_run / "metrics.json").read_text())
    assert correct / num_gold == pytest.approx(metrics[f"{SPLITS[split]}/recall_conlleval"])


@pytest.mark.parametrize("pooling", ["mean", pytest.param("all", marks=pytest.mark.slow)])
def test_a_run_with_other_pooling_trains_and_predicts_legal_tags_only(
    clozelab: Run, overrides: list[str], tmp_path: Path, pooling: str
) -> None:
    more = [f"task.pooling={pooling}", "task.decoding=viterbi", "optimizer.lr=5e-3", "trainer.max_epochs=8"]
    code, out, err = clozelab("train", *overrides, *more)
    assert code == 0, err
    assert "f1_conlleval" in out
    (run,) = (tmp_path / "outputs").glob("*/*/seed-*")
    tags = [row["prediction"] for split in SPLITS for row in predictions(run, split)]
    assert all(map(is_legal, tags))
    assert any(tag != "O" for sentence in tags for tag in sentence)
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["val/f1_conlleval"] == metrics["val/f1_strict"], "legal tags are read alike in both modes"
    assert "A pipeline of transformers does not" in (run / "model" / "README.md").read_text()


def test_argmax_may_predict_what_iob2_does_not_allow(finished_run: Path) -> None:
    assert not all(is_legal(row["prediction"]) for split in SPLITS for row in predictions(finished_run, split))


def test_a_word_that_was_not_scored_is_an_error(
    clozelab: Run, overrides: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from clozelab.data.words import Words

    monkeypatch.setattr(Words, "num_targets", lambda self, split: 1000)
    code, _, err = clozelab("train", *overrides, "trainer.max_epochs=1")
    assert code == 2
    assert "validation: 181 words scored of 1000 in the file" in err


def test_a_token_that_a_tokenizer_does_not_have_is_predicted_without_a_name(tmp_path: Path) -> None:
    """Some models have more outputs than their tokenizer has tokens."""
    from types import SimpleNamespace
    from typing import Any

    import numpy as np
    import pyarrow.parquet as pq

    from clozelab.scoring import write_predictions
    from clozelab.types import Scored

    numbers = np.array([0, 0])
    scored = Scored(numbers, np.array([1, 2]), np.array([0, 1]), np.array([1, 7]), numbers, numbers)  # type: ignore[arg-type]
    data: Any = SimpleNamespace(kind="documents", target_names=lambda: ["a", "b"], spec=SimpleNamespace(numbers=False))
    write_predictions(tmp_path / "test.parquet", scored, data, "test")
    (row,) = pq.read_table(tmp_path / "test.parquet").to_pylist()
    assert (row["gold"], row["prediction"]) == (["a", "b"], ["b", ""])
