"""Words of plain texts: where they stand, and that there are those only in which the tokenizer sees something."""

from collections.abc import Callable
from pathlib import Path

import pytest

import clozelab
from clozelab.errors import DataError

Runs = Callable[[str], Path]


def test_characters_are_those_of_the_text_whatever_stands_between(run_of: Runs) -> None:
    model = clozelab.load(run_of("words"))
    num_entities = 0
    for text in ("Grace\tHopper  saw 日本 Oslo\r\nin 👩\u200d👧 Paris", "\u200d\x07Ada met\n\nNew York", "e\u0301 Ada"):
        (answer,) = model.predict([text])
        for found in (*answer["words"], *answer["entities"]):
            assert text[found["start"] : found["end"]] == found.get("word", found.get("text"))
        num_entities += len(answer["entities"])
        assert not {"\u200d", "\x07"} & {word["word"] for word in answer["words"]}
    assert num_entities > 1


def test_each_character_of_chinese_has_a_tag_of_its_own(run_of: Runs) -> None:
    (answer,) = clozelab.load(run_of("words")).predict(["北京 met 日本。"])
    assert [word["word"] for word in answer["words"]] == ["北", "京", "met", "日", "本", "。"]


def test_a_word_without_a_piece_is_tagged_only_where_it_was_given(run_of: Runs) -> None:
    model = clozelab.load(run_of("words"))
    (text,), (words,) = model.predict(["Ada \u200d met"]), model.predict([["Ada", "\u200d", "met"]])
    assert [word["word"] for word in text["words"]] == ["Ada", "met"]
    assert [word["word"] for word in words["words"]] == ["Ada", "\u200d", "met"]
    (plain,) = model.predict(["Ada met"])
    assert [w["score"] for w in text["words"]] == pytest.approx([w["score"] for w in plain["words"]], abs=1e-5)
    with pytest.raises(DataError, match="item 2: the text has no word"):
        model.predict(["Ada", "\u200d \x07"])
