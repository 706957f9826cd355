"""Finished runs of every kind to ask: they are read, not written below."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from clozelab.cli import main

Runs = Callable[[str], Path]
WORDS = ("the a in of on said met saw left wants every small new old green company city river game report").split()  # noqa: SIM905


def make_phrases(seed: int, count: int, longest: int = 12) -> list[str]:
    """Returns made-up texts: known words, words of many pieces, names, punctuation."""
    draw = random.Random(seed)
    pool = [*WORDS, "Ada", "Paris", "Acme", "zebras", "x9y", "3.14", "well-known", "St.", "fjord,", "(so)"]
    return [" ".join(draw.choices(pool, k=draw.randint(1, longest))) for _ in range(count)]


@pytest.fixture
def phrases() -> Callable[[int, int], list[str]]:
    """Makes texts, from a seed and their number."""
    return make_phrases


@pytest.fixture(scope="session")
def runs(tiny_model: Path, finished_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """A run of each kind: `words`, `single`, `pairs`, `numbers`, `masks` (with pairs); trained when first asked for."""
    folder = tmp_path_factory.mktemp("runs")
    made = {"words": finished_run}

    def train(kind: str) -> Path:
        data = folder / f"{kind}.csv"
        first, second = make_phrases(1, 200), make_phrases(2, 60)
        if kind == "masks":
            data = folder / "documents"
            data.mkdir()
            for number in range(40):
                (data / f"{number}.txt").write_text(". ".join(first[number * 5 : number * 5 + 5]) + ".")
            keys = ["task=pretraining", "data=plain_files", "data.max_length=40", "data.next_sentence=true"]
        else:
            first = first[:60]
            classes = ["long" if len(text) > 30 else "short" for text in first]
            labels = [str(len(text) / 10) for text in first] if kind == "numbers" else classes
            pairs = [f',"{text}"' if kind == "pairs" else "" for text in second]
            rows = [f'"{text}"{pair},{label}' for text, pair, label in zip(first, pairs, labels, strict=True)]
            data.write_text("\n".join([f"review{',reply' if kind == 'pairs' else ''},label", *rows]) + "\n")
            keys = ["task=sequence_classification", "data=text_files", "data.format.text=review"]
            keys += ["data.format.pair=reply"] if kind == "pairs" else []
            keys += ["data.format.numbers=true"] if kind == "numbers" else []
        command = [
            "model=hub", f"model.path={tiny_model}", *keys, f"data.train={data}", "data.batch_size=8", "logger=none",
            "trainer.max_epochs=2", "optimizer.lr=3e-3", "num_threads=1", "callbacks.progress.enabled=false",
            f"output_dir={folder / kind}",
        ]  # fmt: skip
        assert main(["train", *command]) == 0
        (run,) = (folder / kind).glob("*/*/seed-*")
        return run

    def get(kind: str) -> Path:
        if kind not in made:
            made[kind] = train(kind)
        return made[kind]

    return get
