"""What tests of answers share: the tiny encoders of tests/model, a tokenizer, and a batch of examples."""

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from clozelab.data.example import Example
from clozelab.data.loader import Collator
from clozelab.types import Batch

_PATH = Path(__file__).parents[1] / "model" / "conftest.py"
_SPEC = importlib.util.spec_from_file_location("tests_model_conftest", _PATH)
assert _SPEC is not None
assert _SPEC.loader is not None
_MODULE = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_MODULE)
encoder_folder = _MODULE.encoder_folder


@pytest.fixture(scope="session")
def tokenizer(tiny_model: Path) -> PreTrainedTokenizerFast:
    """The tokenizer of single letters and a few words."""
    found: PreTrainedTokenizerFast = AutoTokenizer.from_pretrained(str(tiny_model))
    return found


@pytest.fixture
def batch_of(tokenizer: PreTrainedTokenizerFast) -> Callable[[Sequence[Example]], Batch]:
    """Packs examples as a predictor does."""

    def make(examples: Sequence[Example]) -> Batch:
        collate = Collator(pad_token_id=tokenizer.pad_token_id, packable=True, split="predict")
        numbered = []
        for number, example in enumerate(examples):
            places = np.arange(len(example.positions))
            ids = np.stack([np.full(len(places), number), places], 1)
            numbered.append(replace(example, number=number, target_ids=ids))
        targets = sum(len(example.positions) for example in examples)
        return collate(numbered, num_step_targets=targets, num_step_examples=len(examples))

    return make
