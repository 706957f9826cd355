"""What the words of `evaluate` ask for."""

from pathlib import Path

import pytest

from clozelab.errors import ConfigError
from clozelab.evaluate.settings import configured, parse

OWN = {
    "task": {"_target_": "clozelab.task.sequence_classification.SequenceClassification", "pooling": "first"},
    "data": {"_target_": "clozelab.data.texts.Texts", "max_length": 64, "batch_size": 8, "limit": 5, "fold": 2},
    "num_threads": None, "trainer": {},
}  # fmt: skip


def test_words_are_sorted() -> None:
    words = [
        "data=tweets",
        "split=all",
        "labels.a b=c",
        "labels.x==d",
        "labels.y=null",
        "data.limit=3",
        "num_threads=1",
    ]
    found = parse(words)
    assert (found.data, found.split) == ("tweets", "all")
    assert found.mapping == {"a b": "c", "x=": "d", "y": None}
    assert (found.of_data, found.others) == (("data.limit=3",), ("num_threads=1",))
    assert found.name == "data=tweets data.limit=3"
    assert found.command(Path("a run")).startswith("clozelab evaluate 'a run' data=tweets split=all 'labels.a b=c'")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["split=dev"], "split=dev: must be one of train, validation, test, all"),
        (["split="], "split=: must be one of"),
        (["data=a", "data=b"], "data=b: data is given twice"),
        (["labels.a="], "labels.a=: must be labels.THEIRS=OURS"),
        (["labels.=a"], "labels.=a: must be labels.THEIRS=OURS"),
        (["labels.a=b", "labels.a=c"], "labels.a=c: must be labels.THEIRS=OURS, .* given twice"),
        (["labels={a: b}"], "write labels.THEIRS=OURS, once for each label"),
    ],
)
def test_a_word_that_cannot_be_meant_is_refused(words: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse(words)


def test_more_folders_are_for_data() -> None:
    with pytest.raises(ConfigError, match="--config-dir: is for an option of data"):
        parse(["split=test"], ["--config-dir", "conf"])


def test_other_data_are_composed_as_train_does_and_read_as_the_run_read_its_own() -> None:
    data = configured(OWN, parse(["data=tweets", "data.fold=1"]))["data"]
    assert data["train"].endswith("tweets_GroundTruth.txt")
    assert (data["max_length"], data["batch_size"]) == (64, 8), "the run's own"
    assert (data["limit"], data["fold"]) == (None, 1), "not the run's own"
    assert configured(OWN, parse(["data=tweets", "data.max_length=32"]))["data"]["max_length"] == 32


def test_a_file_that_is_not_given_is_the_scored_one_but_never_the_other_way_round(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.csv").touch()
    data = configured(OWN, parse(["data=text_files", "data.test=a.csv"]))["data"]
    assert (data["train"], data["test"], data["validation"]) == ("a.csv", "a.csv", None)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["data=text_files", "data.validation=a.csv"], "data.test: must be given: data.test=FILE is the file that"),
        (["data=text_files"], "data.test: must be given"),
        (["data=text_files", "split=all"], "data.train: must be given: data.train=FILE is the file that is scored"),
        (["data=text_files", "data.test=a.csv"], "data.test='a.csv': no such file or folder"),
    ],
)
def test_the_file_that_is_missing_is_the_one_that_is_scored(words: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        configured(OWN, parse(words))


def test_an_option_of_one_s_own_is_found(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine.yaml").write_text("defaults: [text_files]\ntrain: mine.csv\n")
    data = configured(OWN, parse(["data=mine"], ["--config-dir", str(tmp_path)]))["data"]
    assert data["train"] == "mine.csv"
