"""Exported models: pipelines of transformers answer as clozelab does, and the hub can read the card."""

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from huggingface_hub import ModelCard
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModelForMaskedLM,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
    BertForNextSentencePrediction,
    pipeline,
)

from clozelab.data.spans import words_of
from clozelab.errors import ConfigError
from clozelab.model.build import load_tokenizer
from clozelab.predict.export import export_run
from clozelab.predict.load import load
from clozelab.predict.predictor import Predictor

Run = Callable[..., tuple[int, str, str]]
Runs = Callable[[str], Path]
Phrases = Callable[[int, int], list[str]]


@pytest.mark.parametrize("kind", ["single", "pairs", "numbers"])
def test_a_pipeline_says_of_texts_what_predict_says(run_of: Runs, phrases: Phrases, kind: str, tmp_path: Path) -> None:
    export_run(run_of(kind), tmp_path / "model")
    texts = [*phrases(11, 50), " ".join(phrases(13, 60))]
    asked = list(zip(texts, reversed(texts), strict=True)) if kind == "pairs" else texts
    model = load(run_of(kind))
    classify = pipeline("text-classification", model=str(tmp_path / "model"))
    theirs = classify([dict(zip(("text", "text_pair"), a, strict=True)) if kind == "pairs" else a for a in asked],
                      truncation=True)  # fmt: skip
    for ours, other in zip(model.predict(asked), theirs, strict=True):
        assert ours["value" if kind == "numbers" else "score"] == pytest.approx(other["score"], abs=1e-5)
        assert ours.get("label", "value") == other["label"]


ORDINARY = [
    'Ada Lovelace met "Charles Babbage", in London; she said: no, thanks!',
    "It's John's well-known co-worker (of Acme Corp), isn't it? U.S. sales rose 3.5% to $1,000.50.",
    "“Grace Hopper,” she said… ‘left’ New York — e-mail a.b@c.org, or www.x.com/y_z?",
    "北京 met 日本。 @ada_l #city R&D 5'10\" 1/2",
]


def test_a_pipeline_finds_the_entities_that_predict_finds(run_of: Runs, phrases: Phrases, tmp_path: Path) -> None:
    export_run(run_of("words"), tmp_path / "model")
    _compare_entities(load(run_of("words")), str(tmp_path / "model"), [*phrases(17, 100), *ORDINARY])


def _compare_entities(model: Predictor, folder: str, texts: list[str], *, as_words: bool = False) -> None:
    """Compares entities; a tokenizer that does not know where words begin has to be given those of predict."""
    tag = pipeline("token-classification", model=folder, aggregation_strategy="first")
    asked: list[Any] = texts
    if as_words:
        asked = [[word["word"] for word in answer["words"]] for answer in model.predict(texts)]
        # A piece that is nothing but the blank before a word, a pipeline takes for a word of its own.
        bare = "\u0120"
        asked = [words for words in asked if bare not in tag.tokenizer.tokenize(words, is_split_into_words=True)]
    num_entities = 0
    for ours, theirs in zip(model.predict(asked), tag(asked, is_split_into_words=as_words), strict=True):
        found = [(e["type"], e["start"], e["end"]) for e in ours["entities"]]
        assert found == [(e["entity_group"], e["start"], e["end"]) for e in theirs]
        scores = [e["score"] for e in ours["entities"]]
        assert scores == pytest.approx([float(e["score"]) for e in theirs], abs=1e-5)
        num_entities += len(found)
    assert num_entities > 20


def test_a_pipeline_fills_masks_as_predict_does(run_of: Runs, phrases: Phrases, tmp_path: Path) -> None:
    export_run(run_of("masks"), tmp_path / "model")
    fill = pipeline("fill-mask", model=str(tmp_path / "model"))
    for template in ("{} [MASK] .", "[MASK] {} [MASK]"):
        texts = [template.format(text[:20]) for text in phrases(19, 25)]
        for ours, theirs in zip(load(run_of("masks")).predict(texts), fill(texts), strict=True):
            masks = [theirs] if isinstance(theirs[0], dict) else theirs
            for own, other in zip(ours["masks"], masks, strict=True):
                assert [f["score"] for f in own] == pytest.approx([f["score"] for f in other], abs=1e-5)
                # Equal probabilities may stand in either order.
                assert len({f["id"] for f in own} & {f["token"] for f in other}) >= len(own) - 1


def test_the_exported_head_for_next_sentences_says_what_predict_says(
    run_of: Runs, phrases: Phrases, tmp_path: Path
) -> None:
    run = Path(shutil.copytree(run_of("masks"), tmp_path / "run"))
    weights = load_file(run / "model" / "model.safetensors")
    weights["cls.seq_relationship.weight"] *= 50  # else all pairs are as likely
    save_file(weights, run / "model" / "model.safetensors", metadata={"format": "pt"})
    folder = tmp_path / "model"
    export_run(run, folder)
    pairs = [*zip(phrases(41, 30), phrases(42, 30), strict=True), ("", "met"), (" ".join(phrases(43, 9)), "a [MASK]")]
    model = BertForNextSentencePrediction.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    found = [answer["is_next"] for answer in load(run).predict(pairs)]
    for pair, own in zip(pairs, found, strict=True):
        with torch.no_grad():
            logits = model(**tokenizer(*pair, truncation=True, return_tensors="pt")).logits
        assert own == pytest.approx(logits.softmax(-1)[0, 0].item(), abs=1e-5), pair
    assert max(found) - min(found) > 0.005


@pytest.mark.parametrize(
    ("kind", "tag", "metric"),
    [("words", "token-classification", "f1"), ("numbers", "text-classification", "pearsonr"),
     ("masks", "fill-mask", "perplexity")],
)  # fmt: skip
def test_the_hub_reads_results_from_the_card(run_of: Runs, tmp_path: Path, kind: str, tag: str, metric: str) -> None:
    for folder in (run_of(kind) / "model", tmp_path / "model"):
        if not folder.exists():
            export_run(run_of(kind), folder)
        card = ModelCard.load(folder / "README.md")
        assert card.data.pipeline_tag == tag
        assert {result.task_type for result in card.data.eval_results} == {tag}
        assert metric in {result.metric_type for result in card.data.eval_results}
        stored = json.loads((run_of(kind) / "metrics.json").read_text())
        _, head, _ = (folder / "README.md").read_text().split("---\n", 2)
        (index,) = yaml.safe_load(head)["model-index"]
        for result in index["results"]:
            prefix = {"validation": "val", "test": "test"}[result["dataset"]["split"]]
            assert all(stored[f"{prefix}/{m['name']}"] == m["value"] for m in result["metrics"])


def test_nothing_is_overwritten_and_only_runs_are_exported(run_of: Runs, clozelab: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("precious")
    code, out, _ = clozelab("export", str(run_of("words")), str(tmp_path / "empty"))
    assert (code, out) == (0, f"exported  {tmp_path / 'empty'}\n")
    names = ["README.md", "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]
    assert sorted(path.name for path in (tmp_path / "empty").iterdir()) == names
    for target in ("full", "empty", "full/mine"):
        code, _, err = clozelab("export", str(run_of("words")), str(tmp_path / target))
        assert code == 2
        assert "holds something already; give a new or an empty folder" in err
    assert (tmp_path / "full" / "mine").read_text() == "precious"
    with pytest.raises(ConfigError, match="not a run"):
        export_run(tmp_path / "full", tmp_path / "other")
    assert clozelab("export", "--help")[:1] == (0,)
    assert clozelab("export", "one")[0] == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "full"]


ODD = ["日本", "é", "e\u0301", "10\u00a0000", "ß", "🙂", "\u200d", "नमस्ते", "x" * 40, "—", "3", "İ"]
Made = Callable[[str], Path]


@pytest.mark.filterwarnings("ignore:Tokenizer does not support real words")
@pytest.mark.parametrize("encoder", ["roberta", pytest.param("electra", marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", ["single", "pairs", "numbers", "words", "masks"])
def test_pipelines_of_other_encoders_answer_the_same(
    kind: str, encoder: str, encoder_folder: Made, run_of: Runs, phrases: Phrases, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    run = _run_with(kind, encoder_folder(encoder), run_of, tmp_path / "run")
    export_run(run, tmp_path / "model")
    monkeypatch.chdir(tmp_path)
    exec((tmp_path / "model" / "README.md").read_text().split("```python\n")[1].split("```")[0])  # what the card says
    model, folder = load(run), str(tmp_path / "model")
    draw = random.Random(3)
    texts = [" ".join(draw.sample([*text.split(), draw.choice(ODD)], 1) + text.split()) for text in phrases(23, 24)]
    texts += [*(f"{text}\n\t  {draw.choice(ODD)} {text}" for text in phrases(29, 12)), " ".join(phrases(31, 30))]
    if kind == "words":
        _compare_words(model, folder, [text.replace("-", " ") for text in texts])
        _compare_entities(model, folder, [*phrases(17, 120), *ORDINARY[:2]], as_words=encoder == "roberta")
    elif kind == "masks":
        fill = pipeline("fill-mask", model=folder)
        own = str(fill.tokenizer.mask_token)
        for text in (text[:12] + "[MASK]" + text[12:24] for text in texts):
            (mine,) = model.predict([text])[0]["masks"]
            scores = [filler["score"] for filler in fill(text.replace("[MASK]", own))]
            assert [filler["score"] for filler in mine] == pytest.approx(scores, abs=1e-5)
    else:
        classify = pipeline("text-classification", model=folder)
        for text, other in zip(texts, reversed(texts), strict=True):
            asked = {"text": text, "text_pair": other} if kind == "pairs" else text
            (mine,), theirs = model.predict([asked]), classify([asked], truncation=True)[0]
            assert mine["value" if kind == "numbers" else "score"] == pytest.approx(theirs["score"], abs=1e-5)
            assert mine.get("label", "value") == theirs["label"]


def _run_with(kind: str, encoder: Path, run_of: Runs, folder: Path) -> Path:
    """Returns a run of a kind whose model is another encoder: random, with weights so large that answers differ."""
    run = Path(shutil.copytree(run_of(kind), folder))
    labels = json.loads((run / "run.json").read_text())["labels"]
    config = yaml.safe_load((run / "config.yaml").read_text())
    if kind == "masks":  # without the second head, which these encoders lack
        config["data"] |= {"next_sentence": False}
    (run / "config.yaml").write_text(yaml.safe_dump(config))
    heads = {"words": AutoModelForTokenClassification, "masks": AutoModelForMaskedLM}
    named = {} if kind == "masks" else {"id2label": dict(enumerate(labels))}
    torch.manual_seed(1)
    model = heads.get(kind, AutoModelForSequenceClassification).from_pretrained(str(encoder), **named)
    with torch.no_grad():
        for weights in model.parameters():
            if weights.dim() > 1:
                weights.mul_(6)
    shutil.rmtree(run / "model")
    model.save_pretrained(str(run / "model"))
    load_tokenizer(encoder).save_pretrained(str(run / "model"))
    return run


def _compare_words(model: Predictor, folder: str, texts: list[str]) -> None:
    """Compares the first piece of each word, as what a pipeline takes for a word depends on the tokenizer."""
    tag = pipeline("token-classification", model=folder, aggregation_strategy="none", ignore_labels=[])
    compared = 0
    for text in texts:
        parted = " ".join(text[start:end] for start, end in words_of(text))  # with a blank before every word
        if len(tag.tokenizer(parted)["input_ids"]) > model.max_length:
            continue  # windows are clozelab's alone
        theirs = {token["start"]: token for token in reversed(tag(parted))}
        for word in model.predict([parted])[0]["words"]:
            assert word["score"] == pytest.approx(float(theirs[word["start"]]["score"]), abs=1e-5)
            assert word["tag"] == theirs[word["start"]]["entity"]
            compared += 1
    assert compared > 100


def test_what_plain_transformers_answers_otherwise_is_said_on_the_terminal_and_in_the_card(
    overrides: list[str], clozelab: Run, tmp_path: Path
) -> None:
    code, _, err = clozelab("train", *overrides, "data.context=16", "model.attention=causal", "trainer.max_epochs=1")
    assert code == 0, err
    (run,) = (tmp_path / "outputs").glob("*/*/seed-*")
    code, _, err = clozelab("export", str(run), str(tmp_path / "model"))
    assert code == 0
    for said in ("read with up to 16 pieces of their document", "No position saw a later one in training"):
        assert said in err
        assert said in (tmp_path / "model" / "README.md").read_text()
