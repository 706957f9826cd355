"""Documents to learn a language from."""

import random
from pathlib import Path

import pytest

WORDS = ("the a in of on said met saw left wants every small new old green company city river game report").split()  # noqa: SIM905


@pytest.fixture(scope="session")
def articles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 40 documents of 4 to 9 sentences; each has few words of its own, so that pairs can be told apart."""
    folder = tmp_path_factory.mktemp("articles")
    draw = random.Random(0)
    for number in range(40):
        words = draw.sample(WORDS, 4)
        lengths = [draw.randint(4, 8) for _ in range(draw.randint(4, 9))]
        sentences = [" ".join(draw.choices(words, k=length)).capitalize() + "." for length in lengths]
        (folder / f"{number:02}.txt").write_text(" ".join(sentences))
    return folder


@pytest.fixture
def corpus(tiny_model: Path, articles: Path, tmp_path: Path) -> list[str]:
    """The command line of a run on these documents that takes a second or two, output below tmp_path."""
    return [
        "model=hub", f"model.path={tiny_model}", "data=plain_files", f"data.train={articles}", "data.max_length=40",
        "data.batch_size=8", "trainer.max_epochs=2", "optimizer.lr=1e-3", "logger=none", "num_threads=1",
        f"output_dir={tmp_path / 'outputs'}", "callbacks.progress.enabled=false",
    ]  # fmt: skip
