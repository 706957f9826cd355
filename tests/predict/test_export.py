"""Exported models: pipelines of transformers answer as clozelab does, and the hub can read the card."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from huggingface_hub import ModelCard
from transformers import pipeline

from clozelab.errors import ConfigError
from clozelab.predict.export import export_run
from clozelab.predict.load import load

Run = Callable[..., tuple[int, str, str]]
Runs = Callable[[str], Path]
Phrases = Callable[[int, int], list[str]]


@pytest.mark.parametrize("kind", ["single", "pairs", "numbers"])
def test_a_pipeline_says_of_texts_what_predict_says(run_of: Runs, phrases: Phrases, kind: str, tmp_path: Path) -> None:
    export_run(run_of(kind), tmp_path / "model")
    texts = [*phrases(11, 100), " ".join(phrases(13, 60))]
    asked = list(zip(texts, reversed(texts), strict=True)) if kind == "pairs" else texts
    model = load(run_of(kind))
    classify = pipeline("text-classification", model=str(tmp_path / "model"))
    theirs = classify([dict(zip(("text", "text_pair"), a, strict=True)) if kind == "pairs" else a for a in asked],
                      truncation=True)  # fmt: skip
    for ours, other in zip(model.predict(asked), theirs, strict=True):
        assert ours["value" if kind == "numbers" else "score"] == pytest.approx(other["score"], abs=1e-5)
        assert ours.get("label", "value") == other["label"]


def test_a_pipeline_finds_the_entities_that_predict_finds(run_of: Runs, phrases: Phrases, tmp_path: Path) -> None:
    export_run(run_of("words"), tmp_path / "model")
    tag = pipeline("token-classification", model=str(tmp_path / "model"), aggregation_strategy="first")
    texts = phrases(17, 100)
    num_entities = 0
    for ours, theirs in zip(load(run_of("words")).predict(texts), tag(texts), strict=True):
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
        texts = [template.format(text[:20]) for text in phrases(19, 50)]
        for ours, theirs in zip(load(run_of("masks")).predict(texts), fill(texts), strict=True):
            masks = [theirs] if isinstance(theirs[0], dict) else theirs
            for own, other in zip(ours["masks"], masks, strict=True):
                assert [f["score"] for f in own] == pytest.approx([f["score"] for f in other], abs=1e-5)
                # Equal probabilities may stand in either order.
                assert len({f["id"] for f in own} & {f["token"] for f in other}) >= len(own) - 1


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
