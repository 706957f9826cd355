"""What a cell gets wrong is counted as the predictions have it, over the seeds that saw the same examples."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from clozelab.compare.cells import Cell, make_cells
from clozelab.compare.read import read_runs
from clozelab.report import mistakes

RunAt = Callable[..., Path]
Cells = Callable[..., Cell]


@pytest.fixture
def cell_of(tmp_path: Path, run_at: RunAt) -> Cells:
    def make(
        *seeds: Mapping[str, Sequence[Any]], labels: Sequence[str] = (), metrics: Mapping[str, float] | None = None
    ) -> Cell:
        for seed, predictions in enumerate(seeds, 1):
            given = metrics or {"val/loss": 1.0}
            run_at(tmp_path / "s" / "c", seed, identity={}, metrics=given, predictions=predictions, labels=labels)
        (cell,) = make_cells(read_runs([tmp_path]))
        return cell

    return make


def texts(gold: str, predicted: str, loss: Sequence[float]) -> dict[str, Any]:
    size = len(loss)
    rest = {"gold": gold.split(), "prediction": predicted.split(), "loss": list(loss)}
    return {"id": list(range(size)), "text": [f"text {i}" for i in range(size)], **rest}


def test_a_confusion_matrix_counts_all_seeds(cell_of: Cells) -> None:
    cell = cell_of(texts("a b b", "a a b", [1, 2, 3]), texts("a b b", "b a b", [1, 2, 3]), labels=["a", "b"])
    found = mistakes.mistakes(cell, "val")
    assert found["confusion"] == {"labels": ["a", "b"], "table": [[1, 1], [2, 2]]}
    assert found["n"] == 2


def test_labels_that_a_run_does_not_list_are_matched_by_name(cell_of: Cells) -> None:
    cell = cell_of(texts("a b b", "a y b", [1, 2, 3]), texts("a b b", "a b y", [1, 2, 3]), labels=["a", "b"])
    assert mistakes.mistakes(cell, "test")["confusion"] == {
        "labels": ["a", "b", "y"], "table": [[2, 0, 0], [0, 2, 2], [0, 0, 0]],
    }  # fmt: skip


def test_a_label_that_only_a_later_seed_predicts_is_counted(cell_of: Cells) -> None:
    cell = cell_of(texts("a b b", "a a b", [1, 2, 3]), texts("a b b", "z b b", [1, 2, 3]), labels=["a", "b"])
    assert mistakes.mistakes(cell, "test")["confusion"] == {
        "labels": ["a", "b", "z"], "table": [[1, 0, 1], [1, 3, 0], [0, 0, 0]],
    }  # fmt: skip


def test_many_labels_are_taken_together_and_none_is_lost(cell_of: Cells) -> None:
    gold = [f"l{i % 50}" for i in range(100)] + ["l49"] * 10
    predicted = [*gold[1:], gold[0]]
    cell = cell_of(texts(" ".join(gold), " ".join(predicted), [1.0] * 110))
    table = mistakes.mistakes(cell, "val")["confusion"]
    assert len(table["labels"]) == mistakes.NUM_LABELS
    assert table["labels"][-1] == mistakes.OTHERS
    assert "l49" in table["labels"]
    assert sum(map(sum, table["table"])) == 110
    pairs = Counter(zip(gold, predicted, strict=True))
    i, j = table["labels"].index("l49"), table["labels"].index("l0")
    assert table["table"][i][j] == pairs["l49", "l0"] > 0


def test_the_hardest_texts_have_the_highest_mean_loss_and_the_votes_of_the_seeds(cell_of: Cells) -> None:
    cell = cell_of(texts("a b b", "a a b", [0, 3, 1]), texts("a b b", "b a a", [0, 1, 7]), labels=["a", "b"])
    hardest = mistakes.mistakes(cell, "val")["hardest"]
    assert [item["loss"] for item in hardest] == [4, 2, 0]
    assert [item["text"][0] for item in hardest] == ["text 2", "text 1", "text 0"]
    assert [item["predicted"] for item in hardest] == ["b (1), a (1)", "a", "a (1), b (1)"]


def test_seeds_that_saw_other_examples_are_left_out(cell_of: Cells) -> None:
    other = texts("a b b", "b a a", [9, 9, 9]) | {"text": ["x", "y", "z"]}
    found = mistakes.mistakes(cell_of(texts("a b b", "a a b", [0, 3, 1]), other, labels=["a", "b"]), "val")
    assert found["n"] == 1
    assert found["confusion"]["table"] == [[1, 0], [1, 1]]


def test_a_hard_word_stands_in_its_sentence(cell_of: Cells) -> None:
    words = [[f"w{i}" for i in range(30)], ["Ada", "met"]]
    sizes = [30, 2]
    predictions = {
        "id": [0, 1], "words": words, "gold": [["O"] * n for n in sizes], "prediction": [["O"] * n for n in sizes],
        "loss": [[5.0 if i == 15 else 0.0 for i in range(30)], [0.0, 4.0]],
    }  # fmt: skip
    metrics = {"val/f1_conlleval": 0.5, "val/f1_conlleval/PER": 0.25, "test/f1_conlleval/LOC": 1.0}
    found = mistakes.mistakes(cell_of(predictions, metrics=metrics), "val")
    before, word, after = found["hardest"][0]["text"]
    assert (before.split()[0], word, after.split()[-1]) == ("w5", "w15", "w25")
    assert found["hardest"][1]["text"] == ["Ada", "met", ""]
    assert [(row["type"], row["mean"], row["n"]) for row in found["entities"]] == [("PER", 0.25, 1)]
    assert "confusion" not in found


def test_of_numbers_the_mean_prediction_is_shown(cell_of: Cells) -> None:
    seeds = [
        {
            "id": [0, 1],
            "text": ["x", "y"],
            "text_pair": ["u", "v"],
            "gold": [1.0, 2.0],
            "prediction": p,
            "loss": [0.0, 1.0],
        }
        for p in ([1.0, 3.0], [1.0, 4.0])
    ]
    found = mistakes.mistakes(cell_of(*seeds), "val")
    assert found["numbers"] == {"all": 2, "gold": [1.0, 2.0], "predicted": [1.0, 3.5]}
    assert found["hardest"][0]["text"] == ["y | v", "", ""]
    assert found["hardest"][0]["predicted"] == "3.5"


def test_masked_tokens_have_no_table_but_places(cell_of: Cells) -> None:
    masks = {"id": [4], "positions": [[2, 9]], "gold": [["a", "b"]], "prediction": [["a", "c"]], "loss": [[0.0, 2.0]]}
    found = mistakes.mistakes(cell_of(masks), "val")
    assert found["hardest"][0] == {"loss": 2.0, "gold": "b", "predicted": "c", "text": ["passage 4, token 9", "", ""]}
    assert "too many classes" in found["none"]


def test_what_cannot_be_read_is_said_and_stops_nothing(cell_of: Cells, tmp_path: Path, run_at: RunAt) -> None:
    cell = cell_of(texts("a", "a", [1]))
    path = cell.runs[0].folder / "predictions" / "validation.parquet"
    pq.write_table(pa.table({"id": [1]}), path)
    assert "validation.parquet': damaged, cannot be read" in mistakes.mistakes(cell, "val")["none"]
    path.write_bytes(b"PAR1 half of a file")
    assert "cannot be read" in mistakes.mistakes(cell, "val")["none"]
    path.unlink()
    assert mistakes.mistakes(cell, "val") == {"none": "A run has no predictions of this split."}
    run_at(tmp_path / "s" / "failed", 1, identity={})
    failed = make_cells(read_runs([tmp_path / "s" / "failed"]))[0]
    assert mistakes.mistakes(failed, "val") == {"none": "No run of this cell has finished."}


def test_long_texts_are_cut_and_loss_that_is_no_number_comes_last(cell_of: Cells) -> None:
    predictions = texts("a b", "b a", [float("nan"), 1.0]) | {"text": ["short", "long " * 1_000]}
    hardest = mistakes.mistakes(cell_of(predictions), "val")["hardest"]
    assert hardest[1]["text"][0] == "short"
    assert len(hardest[0]["text"][0]) == mistakes.NUM_CHARACTERS + 2
