"""The chain of runs: each begins with the model of the one before, and knows them all."""

import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file

from clozelab.ancestry import trace
from clozelab.config.compose import compose
from clozelab.errors import ConfigError
from clozelab.identity import identify
from clozelab.store.runs import Runs

Run = Callable[..., tuple[int, str, str]]
Train = Callable[..., Path]
QUIET = ["logger=none", "callbacks.progress.enabled=false", "num_threads=1"]
TINY = ["data.batch_size=16", "data.max_length=32", "trainer.max_epochs=1", "optimizer.lr=1e-3", *QUIET]


@pytest.fixture
def train(clozelab: Run, tmp_path: Path) -> Train:
    """Runs a command below `tmp_path/outputs`; returns the run directory."""

    def run(*arguments: str) -> Path:
        code, out, err = clozelab("train", f"output_dir={tmp_path / 'outputs'}", *arguments)
        assert code == 0, err
        (line,) = [line for line in out.splitlines() if line.startswith("run directory")]
        return Path(line.removeprefix("run directory").strip())

    return run


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    """A file of 60 labelled texts."""
    rows = [
        f"{label}\t{words}" for label, words in (("good", "the new city wants a river"), ("bad", "old report left"))
    ]
    lines = [f"{row} number {number}" for number in range(30) for row in rows]
    (tmp_path / "texts.tsv").write_text("\n".join(["label\ttext", *lines]) + "\n")
    return tmp_path / "texts.tsv"


@pytest.fixture
def articles(tmp_path: Path) -> Path:
    """A folder of 30 documents."""
    folder = tmp_path / "articles"
    folder.mkdir()
    for number in range(30):
        (folder / f"{number:02}.txt").write_text(
            f"The new city said {number}. A river left the old game. It met Ada. " * 3
        )
    return folder


def state(run: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((run / "run.json").read_text())
    return values


def said(run: Path) -> str:
    return (run / "run.log").read_text()


def weights(run: Path) -> dict[str, torch.Tensor]:
    return load_file(run / "model/model.safetensors")


def assert_descends(run: Path, *earlier: Path) -> None:
    """Checks what a run says of those before it, nearest first, in run.json and in its model card."""
    ancestry = state(run)["ancestry"]
    assert [entry["path"] for entry in ancestry] == [str(parent) for parent in earlier]
    for entry, parent in zip(ancestry, earlier, strict=True):
        assert entry["id"] == state(parent)["id"]
        assert entry["identity_hash"] == state(parent)["identity_hash"]
        assert entry["model_hash"] == Runs().fingerprint(str(parent))
    line = ", from ".join(f"run `{entry['id']} ({entry['identity_hash'][:8]})`" for entry in ancestry)
    assert f"\nAncestry: {line}.\n" in (run / "model/README.md").read_text()


def test_pretraining_adaptation_and_fine_tuning_are_three_commands(
    train: Train, tiny_model: Path, articles: Path, texts: Path, tmp_path: Path, clozelab: Run
) -> None:
    documents = ["data=plain_files", f"data.train={articles}", *TINY]
    first = train("task=pretraining", "model=hub", "model.license=Apache-2.0", f"model.path={tiny_model}", *documents)
    second = train("task=domain_adaptation", "data.general=null", "model=run", f"model.path={first}", *documents)
    labelled = ["task=sequence_classification", "data=text_files", f"data.train={texts}", *TINY]
    third = train(*labelled, "model=run", f"model.path={second}")
    assert state(first)["ancestry"] == []
    assert "Ancestry" not in (first / "model/README.md").read_text()
    assert_descends(second, first)
    assert_descends(third, second, first)
    for run in (second, third):
        assert "\nlicense: apache-2.0\n" in (run / "model/README.md").read_text(), "of the first"
    assert "head is new: the folder holds BertModel, this task needs BertForPreTraining" in said(first)
    assert "head taken over; its decoder stays tied" in said(second)
    assert "head is new: the folder holds BertForMaskedLM, this task needs BertForSequenceClassification" in said(third)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        assert (third / "model" / name).read_bytes() == (first / "model" / name).read_bytes(), name
    _outlives_its_ancestors(clozelab, train, [first, second, third], labelled)


def _outlives_its_ancestors(clozelab: Run, train: Train, runs: list[Path], labelled: list[str]) -> None:
    first, second, third = runs
    shutil.rmtree(first)
    after = train(*labelled, "model=run", f"model.path={second}", "seed=43")
    assert [entry["path"] for entry in state(after)["ancestry"]] == [str(second), str(first)]
    shutil.rmtree(second)
    code, out, err = clozelab("evaluate", str(third), "data.eval_batch_size=7")
    assert code == 0, err
    evaluated = Path(out.splitlines()[-1].removeprefix("evaluated").strip())
    before, now = (json.loads((f / "metrics.json").read_text()) for f in (third, evaluated))
    assert now["test/accuracy"] == before["test/accuracy"]
    code, _, err = clozelab("train", *labelled, "model=run", f"model.path={second}")
    assert code == 2
    assert f"model.path='{second}': no such folder; give the directory of a run" in err


def test_a_run_goes_on_from_the_weights_of_another_and_the_head_of_the_same_task(
    train: Train, overrides: list[str], finished_run: Path
) -> None:
    run = train(*overrides, "model=run", f"model.path={finished_run}", "trainer.max_epochs=1", "optimizer.lr=1e-12")
    assert "head taken over" in said(run)
    assert_descends(run, finished_run)
    for name, value in weights(finished_run).items():
        torch.testing.assert_close(weights(run)[name], value, atol=1e-6, rtol=0)


def test_a_folder_of_a_run_has_the_same_ancestry_by_whatever_source(finished_run: Path) -> None:
    by_run = trace({"path": str(finished_run)}, {}, "hash")
    assert by_run == trace({"path": str(finished_run / "model")}, {}, "hash")
    assert [(entry["path"], entry["model_hash"]) for entry in by_run] == [(str(finished_run), "hash")]


@pytest.mark.parametrize("model", [{}, {"tokenizer": "x"}, {"path": "bert-base-uncased"}, {"path": "gt/model"}])
def test_what_comes_from_no_run_has_no_ancestry(
    model: dict[str, str], finished_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(finished_run)
    assert trace(model, {}, "hash") == []


@pytest.mark.parametrize(("now", "warned"), [("causal", True), ("bidirectional", False)])
def test_another_attention_than_the_earlier_run_had_is_warned_of_in_one_line(
    now: str, warned: bool, finished_run: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        trace({"path": str(finished_run), "attention": now}, {}, "hash")
    line = f"{finished_run} was trained with model.attention=bidirectional, this run goes on with causal"
    assert caplog.messages == ([line] if warned else [])


@pytest.mark.slow
def test_the_weights_are_identity_and_the_place_of_outputs_is_not(
    overrides: list[str], finished_run: Path, tmp_path: Path
) -> None:
    def identity(run: Path) -> str:
        return identify(compose([*overrides, "model=run", f"model.path={run}"])).hash

    moved = Path(shutil.copytree(finished_run, tmp_path / "moved/study/cell/seed-42"))
    assert identity(moved) == identity(finished_run) == identity(moved / "model")
    config = yaml.safe_load((moved / "config.yaml").read_text())
    (moved / "config.yaml").write_text(yaml.safe_dump({**config, "study": "renamed"}))
    assert identity(moved) == identity(finished_run)
    file = moved / "model/model.safetensors"
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert identity(moved) != identity(finished_run)


@pytest.mark.slow
def test_a_chain_trained_elsewhere_has_the_same_identity_to_its_end(
    train: Train, overrides: list[str], tmp_path: Path
) -> None:
    """Nothing in the folder of a model says where its parent or its own run was."""
    hashes = []
    for place in ("a", "b"):
        more = [*overrides, f"output_dir={tmp_path / place}", "trainer.max_epochs=1", "data.limit=16"]
        first = train(*more)
        second = train(*more, "model=run", f"model.path={first}")
        hashes.append([state(run)["identity_hash"] for run in (first, second)] + [Runs().fingerprint(str(second))])
    assert hashes[0] == hashes[1]


def test_without_a_path_it_is_said_what_to_give(clozelab: Run) -> None:
    code, _, err = clozelab("train", "model=run", "logger=none")
    assert code == 2
    assert "model.path: must be given, for example on the command line: model.path=..." in err


@pytest.mark.network
@pytest.mark.slow
@pytest.mark.timeout(1800)  # minutes on two idle cores, more beside other tests
def test_the_three_experiments_of_the_chain_run_in_order(train: Train) -> None:
    first = train("experiment=chain_pretrain")
    second = train("experiment=chain_adapt", f"model.path={first}")
    third = train("experiment=chain_finetune", f"model.path={second}")
    assert_descends(third, second, first)
    assert "head taken over" in said(second)
    assert "head is new: the folder holds BertForMaskedLM" in said(third)
    learnt, adapted, tuned = (json.loads((run / "metrics.json").read_text()) for run in (first, second, third))
    assert learnt["val/perplexity"] < learnt["val/unigram_perplexity"]
    assert adapted["val/masked_accuracy"] > adapted["val/unigram_accuracy"]
    assert tuned["test/accuracy"] > 0.9, "87 % are no spam"


def test_texts_that_an_earlier_run_may_have_learnt_from_are_said(
    finished_run: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = tmp_path / "run"
    shutil.copytree(finished_run, run)
    config = yaml.safe_load((run / "config.yaml").read_text())
    config["data"].update(train="a.csv", fold=0, split_seed=0)
    (run / "config.yaml").write_text(yaml.safe_dump(config))
    for data, said in (
        ({"train": "a.csv", "fold": 0, "split_seed": 0}, False),
        ({"train": "b.csv", "fold": 1, "split_seed": 0}, False),
        ({"train": "a.csv", "fold": 1, "split_seed": 0}, True),
    ):
        caplog.clear()
        trace({"path": str(run)}, data, "hash")
        assert ("another data.fold" in caplog.text) == said


def write_run(folder: Path, *, model: dict[str, Any], data: dict[str, Any], ancestry: Any = ()) -> Path:
    """Writes what a run leaves of its configuration, and the limit of its encoder."""
    (folder / "model").mkdir(parents=True)
    (folder / "model" / "config.json").write_text('{"max_position_embeddings": 512}')
    (folder / "run.json").write_text(json.dumps({"id": folder.name, "identity_hash": "1f", "ancestry": list(ancestry)}))
    (folder / "config.yaml").write_text(yaml.safe_dump({"model": model, "data": {"train": "a", **data}}))
    return folder


@pytest.mark.parametrize(
    ("first", "now", "warned"),
    [
        ({"max_length": 512}, None, True),  # random weights, read at 128 by both runs; now up to 512
        ({"max_length": 512}, 256, True),
        ({"max_length": 512}, 128, False),
        ({"path": "of/a/hub"}, None, False),  # trained elsewhere, on nobody knows what
    ],
)
def test_positions_that_no_run_of_the_line_has_trained_are_said_once(
    first: dict[str, Any], now: int | None, warned: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one = write_run(tmp_path / "one", model=first, data={"max_length": 128})
    two = write_run(tmp_path / "two", model={"path": str(one)}, data={"max_length": 64})
    with caplog.at_level(logging.WARNING):
        trace({"path": str(two)}, {"train": "b", "max_length": now}, "hash")
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == warned
    for text in said:
        assert f"read at most 128 tokens at once, this one up to {now or 512}: later positions" in text
        assert "data.max_length=128 stays within" in text


def test_a_line_that_is_lost_and_one_that_read_full_length_warn_of_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    full = write_run(tmp_path / "full", model={"max_length": 512}, data={"max_length": None})
    lost = write_run(tmp_path / "lost", model={"path": str(tmp_path / "gone")}, data={"max_length": 64})
    with caplog.at_level(logging.WARNING):
        for parent in (full, lost):
            trace({"path": str(parent)}, {"train": "b", "max_length": None}, "hash")
    assert caplog.records == []


def test_the_licence_of_the_weights_is_handed_down(tmp_path: Path) -> None:
    one = write_run(tmp_path / "one", model={"license": "Apache-2.0", "max_length": 512}, data={})
    line = trace({"path": str(one)}, {"train": "b"}, "hash")
    assert line[0]["license"] == "Apache-2.0"
    two = write_run(tmp_path / "two", model={"license": "unknown", "path": str(one)}, data={}, ancestry=line)
    assert [run["license"] for run in trace({"path": str(two)}, {"train": "b"}, "hash")] == ["Apache-2.0"] * 2
    own = write_run(tmp_path / "own", model={"license": "MIT", "path": str(one)}, data={}, ancestry=line)
    assert trace({"path": str(own)}, {"train": "b"}, "hash")[0]["license"] == "MIT"
    (two / "config.yaml").unlink()
    assert trace({"path": str(two)}, {"train": "b"}, "hash")[0]["license"] == "Apache-2.0"


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("run.json", '{"identity_hash": "1f", "ancestry": []}', "damaged, has no id"),
        ("run.json", '{"id": "one", "ancestry": []}', "damaged, has no identity_hash"),
        ("run.json", '{"id": "one", "identity_hash": "1f", "ancestry": null}', "damaged, has no ancestry"),
        ("config.yaml", "data: {train: a}", "damaged, has no model"),
        ("model/config.json", '{"max_position', "damaged, not JSON"),
        ("model/config.json", "[]", "damaged, not one JSON object"),
    ],
)
def test_an_account_that_is_damaged_is_named(name: str, content: str, reason: str, tmp_path: Path) -> None:
    run = write_run(tmp_path / "one", model={"max_length": 512}, data={"max_length": 128})
    (run / name).write_text(content)
    with pytest.raises(ConfigError, match=f"{name}': {reason}"):
        trace({"path": str(run)}, {"train": "b", "max_length": None}, "hash")
