"""From a run directory to answers in Python, the same as those the run itself gave."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import clozelab
from clozelab.errors import ConfigError, DataError

Runs = Callable[[str], Path]


@pytest.mark.parametrize("kind", ["single", "pairs", "numbers"])
def test_texts_get_what_the_run_itself_predicted_for_them(run_of: Runs, kind: str) -> None:
    stored = pq.read_table(run_of(kind) / "predictions" / "test.parquet").to_pylist()
    texts = [(row["text"], row["text_pair"]) if kind == "pairs" else row["text"] for row in stored]
    for row, answer in zip(stored, clozelab.load(run_of(kind)).predict(texts), strict=True):
        if kind == "numbers":
            assert answer["value"] == pytest.approx(row["prediction"], abs=0.05)  # the run may have scored in bfloat16
        else:
            assert answer["scores"][row["prediction"]] == pytest.approx(row["score"], abs=0.02)
            assert sum(answer["scores"].values()) == pytest.approx(1)
            assert answer["score"] == max(answer["scores"].values()) == answer["scores"][answer["label"]]


def test_words_get_the_tags_that_the_run_itself_predicted(run_of: Runs) -> None:
    stored = pq.read_table(run_of("words") / "predictions" / "test.parquet").to_pylist()
    answers = clozelab.load(run_of("words")).predict([row["words"] for row in stored])
    tags = [word["tag"] for answer in answers for word in answer["words"]]
    expected = [tag for row in stored for tag in row["prediction"]]
    assert sum(a != b for a, b in zip(tags, expected, strict=True)) <= 0.02 * len(tags)
    assert any(tag != "O" for tag in tags)


@pytest.mark.slow
def test_a_run_that_reads_context_and_decodes_by_viterbi_does_so_here(
    overrides: list[str], tmp_path: Path, conll_files: dict[str, Path]
) -> None:
    from clozelab.cli import main

    more = ["data.context=16", "task.decoding=viterbi", "trainer.max_epochs=3", "optimizer.lr=5e-3"]
    assert main(["train", *overrides, *more]) == 0
    (run,) = (tmp_path / "outputs").glob("*/*/seed-*")
    out = tmp_path / "out.jsonl"
    assert main(["predict", str(run), "--input", str(conll_files["test"]), "--output", str(out)]) == 0
    found = [[w["tag"] for w in json.loads(line)["words"]] for line in out.read_text().splitlines()]
    stored = pq.read_table(run / "predictions" / "test.parquet").to_pylist()
    assert [len(tags) for tags in found] == [len(row["words"]) for row in stored]
    flat = [tag for tags in found for tag in tags]
    expected = [tag for row in stored for tag in row["prediction"]]
    assert sum(a != b for a, b in zip(flat, expected, strict=True)) <= 0.02 * len(flat)


def test_what_cannot_be_asked_is_said_with_its_number(run_of: Runs) -> None:
    single, pairs, masks, words = (clozelab.load(run_of(kind)) for kind in ("single", "pairs", "masks", "words"))
    for model, texts, message in (
        (single, ["fine", ("a", "b")], "item 2: a pair of texts; this run was trained on single texts"),
        (pairs, ["a"], "item 1: one text; this run was trained on pairs of texts"),
        (single, [["a", "list"]], "item 1: a list of words"),
        (words, [("a", "b")], "item 1: a pair of texts"),
        (words, [[]], "item 1: no words"),
        (words, [["a", " "]], "item 1: an empty word in"),
        (single, ["a", " "], "item 2: the text is empty"),
        (single, [3], "item 1: the text must be text, is 3"),
        (single, ["a\0"], "item 1: NUL character"),
        (masks, ["no blank to fill"], r"item 1: no \[MASK\] in the text"),
        (masks, ["a " * 60 + "[MASK]"], "item 1: a mask stands behind the 40 tokens"),
        (single, "one text", "a list of texts is needed"),
    ):
        with pytest.raises(DataError, match=message):
            model.predict(texts)
    assert single.predict([]) == []
    with pytest.raises(ConfigError, match="top=0"):
        masks.predict(["a [MASK]"], top=0)


def test_only_a_completed_run_is_loaded(run_of: Runs, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such folder"):
        clozelab.load(tmp_path / "nowhere")
    with pytest.raises(ConfigError, match="not a run"):
        clozelab.load(tmp_path)
    with pytest.raises(ConfigError, match="not a run"):
        clozelab.load(run_of("words").parent)
    copy = Path(shutil.copytree(run_of("words"), tmp_path / "run"))
    state = json.loads((copy / "run.json").read_text())
    (copy / "run.json").write_text(json.dumps({**state, "status": "failed"}))
    with pytest.raises(ConfigError, match="this run is failed, not completed"):
        clozelab.load(copy)
    with pytest.raises(ConfigError, match="device='abacus'"):
        clozelab.load(run_of("words"), device="abacus")


def test_names_that_are_not_offered_are_refused_as_ever() -> None:
    with pytest.raises(AttributeError, match="module 'clozelab' has no attribute 'lode'"):
        _ = clozelab.lode
