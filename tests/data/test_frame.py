"""The special tokens around one segment and two."""

import random
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from clozelab.data.frame import Frame, frame_of
from clozelab.errors import ConfigError

KINDS = ["word_piece", "byte_level", "unigram", "whole_sentence"]


def test_bert_puts_a_class_token_before_and_separators_behind(tiny_model: Path) -> None:
    assert frame_of(AutoTokenizer.from_pretrained(tiny_model)) == Frame((2,), (3,), (3,), True, 3)


def test_roberta_puts_two_separators_between_and_knows_no_types(
    tokenizers: Mapping[str, PreTrainedTokenizerFast],
) -> None:
    assert frame_of(tokenizers["byte_level"]) == Frame((0,), (2, 2), (2,), False, 2)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("num_segments", [1, 2])
def test_segments_are_framed_as_the_tokenizer_frames_them(
    kind: str, num_segments: int, tokenizers: Mapping[str, PreTrainedTokenizerFast]
) -> None:
    tokenizer = tokenizers[kind]
    frame = frame_of(tokenizer)
    draw = random.Random(0)
    for _ in range(20):
        texts = [" ".join(draw.choices(["river", "report", "Ada", "games"], k=draw.randint(1, 9)))] * num_segments
        texts[-1] += " said"
        segments = [np.array(tokenizer(text, add_special_tokens=False)["input_ids"]) for text in texts]
        ids, second, places = frame.around(segments)
        expected = tokenizer(*texts, return_token_type_ids=True)
        assert ids.tolist() == expected["input_ids"]
        assert ids.dtype == np.int64
        types = expected["token_type_ids"]
        assert second == (types.index(1) if 1 in types else len(ids))
        for place, segment in zip(places, segments, strict=True):
            assert ids[place : place + len(segment)].tolist() == segment.tolist()
        assert frame.num_special(num_segments) == len(ids) - sum(map(len, segments))


def test_truncation_and_padding_of_the_tokenizers_file_change_nothing(tiny_model: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    expected = frame_of(tokenizer)
    tokenizer.backend_tokenizer.enable_truncation(3)
    tokenizer.backend_tokenizer.enable_padding(length=9)
    assert frame_of(tokenizer) == expected


def bare(pair: str | None = None, **names: str) -> PreTrainedTokenizerFast:
    """Returns a tokenizer of two words that frames nothing, or as `pair` says."""
    tokenizer = Tokenizer(models.WordLevel({"[CLS]": 0, "[SEP]": 1, "a": 2, "b": 3}, unk_token="b"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    if pair is not None:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", pair=pair, special_tokens=[("[CLS]", 0), ("[SEP]", 1)]
        )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names)


def test_a_tokenizer_without_special_tokens_is_refused_in_plain_words() -> None:
    with pytest.raises(ConfigError, match="puts no special tokens around texts; pretraining needs them"):
        frame_of(bare(sep_token="[SEP]"))


def test_one_without_a_separator_is_refused() -> None:
    with pytest.raises(ConfigError, match="no separator token"):
        frame_of(bare("[CLS] $A [SEP] $B:1 [SEP]:1"))


def test_one_whose_types_do_not_begin_with_the_second_segment_is_refused() -> None:
    with pytest.raises(ConfigError, match="token types of a pair do not begin with its second segment"):
        frame_of(bare("[CLS]:1 $A [SEP] $B:1 [SEP]:1", sep_token="[SEP]"))
    with pytest.raises(ConfigError, match="token types of a pair do not begin with its second segment"):
        frame_of(bare("[CLS] $A [SEP] $B:1 [SEP]:0", sep_token="[SEP]"))


def test_one_that_makes_nothing_of_a_letter_is_refused() -> None:
    tokenizer = Tokenizer(models.BPE({"[CLS]": 0, "[SEP]": 1, "ä": 2}, []))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 0), ("[SEP]", 1)]
    )
    with pytest.raises(ConfigError, match="makes no token of the letter a"):
        frame_of(PreTrainedTokenizerFast(tokenizer_object=tokenizer, sep_token="[SEP]"))
