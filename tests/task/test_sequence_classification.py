"""Labels and numbers for texts and pairs, from the command line to a plain model."""

import json
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
    BertConfig,
    BertForSequenceClassification,
)

from clozelab.errors import ConfigError
from clozelab.model.encoder import Encoder
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


def test_what_stands_for_a_text_must_have_seen_it() -> None:
    for pooling, refused in (("first", True), ("mean", False)):
        task = made(pooling=pooling)
        task._views = (Encoder(base=nn.Identity(), packable=True, position_offset=0, causal=True), task.layers)
        with pytest.raises(ConfigError, match=r"task.pooling=mean reads all of them") if refused else nullcontext():
            task.check_fit()


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


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"labels": ("a",), "class_counts": (40,)}, "every training text has the label 'a'"),
        ({"class_counts": (0, 40)}, "every training text has the label 'b'.*data.limit takes the first"),
        ({"labels": ("value",), "class_counts": (), "numbers": True}, "class_weights='balanced': these data have num"),
    ],
)
def test_what_cannot_be_learnt_or_weighed_is_refused(spec: dict[str, Any], reason: str) -> None:
    task = SequenceClassification(selection="val/mcc", class_weights="balanced")
    model = BertForSequenceClassification(BertConfig(**SIZES))
    with pytest.raises(ConfigError, match=reason):
        task.accept(spec=replace(SPEC, **spec), model=model)


@pytest.mark.parametrize(
    "options", [{"pooling": "last"}, {"head": "own"}, {"class_weights": "sqrt"}, {"selection": "accuracy"}]
)
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
    (run,) = folder.glob("out/*/*/seed-*")
    return run


@pytest.mark.parametrize("pair", [True, pytest.param(False, marks=pytest.mark.slow)])
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
    code, out, err = clozelab(*command, "data.format.label=score", "data.format.numbers=true", "trainer.max_epochs=1")
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
    assert "learns from" in err
    assert "data that serve" in err
    assert not list(tmp_path.glob("out/*/*"))


def test_evaluate_gives_the_runs_own_metrics(clozelab: Run, command: list[str], tmp_path: Path) -> None:
    assert clozelab(*command, "trainer.max_epochs=1")[0] == 0
    run = only_run(tmp_path)
    code, out, err = clozelab("evaluate", str(run), "task.class_weights=none", "--errors")
    assert code == 0, err
    assert "confusion" in out
    (folder,) = (run / "evaluations").iterdir()
    assert json.loads((folder / "metrics.json").read_text()) == json.loads((run / "metrics.json").read_text())


SIZES = {"vocab_size": 30, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
KINDS = ["bert", "electra", "distilbert", "roberta", "albert", "mpnet", "deberta-v2", "modernbert"]


@pytest.mark.parametrize("kind", KINDS)
def test_own_heads_have_a_hidden_layer_and_heads_for_tokens_are_linear(kind: str) -> None:
    sizes = {"dim": 32, "n_heads": 2, "hidden_dim": 64, "vocab_size": 30} if kind == "distilbert" else SIZES
    config = AutoConfig.for_model(kind, **sizes, num_labels=2, pad_token_id=0)
    own = AutoModelForSequenceClassification.from_config(config)
    tokens = AutoModelForTokenClassification.from_config(config)
    made(head="auto").check_model(own)
    made(head="mlp").check_model(own)
    with pytest.raises(ConfigError, match=r"task.head='linear': the head of .* has a hidden layer"):
        made(head="linear").check_model(own if kind != "modernbert" else tokens)
    if kind != "modernbert":
        made(head="linear").check_model(tokens)
        with pytest.raises(ConfigError, match=r"task.head='mlp': the head of .* has no hidden layer"):
            made(head="mlp").check_model(tokens)


def test_dropout_of_a_linear_head_follows_the_mode_and_gradients_reach_weights_and_states() -> None:
    from clozelab.model.head import Head

    config = AutoConfig.for_model("bert", **SIZES, num_labels=2, hidden_dropout_prob=0.5)
    model = AutoModelForTokenClassification.from_config(config).train()
    task = made(head="linear")
    task.model, task._views = model, (None, Head(model=model))
    hidden = torch.randn(1, 5, 32, requires_grad=True)
    whole = batch(torch.tensor([0, 1]))
    assert not torch.equal(task.head(hidden, whole), task.head(hidden, whole))
    model.eval()
    expected = functional.linear(hidden[0, [0, 3]], model.classifier.weight, model.classifier.bias).log_softmax(-1)
    torch.testing.assert_close(task.head(hidden, whole), expected)
    task.loss(task.head(hidden, whole), whole).sum().backward()
    assert hidden.grad is not None
    assert hidden.grad[0].abs().sum(-1).gt(0).tolist() == [True, False, False, True, False]
    assert [n for n, p in model.named_parameters() if p.grad is not None] == ["classifier.weight", "classifier.bias"]


def trained(clozelab: Run, command: list[str], folder: Path, *more: str) -> Path:
    """Returns the directory of a run with a linear head, unless `more` says otherwise."""
    code, _, err = clozelab(*command, "task.head=linear", *more, f"output_dir={folder / 'out'}")
    assert code == 0, err
    return only_run(folder)


@pytest.mark.parametrize("pooling", ["first", pytest.param("mean", marks=pytest.mark.slow)])
def test_a_linear_head_is_logistic_regression_on_what_stands_for_a_text(
    pooling: str, clozelab: Run, command: list[str], tmp_path: Path
) -> None:
    run = trained(clozelab, command, tmp_path, f"task.pooling={pooling}", "trainer.max_epochs=2")
    encoder, tokenizer = (auto.from_pretrained(run / "model") for auto in (AutoModel, AutoTokenizer))
    plain = AutoModelForTokenClassification.from_pretrained(run / "model")
    weights = load_file(run / "model" / "model.safetensors")
    table = pq.read_table(run / "predictions" / "test.parquet").to_pydict()
    for text, pair, label, score in zip(*(table[k] for k in ("text", "text_pair", "prediction", "score")), strict=True):
        encoded = tokenizer(text, pair, return_tensors="pt")
        with torch.no_grad():
            states = encoder(**encoded).last_hidden_state[0]
            logits = plain(**encoded).logits[0]
        state, answer = (x[0] if pooling == "first" else x.mean(0) for x in (states, logits))
        by_hand = (weights["classifier.weight"] @ state + weights["classifier.bias"]).softmax(0)
        assert float(by_hand.max()) == pytest.approx(score, abs=1e-4)
        assert plain.config.id2label[int(by_hand.argmax())] == label
        torch.testing.assert_close(answer.softmax(0), by_hand, atol=1e-5, rtol=1e-4)
    card = (run / "model" / "README.md").read_text()
    assert "AutoModelForTokenClassification" in card
    assert "The head is linear" in card


@pytest.mark.slow
def test_what_the_model_card_says_can_be_typed(
    clozelab: Run, command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, options in enumerate(
        [["task.head=linear"], ["task.head=linear", "task.pooling=mean"], ["task.head=mlp"]]
    ):
        run = trained(clozelab, command, tmp_path / str(number), *options, "trainer.max_epochs=1")
        code = (run / "model" / "README.md").read_text().split("```python")[1].split("```")[0]
        monkeypatch.chdir(run)
        head, _, last = code.strip().rpartition("\n")
        names: dict[str, Any] = {}
        exec(head, names)
        answer = eval(last, names)
        shape = tuple(answer.shape) if options[0] == "task.head=linear" else (1, len(answer) + 1)
        assert shape == (1, 2)


def test_of_a_frozen_encoder_only_the_linear_layer_learns(
    clozelab: Run, command: list[str], tiny_model: Path, tmp_path: Path
) -> None:
    run = trained(clozelab, command, tmp_path, "model.freeze=all", "trainer.max_epochs=2")
    parameters = json.loads((run / "run.json").read_text())["parameters"]
    assert parameters["trainable"] == 2 * 32 + 2
    assert parameters["parts"]["head"] == {"trainable": 66, "frozen": 0}
    before, after = load_file(tiny_model / "model.safetensors"), load_file(run / "model" / "model.safetensors")
    assert set(after) == {f"bert.{name}" for name in before if "pooler" not in name} | {
        "classifier.weight", "classifier.bias"
    }  # fmt: skip
    assert all(torch.equal(after[f"bert.{name}"], value) for name, value in before.items() if "pooler" not in name)


@pytest.mark.slow
def test_the_weights_a_linear_head_begins_with_depend_on_the_seed_alone(
    clozelab: Run, command: list[str], tmp_path: Path
) -> None:
    found = []
    still = ["optimizer.lr=1e-20", "trainer.max_epochs=1"]
    for number, more in enumerate([[], ["data.batch_size=4", "data.limit=9", "model.freeze=1"], ["seed=7"]]):
        run = trained(clozelab, command, tmp_path / str(number), *still, *more)
        found.append(load_file(run / "model" / "model.safetensors")["classifier.weight"])
    assert torch.equal(found[0], found[1])
    assert found[0].std() > 0.01
    assert not torch.equal(found[0], found[2])


@pytest.mark.slow
def test_a_run_with_a_linear_head_that_dies_continues_to_the_same_bits_and_is_scored_anew(
    clozelab: Run, command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ["trainer.max_epochs=2", "callbacks.checkpoint.every_n_steps=3"]
    whole = trained(clozelab, command, tmp_path / "whole", *options)

    def die(self: SequenceClassification, batch: Any, batch_idx: int) -> None:
        if self.global_step == 7:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(SequenceClassification, "on_train_batch_start", die, raising=False)
        assert clozelab(*command, "task.head=linear", *options, f"output_dir={tmp_path / 'killed' / 'out'}")[0] != 0
    run = trained(clozelab, command, tmp_path / "killed", *options)
    assert json.loads((run / "run.json").read_text())["resumed_from_step"] == 6
    first, second = (load_file(folder / "model" / "model.safetensors") for folder in (whole, run))
    assert all(torch.equal(first[name], second[name]) for name in first)
    code, _, err = clozelab("evaluate", str(run), "task.head=auto")
    assert (code, "task.head: cannot be set for a finished run" in err) == (2, True), (
        "it would be one of random weights"
    )
    assert clozelab("evaluate", str(run), "data.eval_batch_size=16")[0] == 0
    (again,) = run.glob("evaluations/*/metrics.json")
    then, now = json.loads((run / "metrics.json").read_text()), json.loads(again.read_text())
    assert now == {name: pytest.approx(value) for name, value in then.items()}


def test_a_score_is_predicted_by_linear_regression(clozelab: Run, command: list[str], tmp_path: Path) -> None:
    more = ["data.format.label=score", "data.format.numbers=true", "trainer.max_epochs=1"]
    run = trained(clozelab, command, tmp_path, *more)
    table = pq.read_table(run / "predictions" / "test.parquet").to_pydict()
    model, tokenizer = (a.from_pretrained(run / "model") for a in (AutoModelForTokenClassification, AutoTokenizer))
    with torch.no_grad():
        encoded = tokenizer(table["text"][0], table["text_pair"][0], return_tensors="pt")
        assert float(model(**encoded).logits[0, 0]) == pytest.approx(table["prediction"][0], abs=1e-3)
