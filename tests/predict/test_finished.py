"""Run directories that are damaged or somebody else's: one message, no traceback, no answer of another model."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., tuple[int, str, str]]
Runs = Callable[[str], Path]


def _weights(run: Path) -> None:
    path = run / "model" / "model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])


def _headless(run: Path) -> None:
    from safetensors.torch import load_file, save_file

    path = run / "model" / "model.safetensors"
    kept = {name: value for name, value in load_file(path).items() if not name.startswith("classifier")}
    save_file(kept, path, metadata={"format": "pt"})


def _no_labels(run: Path) -> None:
    state = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({key: value for key, value in state.items() if key != "labels"}))


def _renamed_labels(run: Path) -> None:
    path = run / "model" / "config.json"
    path.write_text(path.read_text().replace("short", "brief"))


def _unknown_key(run: Path) -> None:
    path = run / "config.yaml"
    path.write_text(path.read_text().replace("task:\n", "task:\n  gone: 1\n", 1))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_weights, "cannot be loaded as AutoModelForSequenceClassification"),
        (_headless, "lacks 2 weights of BertForSequenceClassification: classifier.bias"),
        (_no_labels, "damaged, has no labels"),
        (_renamed_labels, "this is another run's model"),
        (_unknown_key, "task.gone: SequenceClassification has no such key"),
        (lambda run: (run / "config.yaml").write_text("a: ["), "config.yaml': damaged"),
        (lambda run: (run / "config.yaml").write_text("[]"), "config.yaml': damaged"),
        (lambda run: (run / "config.yaml").unlink(), "has no config.yaml"),
        (lambda run: (run / "run.json").write_text("[]"), "run.json': damaged, not one JSON object"),
        (lambda run: (run / "model" / "config.json").write_text("{"), "damaged, not a model's config"),
        (lambda run: (run / "model" / "tokenizer.json").unlink(), "has no fast tokenizer"),
    ],
)
def test_a_damaged_run_neither_answers_nor_is_handed_on(
    run_of: Runs, clozelab: Run, tmp_path: Path, damage: Callable[[Path], object], message: str
) -> None:
    run = Path(shutil.copytree(run_of("single"), tmp_path / "run"))
    damage(run)
    for command in (("predict", str(run), "--text=a"), ("export", str(run), str(tmp_path / "out"))):
        code, out, err = clozelab(*command)
        assert (code, out) == (2, ""), err
        assert message in err
    assert [path.name for path in tmp_path.iterdir()] == ["run"], "no half export is left"


def test_a_run_answers_from_another_place_without_its_data_and_predictions(
    run_of: Runs, clozelab: Run, tmp_path: Path
) -> None:
    expected = clozelab("predict", str(run_of("single")), "--text=a")
    run = Path(shutil.copytree(run_of("single"), tmp_path / "moved"))
    (run / "predictions" / "test.parquet").write_text("damaged")
    data = run_of("single").parents[3] / "single.csv"
    data.rename(tmp_path / "away.csv")
    try:
        assert clozelab("predict", str(run), "--text=a") == expected
        code, out, err = clozelab("export", str(run), str(tmp_path / "exported"))
    finally:
        (tmp_path / "away.csv").rename(data)
    assert (code, out, err) == (0, f"exported  {tmp_path / 'exported'}\n", "")
    code, _, err = clozelab("predict", str(tmp_path / "exported"), "--text=a")
    assert code == 2
    assert "it is a model's folder, which transformers and model=hub take; here give the directory of a run" in err
