"""Datasets in the hub's layouts, from local folders; and a hub that is not there."""

import json
import shutil
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from clozelab.config.compose import compose
from clozelab.config.nodes import instantiate
from clozelab.data.records import Records
from clozelab.errors import ConfigError, DataError
from clozelab.store.dataset import Dataset

Run = Callable[..., tuple[int, str, str]]
COMMIT = "0123456789abcdef0123456789abcdef01234567"
README = """---
dataset_info:
- config_name: fine
  features:
  - name: tokens
    sequence: string
  - name: tags
    sequence:
      class_label:
        names:
          '0': O
          '1': B-DOG
configs:
- config_name: fine
  data_files:
  - split: train
    path: fine/train*
  - split: dev
    path: fine/dev*
- config_name: coarse
  data_files: coarse/*.jsonl
---
"""


@pytest.fixture(autouse=True)
def cache_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("CLOZELAB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository of JSON Lines with two configurations, described by its README."""
    folder = tmp_path / "repository"
    for name, tags in (("fine/train-0", [1, 0]), ("fine/dev-0", [0, 0]), ("coarse/all", [7, 7])):
        path = folder / f"{name}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"tokens": ["Rex", "barks"], "tags": tags}) + "\n")
    (folder / "README.md").write_text(README)
    return folder


def sentences(path: Path) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    return [(s.words, s.tags) for s in Records(kind="parquet").read(path, Counter())]


@pytest.mark.parametrize("name", ["conll2003", "wnut_17"])
@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_a_converted_dataset_is_read_with_the_names_of_its_labels(name: str, split: str, hub_dataset: Path) -> None:
    found = sentences(Dataset(path=str(hub_dataset), folder=name).locate(split))
    assert found == [((split, "Ada"), ("O", "B-PER"))]


def test_configurations_and_splits_are_those_of_the_readme(repository: Path) -> None:
    source = Dataset(path=str(repository), config="fine")
    assert sentences(source.locate("train")) == [(("Rex", "barks"), ("B-DOG", "O"))]
    assert sentences(source.locate("dev")) == [(("Rex", "barks"), ("O", "O"))]


@pytest.mark.parametrize(("config", "split"), [("fine", "test"), ("rough", "train")])
def test_a_split_or_configuration_that_is_not_there_is_named_with_those_that_are(
    config: str | None, split: str, repository: Path
) -> None:
    with pytest.raises(DataError, match=r"fine|dev|coarse") as caught:
        Dataset(path=str(repository), config=config).locate(split)
    assert f"split {split!r}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_of_several_configurations_none_is_taken_by_itself(repository: Path) -> None:
    with pytest.raises(DataError, match=r"which configuration\? data\.source\.config says it: fine, coarse"):
        Dataset(path=str(repository)).locate("train")


def test_integers_without_names_are_refused_until_names_are_given(repository: Path) -> None:
    (repository / "README.md").unlink()
    path = Dataset(path=str(repository), folder="coarse").locate("train")
    with pytest.raises(DataError, match="tag 7 is an integer"):
        sentences(path)
    names = ["O", *"ABCDEF", "B-DOG"]
    (sentence,) = Records(kind="parquet", names=names).read(path, Counter())
    assert sentence.tags == ("B-DOG", "B-DOG")


def test_a_folder_without_data_is_refused_and_nothing_is_kept(tmp_path: Path, cache_folder: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(DataError, match="empty"):
        Dataset(path=str(empty)).locate("train")
    assert not list(cache_folder.rglob("*.parquet"))


def test_a_damaged_file_is_refused_and_nothing_is_kept(hub_dataset: Path, tmp_path: Path, cache_folder: Path) -> None:
    damaged = tmp_path / "damaged"
    shutil.copytree(hub_dataset, damaged)
    (damaged / "wnut_17" / "train" / "0000.parquet").write_bytes(b"PAR1 not really PAR1")
    with pytest.raises(DataError, match="damaged"):
        Dataset(path=str(damaged), folder="wnut_17").locate("train")
    assert not list(cache_folder.rglob("*.parquet"))


def test_the_fingerprint_follows_content_configuration_folder_and_split(repository: Path) -> None:
    first = Dataset(path=str(repository), config="fine")
    prints = {first.fingerprint("train"), first.fingerprint("dev")}
    prints |= {Dataset(path=str(repository), config="coarse").fingerprint("train")}
    prints |= {Dataset(path=str(repository), config="fine", folder="fine").fingerprint("train")}
    (repository / "fine" / "train-0.jsonl").write_text("{}")
    prints.add(first.fingerprint("train"))
    assert len(prints) == 5


def test_a_dataset_by_name_and_commit_is_identified_without_the_network() -> None:
    source = Dataset(path="some/data", revision=COMMIT, folder="en", offline=True)
    assert source.fingerprint("train") == f"dataset:some/data@{COMMIT}/None/en/train"
    with pytest.raises(DataError, match=r"'some/data'.*offline is set"):
        source.locate("train")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"path": "a b"}, "path='a b': neither a local folder nor a hub name"),
        ({"path": "./absent"}, "path='./absent': no such file or folder"),
        ({"path": "a/b", "revision": ""}, "revision=''"),
        ({"path": "a/b", "folder": "../x"}, "folder='../x'"),
        ({"path": "a/b", "folder": "/x"}, "folder='/x'"),
    ],
)
def test_what_cannot_be_is_refused_by_the_constructor(arguments: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Dataset(**arguments)  # type: ignore[arg-type]
    assert words in str(caught.value)
    assert caught.value.key in arguments


@pytest.mark.parametrize("split", ["", "a/b", "train[:10]", "../x"])
def test_what_is_no_name_of_a_split_is_refused(split: str) -> None:
    with pytest.raises(ConfigError, match="not the name of a split"):
        Dataset(path="a/b").check(split)


def test_without_the_library_the_message_says_how_to_get_it(hub_dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(DataError, match=r"pip install 'clozelab\[hub\]'"):
        Dataset(path=str(hub_dataset), folder="wnut_17").locate("train")


@pytest.mark.parametrize(
    ("data", "options"),
    [
        ("hub", ["data.source.folder=conll2003"]),
        ("conll2003_hub", ["data.source.revision=main"]),
        ("wnut_17", ["data.source.revision=main"]),
        ("ontonotes5", ["data.source.revision=main"]),
    ],
)
def test_a_dataset_of_the_hub_trains_from_the_command_line(
    data: str, options: list[str], clozelab: Run, hub_dataset: Path, tiny_model: Path, tmp_path: Path
) -> None:
    code, out, err = clozelab(
        "train", f"data={data}", f"data.source.path={hub_dataset}", *options, "model=hub", f"model.path={tiny_model}",
        "trainer.max_epochs=1", "logger=none", f"output_dir={tmp_path / 'out'}", "num_threads=1",
        "callbacks.progress.enabled=false",
    )  # fmt: skip
    assert code == 0, err
    assert "f1_conlleval" in out
    (run,) = (tmp_path / "out").glob("*/*/seed-42")
    assert pq.read_table(run / "predictions" / "test.parquet")["words"].to_pylist() == [["test", "Ada"]]
    labels = json.loads((run / "run.json").read_text())["labels"]
    assert labels == (["B-CARDINAL", "O"] if data == "ontonotes5" else ["B-PER", "O"])


@pytest.mark.parametrize("name", ["cola", "mnli", "mrpc", "qnli", "qqp", "rte", "sst2", "stsb"])
def test_a_task_of_glue_is_read_as_its_config_says(name: str, glue: Path) -> None:
    config = compose(["task=sequence_classification", f"data={name}"])["data"]
    config["source"]["path"] = str(glue)
    data = instantiate(config)
    found = {split: list(data.texts(split, Counter())) for split in ("train", "validation", "test")}
    assert [len(texts) for texts in found.values()] == [54, 6, 6], "validation is drawn from the training split"
    end = "_matched" if name == "mnli" else ""
    columns = {"mnli": ["premise", "hypothesis"], "qnli": ["question", "sentence"], "qqp": ["question1", "question2"]}
    names = columns.get(name, ["sentence"] if name in ("cola", "sst2") else ["sentence1", "sentence2"])
    assert found["test"][0].segments == tuple(f"{column} of validation{end} x0" for column in names)
    labels = pq.read_schema(glue / name / "train-00000-of-00001.parquet").metadata[b"huggingface"]
    if name == "stsb":
        assert [text.label for text in found["test"]] == pytest.approx([i / 1.2 for i in range(6)])
    else:
        stored = json.loads(labels)["info"]["features"]["label"]["names"]
        assert [text.label for text in found["test"]] == [stored[i % len(stored)] for i in range(6)]


@pytest.mark.parametrize(
    ("name", "metric"),
    [
        ("mrpc", "f1/equivalent"),
        *(pytest.param(*case, marks=pytest.mark.slow) for case in (("mnli", "f1/neutral"), ("stsb", "pearson"))),
    ],
)
def test_a_task_of_glue_trains_from_the_command_line(
    name: str, metric: str, clozelab: Run, glue: Path, tiny_model: Path, tmp_path: Path
) -> None:
    code, out, err = clozelab(
        "train", "task=sequence_classification", f"data={name}", f"data.source.path={glue}", "model=hub",
        f"model.path={tiny_model}", "trainer.max_epochs=1", "logger=none", f"output_dir={tmp_path / 'out'}",
        "num_threads=1", "callbacks.progress.enabled=false",
    )  # fmt: skip
    assert code == 0, err
    assert metric in out
