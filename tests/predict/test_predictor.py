"""Answers in the order of the questions, whatever stands beside them; fillers, entities and embeddings."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

import clozelab
from clozelab.errors import DataError
from clozelab.predict import predictor as module
from clozelab.predict.item import Item, items_in

Runs = Callable[[str], Path]
Phrases = Callable[[int, int], list[str]]


@pytest.mark.parametrize("kind", ["words", "single", "masks"])
def test_an_answer_does_not_depend_on_what_else_is_asked(
    run_of: Runs, phrases: Phrases, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = clozelab.load(run_of(kind))
    texts = [f"{text} [MASK]" if kind == "masks" else text for text in phrases(5, 40)]
    together = model.predict(texts)
    assert [answer["text"] for answer in together] == texts
    monkeypatch.setattr(module, "WINDOW", 7)
    monkeypatch.setattr(module, "TOKENS", 50)
    for answer, alone in zip(together, model.predict(texts), strict=True):
        flat, expected = (np.array(sorted(numbers(a))) for a in (answer, alone))
        np.testing.assert_allclose(flat, expected, atol=1e-5)


def numbers(value: object) -> list[float]:
    """Returns every number in an answer."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [number for item in value for number in numbers(item)]
    return [float(value)] if isinstance(value, int | float) else []


def test_a_bad_item_is_an_error_in_its_place_and_costs_no_other(run_of: Runs) -> None:
    model = clozelab.load(run_of("masks"))
    asked = items_in(["a [MASK]", "nothing", ("a", "b"), "x " * 60 + "[MASK]", "[MASK] met [MASK]"])
    found = list(model.stream(asked, model.question()))
    errors = [str(one) if isinstance(one, DataError) else "" for one in found]
    assert [error[:7] for error in errors] == ["", "item 2:", "", "item 4:", ""]
    answers = [one[1] for one in found if isinstance(one, tuple)]
    assert [len(answer["masks"]) for answer in answers] == [1, 0, 2]
    assert 0 < answers[1]["is_next"] < 1
    assert "is_next" not in answers[0]
    (alone,) = model.predict([("a", "b")])
    assert alone["is_next"] == pytest.approx(answers[1]["is_next"], abs=1e-5), "no mask in the whole batch"


def test_items_are_taken_a_window_at_a_time(run_of: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WINDOW", 4)
    taken = 0

    def endless() -> object:
        nonlocal taken
        while True:
            taken += 1
            yield Item(("met",), str(taken))

    model = clozelab.load(run_of("single"))
    stream = model.stream(endless(), model.question())  # type: ignore[arg-type]
    for _ in range(6):
        next(stream)
    assert taken <= 10


def test_few_long_texts_fill_a_window_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHARACTERS", 10)
    items = [Item((text,), "") for text in ("abcdefghijkl", "a", "b" * 9, "c", "d")]
    found = [len(window) for window in module._windows(items, whole_documents=False, size=100)]
    assert found == [1, 2, 2]


def test_a_window_ends_in_no_document() -> None:
    documents = [None, 1, 1, 1, 1, 2, 2, None, None]
    items = [Item(("a",), "", document=document) for document in documents]
    for whole, expected in ((True, [5, 2, 2]), (False, [2, 2, 2, 2, 1])):
        found = [len(window) for window in module._windows(items, whole_documents=whole, size=2)]
        assert found == expected


def test_entities_have_the_characters_they_are_made_of(run_of: Runs) -> None:
    model = clozelab.load(run_of("words"))
    for text in ("Ada met  Grace Hopper (in New York).", ["Grace", "Hopper", "saw", "New", "York", "."]):
        (answer,) = model.predict([text])
        assert answer["text"] == (text if isinstance(text, str) else " ".join(text))
        assert [w["word"] for w in answer["words"]] == [answer["text"][w["start"] : w["end"]] for w in answer["words"]]
        assert answer["entities"], "the run has learnt these names"
        for entity in answer["entities"]:
            assert entity["text"] == answer["text"][entity["start"] : entity["end"]]
            inside = [w for w in answer["words"] if entity["start"] <= w["start"] < entity["end"]]
            assert {w["tag"][2:] for w in inside} == {entity["type"]}
            assert entity["score"] == pytest.approx(np.mean([w["score"] for w in inside]))


def test_every_word_of_a_sentence_over_the_limit_has_a_tag(run_of: Runs) -> None:
    words = [f"w{number}" for number in range(400)]
    (answer,) = clozelab.load(run_of("words")).predict([words])
    assert [word["word"] for word in answer["words"]] == words


@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_embeddings_are_those_of_plain_transformers_and_pairs_are_compared(
    run_of: Runs, phrases: Phrases, pooling: str
) -> None:
    folder = run_of("single") / "model"
    tokenizer, encoder = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    texts = phrases(8, 12)
    model = clozelab.load(run_of("single"))
    vectors = []
    for text, answer in zip(texts, model.embed(texts, pooling=pooling), strict=True):  # type: ignore[arg-type]
        with torch.no_grad():
            states = encoder(**tokenizer(text, return_tensors="pt")).last_hidden_state[0]
        vectors.append((states[0] if pooling == "cls" else states.mean(0)).numpy())
        np.testing.assert_allclose(answer["embedding"], vectors[-1], atol=1e-5)
    (pair,) = model.embed([(texts[0], texts[1])], pooling=pooling)  # type: ignore[arg-type]
    cosine = vectors[0] @ vectors[1] / np.linalg.norm(vectors[0]) / np.linalg.norm(vectors[1])
    assert pair["similarity"] == pytest.approx(cosine, abs=1e-5)
    np.testing.assert_allclose(pair["embedding_pair"], vectors[1], atol=1e-5)
