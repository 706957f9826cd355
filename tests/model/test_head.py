"""A model's own head as a view: its parameters, its training mode, its gradients, and no state kept."""

import torch
from transformers import (
    AlbertConfig,
    AlbertForSequenceClassification,
    BertConfig,
    BertForPreTraining,
    BertForSequenceClassification,
)

from clozelab.model.head import Head

SIZES = {"vocab_size": 50, "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}


def model(dropout: float = 0.0) -> BertForSequenceClassification:
    torch.manual_seed(0)
    return BertForSequenceClassification(BertConfig(**SIZES, num_labels=3, hidden_dropout_prob=dropout))


def test_the_model_keeps_its_encoder_and_its_parameters() -> None:
    whole = model()
    names = [name for name, _ in whole.named_parameters()]
    head = Head(model=whole)
    assert [name for name, _ in whole.named_parameters()] == names
    assert whole.bert is not head.view.bert
    ids = {id(p) for p in whole.parameters()}
    assert {id(p) for p in head.parameters()} == {
        id(p) for n, p in whole.named_parameters() if "encoder" not in n and "embed" not in n
    }
    assert {id(p) for p in head.parameters()} < ids


def test_gradients_reach_states_pooler_and_classifier() -> None:
    whole = model()
    states = torch.randn(4, 1, 32, requires_grad=True)
    Head(model=whole)(states).sum().backward()
    assert states.grad is not None
    assert whole.classifier.weight.grad is not None
    assert whole.bert.pooler.dense.weight.grad is not None


def test_dropout_follows_the_mode_of_the_model() -> None:
    whole = model(dropout=0.5)
    head, states = Head(model=whole), torch.randn(4, 1, 32)
    assert torch.equal(head(states), head(states)) is False
    whole.eval()
    assert torch.equal(head(states), head(states))


def test_of_no_place_there_is_no_logit_but_a_gradient_of_nothing() -> None:
    """A small batch of documents may have no token to predict."""
    head = Head(model=BertForPreTraining(BertConfig(**SIZES)))
    states = torch.zeros(1, 0, 32, requires_grad=True)
    logits = head(states)
    assert logits.shape == (1, 0, 50)
    logits.sum().backward()
    assert head.next_sentence(torch.zeros(3, 1, 32)).shape == (3, 2)


def test_no_states_are_kept() -> None:
    head = Head(model=model())
    head(torch.randn(2, 1, 32))
    assert not hasattr(head._stand_in, "states")


def test_a_pooler_that_is_a_bare_layer_gets_its_activation() -> None:
    whole = AlbertForSequenceClassification(AlbertConfig(**SIZES, embedding_size=16, num_labels=2)).eval()
    ids = torch.tensor([[5, 6, 7]])
    states = whole.albert(input_ids=ids).last_hidden_state
    torch.testing.assert_close(Head(model=whole)(states[:, :1]), whole(input_ids=ids).logits)
