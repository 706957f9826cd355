"""What all tests share: a cache of their own, a tiny encoder, a tiny corpus, and the command line in this process."""

import io
import os
import random
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from hypothesis import settings

# A busy machine is no failure.
settings.register_profile("clozelab", deadline=None)
settings.load_profile("clozelab")

# Before anything imports them: no test may reach a hub or a dashboard's server.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["WANDB_MODE"] = "offline"
os.environ.setdefault("OMP_NUM_THREADS", "1")  # tiny tensors: a second thread only waits

WORDS = ("the a in of on said met saw left wants every small new old green company city river game report").split()  # noqa: SIM905
NAMES = {
    "PER": ["Ada", "Grace Hopper", "Alan Turing"],
    "LOC": ["Paris", "New York", "Oslo"],
    "ORG": ["Acme Corp", "Initech"],
}


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache directory for the whole session, and no other."""
    folder = tmp_path_factory.mktemp("cache")
    saved = os.environ.get("CLOZELAB_CACHE")
    os.environ["CLOZELAB_CACHE"] = str(folder)
    yield folder
    if saved is None:
        del os.environ["CLOZELAB_CACHE"]
    else:
        os.environ["CLOZELAB_CACHE"] = saved


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Hugging Face folder with a BERT of two layers, hidden 32, and a WordPiece tokenizer of single letters."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("tiny_model")
    letters = "abcdefghijklmnopqrstuvwxyz0123456789.,-"
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{c}" for c in letters), *WORDS]
    tokens = {token: i for i, token in enumerate(dict.fromkeys(vocabulary))}
    BertTokenizerFast(vocab=tokens).save_pretrained(str(folder))
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(tokens), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=128,
    )  # fmt: skip
    BertModel(config).save_pretrained(str(folder))
    return folder


def sentence(draw: random.Random) -> list[tuple[str, str]]:
    """Returns a made-up sentence as (word, IOB2 tag) pairs, with an entity or two."""
    pairs: list[tuple[str, str]] = []
    for _ in range(draw.randint(1, 3)):
        pairs += [(word, "O") for word in draw.sample(WORDS, draw.randint(1, 4))]
        kind = draw.choice(sorted(NAMES))
        words = draw.choice(NAMES[kind]).split()
        pairs += [(word, ("I-" if i else "B-") + kind) for i, word in enumerate(words)]
    return [*pairs, (".", "O")]


@pytest.fixture(scope="session")
def conll_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Three files of CoNLL columns (word, tag): 60, 20 and 20 sentences."""
    folder = tmp_path_factory.mktemp("conll")
    draw = random.Random(0)
    files = {}
    for split, count in (("train", 60), ("validation", 20), ("test", 20)):
        blocks = ["\n".join(f"{word} {tag}" for word, tag in sentence(draw)) for _ in range(count)]
        files[split] = folder / f"{split}.conll"
        files[split].write_text("-DOCSTART- O\n\n" + "\n\n".join(blocks) + "\n")
    return files


@pytest.fixture(scope="session")
def hub_dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the hub converts datasets: `<configuration>/<split>/0000.parquet`, with the names of the labels."""
    import datasets

    datasets.disable_progress_bars()
    folder = tmp_path_factory.mktemp("hub_dataset")
    for name in ("conll2003", "wnut_17", "ontonotes5"):
        label = datasets.Value("int32") if name == "ontonotes5" else datasets.ClassLabel(names=["O", "B-PER"])
        column = "tags" if name == "ontonotes5" else "ner_tags"
        kinds = datasets.Features({"tokens": datasets.List(datasets.Value("string")), column: datasets.List(label)})
        for split in ("train", "validation", "test"):
            rows = datasets.Dataset.from_dict({"tokens": [[split, "Ada"]], column: [[0, 1]]}, features=kinds)
            (folder / name / split).mkdir(parents=True)
            rows.to_parquet(str(folder / name / split / "0000.parquet"))
    return folder


GLUE: dict[str, tuple[str, list[str], list[str] | None]] = {
    "cola": ("sentence", [], ["unacceptable", "acceptable"]),
    "mnli": ("premise hypothesis", ["_matched", "_mismatched"], ["entailment", "neutral", "contradiction"]),
    "mrpc": ("sentence1 sentence2", [], ["not_equivalent", "equivalent"]),
    "qnli": ("question sentence", [], ["entailment", "not_entailment"]),
    "qqp": ("question1 question2", [], ["not_duplicate", "duplicate"]),
    "rte": ("sentence1 sentence2", [], ["entailment", "not_entailment"]),
    "sst2": ("sentence", [], ["negative", "positive"]),
    "stsb": ("sentence1 sentence2", [], None),
}
"""Columns of the texts, what the names of evaluation splits end in, and the names of the labels; None are numbers."""


@pytest.fixture(scope="session")
def glue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """GLUE in the layout it has on the hub: `<task>/<split>-00000-of-00001.parquet`, and a README that says so."""
    import datasets

    datasets.disable_progress_bars()
    folder = tmp_path_factory.mktemp("glue")
    readme = ["---", "configs:"]
    for name, (columns, endings, labels) in GLUE.items():
        kind = datasets.ClassLabel(names=labels) if labels else datasets.Value("float32")
        string = datasets.Value("string")
        features = datasets.Features(
            dict.fromkeys(columns.split(), string) | {"label": kind, "idx": datasets.Value("int32")}
        )
        readme += [f"- config_name: {name}", "  data_files:"]
        (folder / name).mkdir()
        for split in ("train", *(part + end for part in ("validation", "test") for end in endings or [""])):
            size = 60 if split == "train" else 6
            texts = {c: [f"{c} of {split} x{i}" for i in range(size)] for c in columns.split()}
            secret = split.startswith("test")
            values = [-1 if secret else i % len(labels) if labels else i % 6 / 1.2 for i in range(size)]
            rows = {**texts, "label": values, "idx": list(range(size))}
            path = folder / name / f"{split}-00000-of-00001.parquet"
            datasets.Dataset.from_dict(rows, features=features).to_parquet(str(path))
            readme += [f"  - split: {split}", f"    path: {name}/{split}-*"]
    (folder / "README.md").write_text("\n".join([*readme, "---", ""]))
    return folder


def command_line(tiny_model: Path, conll_files: dict[str, Path], output: Path) -> list[str]:
    """Returns the keys of a run that takes a second: tiny encoder, tiny corpus."""
    return [
        "model=hub", f"model.path={tiny_model}", "data=files", *(f"data.{s}={p}" for s, p in conll_files.items()),
        "data.batch_size=8", "trainer.max_epochs=2", "optimizer.lr=1e-3", "logger=none", f"output_dir={output}",
        "callbacks.progress.enabled=false", "num_threads=1",
    ]  # fmt: skip


@pytest.fixture
def overrides(tiny_model: Path, conll_files: dict[str, Path], tmp_path: Path) -> list[str]:
    """The command line of a run that takes a second, output below tmp_path."""
    return command_line(tiny_model, conll_files, tmp_path / "outputs")


@pytest.fixture(scope="session")
def finished_run(tiny_model: Path, conll_files: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A completed run directory to read, not to write below; of its argmax predictions some are not legal IOB2."""
    from clozelab.cli import main

    output = tmp_path_factory.mktemp("finished")
    more = ["trainer.max_epochs=3", "optimizer.lr=5e-3"]
    assert main(["train", *command_line(tiny_model, conll_files, output), *more]) == 0
    (run,) = output.glob("*/*/seed-*")
    return run


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
def run_of(tiny_model: Path, finished_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
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
        from clozelab.cli import main

        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):  # not what the test itself looks at
            assert main(["train", *command]) == 0
        (run,) = (folder / kind).glob("*/*/seed-*")
        return run

    def get(kind: str) -> Path:
        if kind not in made:
            made[kind] = train(kind)
        return made[kind]

    return get


@pytest.fixture
def clozelab(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs a command line in this process; returns exit code, standard output and standard error."""
    from clozelab.cli import main

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(list(arguments))
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run
