"""Labels and numbers for texts and pairs, from the command line to a plain model."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch
from torch import nn
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from clozelab.errors import ConfigError
from clozelab.task.sequence_classification import SequenceClassification
from clozelab.types import DataSpec

Run = Callable[..., tuple[int, str, str]]
SPEC = DataSpec(kind="texts", labels=("a", "b"), num_examples={}, pad_token_id=0, class_counts=(30, 10))


def made(spec: DataSpec = SPEC, **options: Any) -> SequenceClassification:
    task = SequenceClassification(**options)
    task.spec = spec
    task.model = nn.Identity()
    task._views = (None, nn.Sequential(nn.Flatten(1), nn.Linear(4, len(spec.labels))))
    return task


def batch(targets: torch.Tensor) -> Any:
    fields = {"targets": targets, "target_positions": torch.tensor([0, 3]), "target_lengths": torch.tensor([3, 2])}
    return type("Batch", (), fields)()


def test_a_text_is_its_first_token_or_the_mean_of_all() -> None:
    hidden = torch.randn(1, 5, 4)
    for pooling, texts in (
        ("first", hidden[0, [0, 3]]),
        ("mean", torch.stack([hidden[0, :3].mean(0), hidden[0, 3:].mean(0)])),
    ):
        task = made(pooling=pooling)
        expected = task.layers(texts.unsqueeze(1)).log_softmax(-1)
        torch.testing.assert_close(task.head(hidden, batch(torch.tensor([0, 1]))), expected)


def test_balanced_weights_make_every_label_count_the_same_in_training_only() -> None:
    outputs, targets = torch.full((2, 2), 0.5).log(), torch.tensor([0, 1])
    task = made(class_weights="balanced")
    loss = task.loss(outputs, batch(targets))
    assert (loss[0] * 30).item() == pytest.approx((loss[1] * 10).item())
    assert (loss[0] * 30 + loss[1] * 10).item() / 40 == pytest.approx(-outputs[0, 0].item()), "the mean weight is 1"
    task.model.eval()
    assert torch.equal(task.loss(outputs, batch(targets)), made().loss(outputs, batch(targets)))


def test_numbers_are_learned_by_squared_error_and_scored_by_correlation() -> None:
    spec = DataSpec(kind="texts", labels=("value",), num_examples={}, pad_token_id=0, numbers=True)
    task = made(spec)
    outputs = torch.tensor([[1.0], [4.0]])
    assert task.loss(outputs, batch(torch.tensor([3.0, 4.0]))).tolist() == [4.0, 0.0]
    assert task.decode(outputs.numpy(), None).tolist() == [1.0, 4.0]  # type: ignore[arg-type]
    assert task.default_selection() == "val/pearson"
    assert {"val/pearson", "val/spearman", "val/mse"} <= set(task.metric_names())


def test_one_label_is_refused() -> None:
    with pytest.raises(ConfigError, match="every text has the label 'a'"):
        made(DataSpec(kind="texts", labels=("a",), num_examples={}, pad_token_id=0)).default_selection()


@pytest.mark.parametrize("options", [{"pooling": "last"}, {"class_weights": "sqrt"}, {"selection": "accuracy"}])
def test_wrong_values_are_refused(options: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=next(iter(options))):
        SequenceClassification(**options)  # type: ignore[arg-type]


@pytest.fixture
def command(tiny_model: Path, tmp_path: Path) -> list[str]:
    rows = [
        f"{'new river' if i % 3 else 'old game'} x{i % 40}\tsaw {i}\t{'yes' if i % 3 else 'no'}\t{(i % 3) / 2}"
        for i in range(90)
    ]
    (tmp_path / "a.tsv").write_text("\n".join(["text\ttext_pair\tlabel\tscore", *rows]))
    return [
        "train", "task=sequence_classification", "data=text_files", f"data.train={tmp_path / 'a.tsv'}", "model=hub",
        f"model.path={tiny_model}", "data.batch_size=8", "trainer.max_epochs=8", "optimizer.lr=3e-3", "logger=none",
        "trainer.precision=32-true", f"output_dir={tmp_path / 'out'}", "num_threads=1",
        "callbacks.progress.enabled=false",
    ]  # fmt: skip


def only_run(folder: Path) -> Path:
    (run,) = folder.glob("out/*/*/seed-42")
    return run


@pytest.mark.parametrize("pair", [True, False])
def test_a_run_learns_and_its_model_is_a_plain_one_with_the_same_answers(
    pair: bool, clozelab: Run, command: list[str], tmp_path: Path
) -> None:
    code, out, err = clozelab(*command, *([] if pair else ["data.format.pair=''"]))
    assert code == 0, err
    run = only_run(tmp_path)
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["test/accuracy"] > 0.9
    assert "f1/yes" in out
    table = pq.read_table(run / "predictions" / "test.parquet").to_pydict()
    assert ("text_pair" in table) == pair
    model = AutoModelForSequenceClassification.from_pretrained(str(run / "model")).eval()
    tokenizer = AutoTokenizer.from_pretrained(str(run / "model"))
    for i, text in enumerate(table["text"]):
        encoded = tokenizer(text, *([table["text_pair"][i]] if pair else []), return_tensors="pt")
        with torch.no_grad():
            probabilities = model(**encoded).logits[0].softmax(-1)
        assert model.config.id2label[int(probabilities.argmax())] == table["prediction"][i]
        assert float(probabilities.max()) == pytest.approx(table["score"][i], abs=1e-4)
    assert "text-classification" in (run / "model" / "README.md").read_text()
    errors = json.loads((run / "errors.json").read_text())
    assert sum(sum(row.values()) for row in errors["test"]["confusion"].values()) == len(table["text"])


def test_a_score_is_predicted_as_a_number(clozelab: Run, command: list[str], tmp_path: Path) -> None:
    code, out, err = clozelab(*command, "data.format.label=score", "data.format.numbers=true")
    assert code == 0, err
    assert "pearson" in out
    run = only_run(tmp_path)
    table = pq.read_table(run / "predictions" / "test.parquet").to_pydict()
    assert set(table["gold"]) <= {0.0, 0.5, 1.0}
    assert set(table["score"]) == {None}
    model = AutoModelForSequenceClassification.from_pretrained(str(run / "model")).eval()
    tokenizer = AutoTokenizer.from_pretrained(str(run / "model"))
    with torch.no_grad():
        encoded = tokenizer(table["text"][0], table["text_pair"][0], return_tensors="pt")
        assert float(model(**encoded).logits) == pytest.approx(table["prediction"][0], abs=1e-3)


@pytest.mark.parametrize(
    ("task", "data"), [("token_classification", "text_files"), ("sequence_classification", "files")]
)
def test_data_of_another_kind_is_refused_and_nothing_is_left(
    task: str, data: str, clozelab: Run, command: list[str], conll_files: dict[str, Path], tmp_path: Path
) -> None:
    words = [f"data.{split}={path}" for split, path in conll_files.items()] if data == "files" else []
    code, _, err = clozelab(*command, f"task={task}", f"data={data}", *words)
    assert code == 2
    assert "carry labels" in err
    assert not list(tmp_path.glob("out/*/*"))


def test_evaluate_gives_the_runs_own_metrics(clozelab: Run, command: list[str], tmp_path: Path) -> None:
    assert clozelab(*command)[0] == 0
    run = only_run(tmp_path)
    code, out, err = clozelab("evaluate", str(run), "task.class_weights=none", "--errors")
    assert code == 0, err
    assert "confusion" in out
    (folder,) = (run / "evaluations").iterdir()
    assert json.loads((folder / "metrics.json").read_text()) == json.loads((run / "metrics.json").read_text())
