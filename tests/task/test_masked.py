"""Masked tokens: what is computed for them, and how they are scored."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import BertConfig, BertForMaskedLM, BertForPreTraining

from clozelab.model.build import split
from clozelab.task.masked import masked_metrics
from clozelab.task.pretraining import Pretraining
from clozelab.types import Batch, DataSpec, Scored

Run = Callable[..., tuple[int, str, str]]
VOCABULARY, LENGTH, ROWS, TARGETS = 211, 48, 4, 12
SIZES: dict[str, Any] = {
    "vocab_size": VOCABULARY, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
    "intermediate_size": 64, "max_position_embeddings": 64,
}  # fmt: skip


class Shapes(TorchDispatchMode):
    """Notes the shape of every tensor that any operation makes, those of the backward pass included."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[tuple[int, ...]] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        made = result if isinstance(result, tuple | list) else [result]
        self.seen |= {tuple(item.shape) for item in made if isinstance(item, torch.Tensor)}
        return result


def batch() -> Batch:
    draw = torch.Generator().manual_seed(0)
    ids = torch.randint(5, VOCABULARY, (ROWS, LENGTH), generator=draw)
    places = torch.arange(LENGTH).expand(ROWS, LENGTH).contiguous()
    numbers = torch.arange(ROWS)
    targets = torch.randperm(ROWS * LENGTH, generator=draw)[:TARGETS].sort().values
    return Batch(
        input_ids=ids, token_type_ids=torch.zeros_like(ids), position_ids=places, sequence_ids=torch.zeros_like(ids),
        first_token=torch.stack([numbers, torch.zeros_like(numbers)], 1), example_ids=numbers,
        target_positions=targets, target_lengths=torch.ones_like(targets), targets=ids.flatten()[targets],
        target_ids=torch.zeros(TARGETS, 2, dtype=torch.long), next_sentence=torch.tensor([0, 1, 0, 1]),
        num_step_targets=TARGETS, num_step_examples=ROWS, num_tokens=ROWS * LENGTH,
    )  # fmt: skip


def made(model: Any, *, next_sentence: bool) -> tuple[Pretraining, Any]:
    encoder, head = split(model, max_length=64, attention="bidirectional")
    task = Pretraining()
    task.spec = DataSpec(
        kind="documents", labels=(), num_examples={}, pad_token_id=0, class_counts=(1,) * VOCABULARY,
        next_sentence=next_sentence,
    )  # fmt: skip
    task.model = model
    task._views = (encoder, head)
    return task, encoder


@pytest.mark.parametrize("architecture", [BertForMaskedLM, BertForPreTraining])
def test_the_decoder_sees_the_selected_places_only(architecture: type) -> None:
    torch.manual_seed(0)
    task, encoder = made(architecture(BertConfig(**SIZES)), next_sentence=architecture is BertForPreTraining)
    batch_ = batch()
    with Shapes() as shapes:
        sum(task.losses(encoder(batch_), batch_).values()).backward()
    by_word = {shape for shape in shapes.seen if VOCABULARY in shape}
    assert (TARGETS, VOCABULARY) in {shape[-2:] for shape in by_word}, "logits were made, and seen"
    assert all(math.prod(shape) <= max(TARGETS, 32) * VOCABULARY for shape in by_word), by_word


def test_the_loss_is_that_of_the_whole_model_at_the_selected_places() -> None:
    torch.manual_seed(0)
    model = BertForPreTraining(BertConfig(**SIZES, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0))
    task, encoder = made(model, next_sentence=True)
    batch_ = batch()
    losses = task.losses(encoder(batch_), batch_)
    labels = torch.full_like(batch_.input_ids, -100)
    labels.view(-1)[batch_.target_positions] = batch_.targets
    reference = model(
        input_ids=batch_.input_ids, token_type_ids=batch_.token_type_ids, labels=labels,
        next_sentence_label=batch_.next_sentence,
    )  # fmt: skip
    torch.testing.assert_close(sum(losses.values()), reference.loss)


def test_the_decoder_is_tied_to_the_embeddings_and_both_gradients_meet_there() -> None:
    torch.manual_seed(0)
    model = BertForMaskedLM(BertConfig(**SIZES))
    task, encoder = made(model, next_sentence=False)
    batch_ = batch()
    sum(task.losses(encoder(batch_), batch_).values()).backward()
    embeddings = model.bert.embeddings.word_embeddings.weight
    assert model.cls.predictions.decoder.weight is embeddings
    unread = sorted(set(range(VOCABULARY)) - set(batch_.input_ids.flatten().tolist()))
    assert unread, "words that the encoder never read"
    assert (embeddings.grad[unread].abs().sum(1) > 0).all(), "learn from the decoder"


def test_scores_are_perplexity_and_accuracy_beside_those_of_the_unigram_distribution() -> None:
    gold, predicted = np.array([1, 1, 2, 3]), np.array([1, 2, 2, 1])
    loss = np.log(np.array([2.0, 4.0, 4.0, 8.0], dtype=np.float32))
    nothing = np.zeros(4)
    scored = Scored(nothing, nothing, gold, predicted, nothing, loss)  # type: ignore[arg-type]
    found = masked_metrics(scored, [0, 7, 3, 0])
    share = {1: 8 / 14, 2: 4 / 14, 3: 1 / 14}
    expected = math.exp(-sum(math.log(share[word]) for word in gold.tolist()) / 4)
    assert found == {
        "perplexity": pytest.approx(256 ** (1 / 4), rel=1e-6), "masked_accuracy": 0.5,
        "unigram_perplexity": pytest.approx(expected), "unigram_accuracy": 0.5,
    }  # fmt: skip


def test_a_perplexity_beyond_floats_is_infinite() -> None:
    nothing = np.zeros(1)
    scored = Scored(nothing, nothing, np.array([0]), np.array([0]), nothing, np.array([800.0]))  # type: ignore[arg-type]
    assert masked_metrics(scored, [1])["perplexity"] == math.inf


def test_predictions_are_the_likeliest_tokens_and_their_probabilities(
    clozelab: Run, corpus: list[str], tmp_path: Path
) -> None:
    import pyarrow.parquet as pq

    assert clozelab("train", "task=pretraining", *corpus)[0] == 0
    (folder,) = (tmp_path / "outputs").glob("*/*/seed-*")
    rows = pq.read_table(folder / "predictions/test.parquet").to_pylist()
    assert rows
    for row in rows:
        assert len(row["positions"]) == len(row["gold"]) == len(row["prediction"]) == len(row["score"])
        assert row["positions"] == sorted(row["positions"])
        for gold, prediction, score, loss in zip(
            row["gold"], row["prediction"], row["score"], row["loss"], strict=True
        ):
            right = math.isclose(score, math.exp(-loss), rel_tol=1e-4)
            assert right if gold == prediction else score >= math.exp(-loss) * (1 - 1e-4)
            assert gold not in ("[CLS]", "[SEP]", "[PAD]", "[MASK]")
