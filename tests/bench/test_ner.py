"""The benchmark gives every contestant the same sentences, and times what it says."""

from pathlib import Path

import pytest

from clozelab.bench.ner import Ours, examples_of, run
from clozelab.config.compose import compose


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning")  # accelerate's, about an accelerator that is not there
def test_the_benchmark_prints_a_ratio_for_each_peer(
    overrides: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run([*overrides, "trainer.precision=32-true"], rounds=7, steps=2, output=tmp_path / "bench.json")
    printed = capsys.readouterr().out
    assert "HF Trainer, tuned" in printed
    assert "HF Trainer, defaults" in printed
    assert (tmp_path / "bench.json").exists()


def test_our_contestant_counts_what_it_trains(overrides: list[str]) -> None:
    ours = Ours(config=compose(overrides))
    result = ours.run(3)
    assert result.examples == 3 * 8
    assert result.tokens > result.examples
    assert result.seconds > 0


def test_peers_get_every_word_with_its_label(overrides: list[str]) -> None:
    split = Ours(config=compose(overrides)).parts.data.splits["train"]
    examples = examples_of(split)
    assert len(examples) == len(split.input_ids)
    labelled = [label for example in examples for label in example["labels"] if label != -100]
    assert labelled == [int(t) for window in range(len(examples)) for t in split.targets(window)]
    assert all(len(e["input_ids"]) == len(e["labels"]) for e in examples)
