"""What a finished model calls the labels of data that it has not seen."""

import pytest

from clozelab.data.rescoring import Rescoring, vocabulary, warn_of_unseen
from clozelab.errors import ConfigError

TAGS = ["B-LOC", "B-PER", "I-PER", "O"]


def found(*labels: str) -> dict[str, list[str]]:
    """Returns the same labels for every split."""
    return {split: list(labels) for split in ("train", "validation", "test")}


def test_without_a_model_the_labels_of_all_splits_count() -> None:
    splits = {"train": ["b"], "validation": ["a"], "test": ["c"]}
    assert vocabulary(splits, None, ("test",), "texts") == (["a", "b", "c"], None)


def test_labels_of_which_nothing_could_be_learnt_are_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    warn_of_unseen(["a", "b", "c"], {"train": [3, 0, 0], "validation": [1, 1, 0], "test": [1, 0, 0]})
    assert caplog.messages == ["labels of the validation split that training lacks, scored as errors: b"]


def test_a_label_of_a_split_that_is_not_scored_needs_no_mapping() -> None:
    splits = {"train": ["x", "y"], "validation": ["y"], "test": ["x"]}
    model = Rescoring(labels=["x", "z"])
    labels, names = vocabulary(splits, model, ("test",), "texts")
    assert labels == ["x", "z"]
    assert names is not None
    assert names["x"] == "x"
    with pytest.raises(ConfigError, match="equal  none"):
        vocabulary(splits, model, ("validation",), "texts")


def test_a_mapping_may_name_a_label_that_the_scored_split_lacks() -> None:
    model = Rescoring(labels=["x", "z"], mapping={"y": "z"})
    splits = {"train": ["x", "y"], "validation": ["y"], "test": ["x"]}
    assert model.names(splits, ("test",), "texts") == {"x": "x", "y": "z"}


def test_a_label_that_is_equal_may_be_something_else_to_the_model() -> None:
    model = Rescoring(labels=["a", "b"], mapping={"a": "b", "b": None})
    assert model.names(found("a", "b"), ("test",), "texts") == {"a": "b", "b": None}


def test_types_are_mapped_and_tags_keep_their_borders() -> None:
    model = Rescoring(labels=TAGS, mapping={"person": "PER", "thing": None})
    names = model.names(found("B-person", "I-person", "B-thing", "I-thing", "O"), ("test",), "words")
    assert names == {"B-person": "B-PER", "I-person": "I-PER", "B-thing": None, "I-thing": None, "O": "O"}


def test_a_tag_that_the_model_lacks_though_not_its_type_is_refused() -> None:
    with pytest.raises(ConfigError, match="the model has learnt no tag I-LOC, though the type"):
        Rescoring(labels=TAGS).names(found("B-LOC", "I-LOC", "O"), ("test",), "words")


def test_plain_tags_are_mapped_as_they_are_and_none_is_left_out() -> None:
    assert Rescoring(labels=["N", "V"], mapping={"NN": "N"}).names(found("NN", "V"), ("test",), "words") == {
        "NN": "N", "V": "V",
    }  # fmt: skip
    with pytest.raises(ConfigError, match=r"labels\.NN=null: every word has a tag that is scored"):
        Rescoring(labels=["N"], mapping={"NN": None}).names(found("NN"), ("test",), "words")


def test_the_question_can_be_typed_in_a_shell_whatever_labels_are_called() -> None:
    with pytest.raises(ConfigError) as caught:
        Rescoring(labels=["x"]).names(found("very good", "$HOME"), ("test",), "texts")
    assert str(caught.value).splitlines()[-1] == "  clozelab evaluate RUN 'labels.$HOME=...' 'labels.very good=...'"


def test_only_a_corpus_of_one_file_is_scored_as_a_whole() -> None:
    Rescoring(labels=[], splits=("all",)).check_files({"train"})
    Rescoring(labels=[], splits=("test",)).check_files({"train", "test"})
    with pytest.raises(ConfigError, match="split=all: is for a corpus of one file; this one has files for"):
        Rescoring(labels=[], splits=("all",)).check_files(["train", "test"])
