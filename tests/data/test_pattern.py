"""Texts a line, read by regular expressions; the corrupt csv of the SMS Spam Collection is what they are for."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from clozelab.config.nodes import instantiate
from clozelab.config.origin import conf_dir
from clozelab.data.pattern import Pattern
from clozelab.errors import ConfigError, DataError

TAB = r"(?P<label>\S+)\t(?P<text>.*)"


def test_messages_inside_a_quoted_cell_of_another_are_messages(tmp_path: Path) -> None:
    path = tmp_path / "sms.csv"
    path.write_text(
        ",spam,text\n0,0,\"Go, now..\"\n1,1,Free entry\n2,0,\"He said \"\"no\"\"\n"
        "ham\tOk. I asked\nspam\tWin \"\"now\"\"\"\n3,0,last, one\n"
    )  # fmt: skip
    node = yaml.safe_load((conf_dir() / "data" / "sms_spam.yaml").read_text())["format"]
    found = list(instantiate(node).read(path, Counter()))
    assert [(text.label, text.segments[0]) for text in found] == [
        ("ham", "Go, now.."), ("spam", "Free entry"), ("ham", 'He said "no"'), ("ham", "Ok. I asked"),
        ("spam", 'Win "now"'), ("ham", "last, one"),
    ]  # fmt: skip


def test_a_line_that_fits_no_pattern_is_an_error_with_its_number(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("a\tone\n\nno tab\n")
    with pytest.raises(DataError, match=r"a\.txt:3: fits no pattern of data\.format\.patterns: 'no tab'"):
        list(Pattern(patterns=[TAB]).read(path, Counter()))


def test_the_first_pattern_that_fits_is_taken_and_empty_texts_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("# head\na\tone\nb\t \n")
    counts = Counter[str]()
    texts = list(Pattern(patterns=[TAB, "(?P<label>a)(?P<text>.*)"], ignore="#.*").read(path, counts))
    assert [(text.label, text.segments, text.line) for text in texts] == [("a", ("one",), 2)]
    assert counts == {"texts_empty": 1}


def test_a_label_that_is_none_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("a\tone\n")
    with pytest.raises(DataError, match=r"a\.txt:1: label 'a' is not among"):
        list(Pattern(patterns=[TAB], names=["b"]).read(path, Counter()))


@pytest.mark.parametrize("options", [{"patterns": ["("]}, {"patterns": ["(?P<text>.*)"]}, {"patterns": []}])
def test_what_is_no_pattern_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="patterns"):
        Pattern(**options)
