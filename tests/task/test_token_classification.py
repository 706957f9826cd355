"""The objective: what is trained, what is scored, and by which metric weights are selected."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from clozelab.errors import ConfigError
from clozelab.task.token_classification import TokenClassification
from clozelab.types import Batch, DataSpec, Scored


def task_with(labels: tuple[str, ...], **options: str) -> TokenClassification:
    task = TokenClassification(**options)  # type: ignore[arg-type]
    task.spec = DataSpec(kind="words", labels=labels, num_examples={}, pad_token_id=0)
    return task


def scored(gold: list[int], predicted: list[int], sentence: list[int]) -> Scored:
    zeros = np.zeros(len(gold), dtype=np.float32)
    words = np.arange(len(gold))
    return Scored(np.array(sentence), words, np.array(gold), np.array(predicted), zeros, zeros)


def test_entities_are_scored_in_both_named_modes() -> None:
    task = task_with(("B-PER", "I-PER", "O"))
    metrics = task.metrics(scored([0, 1, 2, 1], [0, 1, 2, 1], [0, 0, 0, 0]))
    assert metrics["f1_conlleval"] == 1.0
    assert metrics["recall_strict"] == 1.0
    assert metrics["f1_conlleval/PER"] == 1.0
    assert "f1" not in metrics, "a mode is always named"


def test_plain_tags_are_scored_by_accuracy_and_macro_f1() -> None:
    task = task_with(("DT", "NN", "VB"))
    metrics = task.metrics(scored([0, 1, 2, 2], [0, 1, 1, 2], [0, 0, 1, 1]))
    assert metrics == {"accuracy": 0.75, "macro_f1": pytest.approx((1 + 2 / 3 + 2 / 3) / 3)}
    assert task.default_selection() == "val/accuracy"


def test_iob_tags_can_be_scored_as_plain_tags() -> None:
    assert not task_with(("B-NP", "I-NP", "O"), scoring="tags").scores_entities
    assert task_with(("B-NP", "I-NP", "O")).default_selection() == "val/f1_conlleval"


def test_the_cross_check_notices_a_wrong_score() -> None:
    task = task_with(("B-PER", "I-PER", "O"))
    split = scored([0, 1, 2], [0, 2, 2], [0, 0, 0])
    metrics = task.metrics(split)
    task.cross_check(split, metrics)
    with pytest.raises(AssertionError, match="f1_strict"):
        task.cross_check(split, {**metrics, "f1_strict": 0.9})


def test_the_loss_is_cross_entropy_of_each_target() -> None:
    logits = torch.randn(5, 3)
    batch = type("Batch", (), {"targets": torch.tensor([0, 1, 2, 0, 1])})()
    loss = TokenClassification().loss(logits.log_softmax(-1), batch)
    expected = torch.nn.functional.cross_entropy(logits, batch.targets, reduction="none")
    torch.testing.assert_close(loss, expected)


@pytest.mark.parametrize(
    "options",
    [
        {"scoring": "words"},
        {"selection": "test/f1_conlleval"},
        {"selection": "f1"},
        {"pooling": "max"},
        {"pooling": ""},
        {"pooling": "First"},
        {"decoding": "crf"},
        {"decoding": "Viterbi"},
    ],
)
def test_wrong_values_are_refused(options: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=next(iter(options))):
        TokenClassification(**options)  # type: ignore[arg-type]


# Two rows of ten places; places that belong to no word (0, 4, 9, ...) must never be read.
WORDS = ((1, 3), (5, 1), (6, 2), (11, 1), (12, 4), (17, 2))
POOLINGS = ("first", "mean", "all")


def batch_of(words: tuple[tuple[int, int], ...]) -> Batch:
    """Returns a batch of words, each (place of its first piece in the flattened rows, number of its pieces)."""
    zeros = torch.zeros(2, 10, dtype=torch.long)
    positions, lengths = (torch.tensor([word[i] for word in words], dtype=torch.long) for i in (0, 1))
    count = len(words)
    return Batch(
        input_ids=zeros, token_type_ids=zeros, position_ids=zeros, sequence_ids=zeros,
        first_token=torch.tensor([[0, 0], [1, 0]]), example_ids=torch.arange(2), target_positions=positions,
        target_lengths=lengths, targets=torch.arange(count) % 3,
        target_ids=torch.stack([torch.zeros(count, dtype=torch.long), torch.arange(count)], 1),
        next_sentence=torch.empty(0, dtype=torch.long), num_step_targets=count, num_step_examples=2, num_tokens=20,
    )  # fmt: skip


def task_with_head(pooling: str) -> TokenClassification:
    task = task_with(("B-PER", "I-PER", "O"), pooling=pooling)
    torch.manual_seed(1)
    task._views = (None, nn.Linear(8, 3))  # type: ignore[assignment]
    return task


def hidden_states() -> Tensor:
    return torch.randn(2, 10, 8, generator=torch.Generator().manual_seed(2), requires_grad=True)


def by_hand(pooling: str, layer: nn.Module, hidden: Tensor) -> Tensor:
    """Returns the log-probabilities word by word."""
    rows = []
    for first, length in WORDS:
        pieces = [hidden[place // 10, place % 10] for place in range(first, first + length)]
        if pooling == "first":
            rows.append(layer(pieces[0]).log_softmax(-1))
        elif pooling == "mean":
            rows.append(layer(sum(pieces) / length).log_softmax(-1))
        else:
            rows.append(sum(layer(piece).log_softmax(-1) for piece in pieces) / length)
    return torch.stack(rows)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_a_words_log_probabilities_are_those_of_its_own_pieces(pooling: str) -> None:
    task, hidden = task_with_head(pooling), hidden_states()
    found = task.head(hidden, batch_of(WORDS))
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, by_hand(pooling, task.layers, hidden))


@pytest.mark.parametrize("pooling", POOLINGS)
def test_gradients_are_finite_and_reach_the_pieces_that_stand_for_the_word_and_no_others(pooling: str) -> None:
    task, hidden, batch = task_with_head(pooling), hidden_states(), batch_of(WORDS)
    task.loss(task.head(hidden, batch), batch).sum().backward()
    assert hidden.grad is not None
    assert torch.isfinite(hidden.grad).all()
    reached = set(hidden.grad.flatten(0, 1).abs().sum(-1).nonzero().flatten().tolist())
    read = {place for first, length in WORDS for place in range(first, first + (1 if pooling == "first" else length))}
    assert reached == read


def test_with_all_pieces_a_words_loss_is_the_mean_of_its_pieces_cross_entropy() -> None:
    task, hidden, batch = task_with_head("all"), hidden_states(), batch_of(WORDS)
    loss = task.loss(task.head(hidden, batch), batch)
    for number, (first, length) in enumerate(WORDS):
        logits = task.layers(hidden.flatten(0, 1)[first : first + length])
        labels = batch.targets[number].expand(length)
        torch.testing.assert_close(loss[number], nn.functional.cross_entropy(logits, labels))


def test_poolings_are_the_same_for_words_of_one_piece_and_differ_for_others() -> None:
    hidden, one_piece = hidden_states(), tuple((place, 1) for place in (1, 2, 5, 12, 19))
    short = [task_with_head(pooling).head(hidden, batch_of(one_piece)) for pooling in POOLINGS]
    for a, b in pairwise(short):
        torch.testing.assert_close(a, b)
    several = [task_with_head(pooling).head(hidden, batch_of(WORDS)) for pooling in POOLINGS]
    assert all(not torch.allclose(a, b) for a, b in pairwise(several))


@pytest.mark.parametrize("pooling", POOLINGS)
def test_a_batch_without_words_has_no_log_probabilities(pooling: str) -> None:
    assert task_with_head(pooling).head(hidden_states(), batch_of(())).shape == (0, 3)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_hidden_states_of_half_precision_give_log_probabilities_in_float32(pooling: str) -> None:
    task = task_with_head(pooling)
    exact = task.head(hidden_states(), batch_of(WORDS))
    task.layers.bfloat16()
    rounded = task.head(hidden_states().bfloat16(), batch_of(WORDS))
    assert rounded.dtype == torch.float32
    torch.testing.assert_close(rounded, exact, atol=0.1, rtol=0.1)


@pytest.mark.parametrize("scoring", ["auto", "tags"])
def test_viterbi_asked_of_plain_tags_is_refused_by_name(scoring: str) -> None:
    task = task_with(("DT", "NN", "VB"), decoding="viterbi", scoring=scoring)
    with pytest.raises(ConfigError, match=r"task\.decoding='viterbi'.*not IOB2.*DT, NN, VB"):
        task.metric_names()


def test_decoding_takes_the_likeliest_labels_or_the_likeliest_legal_ones() -> None:
    scores = np.log(np.array([[0.3, 0.6, 0.1], [0.1, 0.8, 0.1], [0.1, 0.5, 0.4]], dtype=np.float32))
    starts = np.array([True, False, True])
    labels = ("B-PER", "I-PER", "O")
    assert task_with(labels).decode(scores, starts).tolist() == [1, 1, 1]
    for scoring in ("auto", "tags"):
        task = task_with(labels, decoding="viterbi", scoring=scoring)
        assert task.decode(scores, starts).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("options", "said"),
    [({}, ""), ({"pooling": "mean"}, "mean of the hidden states"), ({"decoding": "viterbi"}, "IOB2 allows")],
)
def test_what_a_pipeline_of_transformers_does_otherwise_is_noted(options: dict[str, str], said: str) -> None:
    note = TokenClassification(**options).note()  # type: ignore[arg-type]
    assert said in note
    assert bool(note) == bool(options)
