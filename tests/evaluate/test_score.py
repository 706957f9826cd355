"""Finished runs scored anew: the same weights under other settings, and the run itself left as it is."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from clozelab.errors import ConfigError, DataError
from clozelab.evaluate.score import check_files, place_of
from clozelab.evaluate.settings import parse

Run = Callable[..., tuple[int, str, str]]
METRICS = {"test/loss": 0.25}


def contents(folder: Path) -> dict[str, bytes]:
    """Returns every file and folder below a folder, with the bytes of the files."""
    return {str(p.relative_to(folder)): p.read_bytes() if p.is_file() else b"" for p in sorted(folder.rglob("*"))}


def evaluated(out: str) -> Path:
    """Returns the folder that the last line of the output names."""
    return Path(out.splitlines()[-1].removeprefix("evaluated").strip())


def tags(folder: Path, split: str) -> list[list[str]]:
    """Returns the predicted tags of each sentence."""
    found: list[list[str]] = pq.read_table(folder / "predictions" / f"{split}.parquet")["prediction"].to_pylist()
    return found


@pytest.fixture
def run(finished_run: Path, tmp_path: Path) -> Path:
    """A run directory of the test's own."""
    return Path(shutil.copytree(finished_run, tmp_path / "run"))


@pytest.mark.parametrize("override", ["task.decoding=argmax", "data.eval_batch_size=128"])
def test_the_runs_own_settings_give_exactly_the_runs_scores(clozelab: Run, run: Path, override: str) -> None:
    before = contents(run)
    code, out, err = clozelab("evaluate", str(run), override)
    assert code == 0, err
    target = evaluated(out)
    assert target.parent == run / "evaluations"
    after = contents(run)
    assert {name: after[name] for name in before} == before, "the run itself stays as it is"
    assert (target / "metrics.json").read_text() == (run / "metrics.json").read_text()
    assert (target / "errors.json").read_text() == (run / "errors.json").read_text()
    for split in ("validation", "test"):
        ours, theirs = (pq.read_table(f / "predictions" / f"{split}.parquet") for f in (target, run))
        assert ours.equals(theirs)
    about = json.loads((target / "evaluation.json").read_text())
    identity = json.loads((run / "run.json").read_text())["identity"]
    assert about["overrides"] == [override]
    assert about["data"] == {f"data.{split}": identity[f"data.{split}"] for split in ("train", "validation", "test")}
    recorded = json.loads((run / "run.json").read_text())
    same = ("code", "packages", "hardware", "data_counts")
    assert {key: about[key] for key in same} == {key: recorded[key] for key in same}
    assert about["numerics"]["precision"] == recorded["numerics"]["precision"]


def test_decoding_anew_gives_legal_tags_and_leaves_the_run_as_it_is(clozelab: Run, run: Path) -> None:
    before = contents(run)
    code, out, err = clozelab("evaluate", str(run), "task.decoding=viterbi", "--errors")
    assert code == 0, err
    after = contents(run)
    assert {name: after[name] for name in before} == before
    assert {name.split("/")[0] for name in after.keys() - before.keys()} == {"evaluations"}
    (target,) = (run / "evaluations").iterdir()
    metrics, old = (json.loads((folder / "metrics.json").read_text()) for folder in (target, run))
    for split, prefix in (("validation", "val"), ("test", "test")):
        assert tags(target, split) != tags(run, split)
        for sentence in tags(target, split):
            joined = ["O", *sentence]
            pairs = zip(joined, sentence, strict=False)
            assert all(not tag.startswith("I-") or before in (tag, f"B-{tag[2:]}") for before, tag in pairs)
        assert metrics[f"{prefix}/f1_conlleval"] == metrics[f"{prefix}/f1_strict"]
        assert metrics[f"{prefix}/loss"] == old[f"{prefix}/loss"], "weights and probabilities are the same"
    assert "test: the hardest words" in out
    again, _, _ = clozelab("evaluate", str(run), "task.decoding=viterbi")
    assert (again, contents(run).keys()) == (0, after.keys()), "the same question has the same place"
    code, out, _ = clozelab("evaluate", str(target))
    assert (code, evaluated(out)) == (0, target), "results can be looked at like a run"


def test_other_data_change_the_scores_of_their_split_only(
    clozelab: Run, run: Path, conll_files: dict[str, Path]
) -> None:
    code, out, err = clozelab("evaluate", str(run), f"data.test={conll_files['train']}", "data.max_length=32")
    assert code == 0, err
    new, old = (json.loads((folder / "metrics.json").read_text()) for folder in (evaluated(out), run))
    assert new["val/accuracy"] == old["val/accuracy"]
    assert new["test/loss"] != old["test/loss"]
    assert len(tags(evaluated(out), "test")) == 60


REFUSED = [
    ("task.decoding", "must be key=value, such as task.decoding=viterbi"),
    ("outputs/other/seed-1", "must be key=value"),
    ("model.path=elsewhere", "model.path: cannot be set for a finished run"),
    ("optimizer.lr=1", "optimizer.lr: cannot be set for a finished run"),
    ("seed=3", "seed: cannot be set for a finished run"),
    ("task=token_classification", "task: cannot be set for a finished run"),
    ("=viterbi", "cannot be set for a finished run"),
    ("tsak.decoding=viterbi", "tsak.decoding: cannot be set for a finished run. Did you mean 'task.decoding'?"),
    ("task.decodign=viterbi", "task.decodign: TokenClassification has no such key. Did you mean 'decoding'?"),
    ("task.=viterbi", "task.: TokenClassification has no such key"),
    ("data.train.x=1", "data.train.x: no such key"),
    ("num_threads.x=1", "num_threads.x: no such key"),
    ("task.decoding=crf", "task.decoding='crf': must be one of 'argmax', 'viterbi'"),
    ("task.decoding=", "task.decoding=None: must be one of 'argmax', 'viterbi'"),
    ("task.decoding=[viterbi", "task.decoding=[viterbi: the value is not valid YAML"),
    ("data.eval_batch_size=many", "data.eval_batch_size='many': must be an integer"),
    ("data.limit=2", "data.limit: cannot be set for a finished run, which was trained with what it is"),
    ("data.fraction=0.5", "data.fraction: cannot be set for a finished run"),
    ("data.fold=1", "data.fold: cannot be set for a finished run"),
    ("data.split_seed=1", "data.split_seed: cannot be set for a finished run"),
    ("num_threads=two", "num_threads='two': must be null or an integer >= 1"),
    ("data.test=nowhere.conll", "data.test='nowhere.conll': no such file or folder"),
    ("task.selection=val/f2", "task.selection='val/f2': validation has no such metric"),
    ("task._target_=os.system", "task._target_: cannot be set for a finished run"),
    ("task.pooling=mean", "task.pooling: cannot be set for a finished run, which was trained with what it is"),
    ("data.source._target_=os.system", "data.source._target_='os.system': not allowed"),
    ("data.max_length=100000", "data.max_length=100000: the encoder takes 128 tokens at most"),
]


@pytest.mark.parametrize(("override", "message"), REFUSED, ids=[override for override, _ in REFUSED])
def test_what_cannot_be_set_is_refused_in_one_message_and_nothing_is_written(
    clozelab: Run, finished_run: Path, override: str, message: str
) -> None:
    before = contents(finished_run)
    code, out, err = clozelab("evaluate", str(finished_run), override)
    assert (code, out) == (2, "")
    assert err.startswith("clozelab: ") or "\nclozelab: " in err
    assert err.count("clozelab: ") == 1
    assert message in err
    assert contents(finished_run) == before


def test_data_with_other_labels_are_refused_and_nothing_is_written(
    clozelab: Run, finished_run: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.conll"
    other.write_text("Ada B-HERO\nmet O\nOslo B-LOC\n")
    before = contents(finished_run)
    code, out, err = clozelab("evaluate", str(finished_run), f"data.test={other}")
    assert (code, out) == (2, "")
    assert err.splitlines()[-6:] == [
        "clozelab: the entity types of the data and of the model differ",
        "  data   HERO, LOC, ORG, PER",
        "  model  LOC, ORG, PER",
        "  equal  LOC, ORG, PER",
        "say what each is to the model, one of its own or null, which takes its entities for none:",
        f"  clozelab evaluate {finished_run} data.test={other} labels.HERO=...",
    ]
    assert contents(finished_run) == before


def test_labels_that_the_data_lack_stay_in_their_places(
    clozelab: Run, run: Path, conll_files: dict[str, Path], tmp_path: Path
) -> None:
    few = tmp_path / "few.conll"
    few.write_text("Ada B-PER\nmet O\n")
    code, out, err = clozelab("evaluate", str(run), f"data.test={few}", f"data.validation={few}")
    assert code == 0, err
    (gold,) = pq.read_table(evaluated(out) / "predictions" / "test.parquet")["gold"].to_pylist()
    assert gold == ["B-PER", "O"]


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_a_file_that_is_not_the_runs_any_more_is_refused_unless_it_is_named(
    split: str, clozelab: Run, overrides: list[str], conll_files: dict[str, Path], tmp_path: Path
) -> None:
    own = tmp_path / f"{split}.conll"
    own.write_bytes(conll_files[split].read_bytes())
    assert clozelab("train", *overrides, f"data.{split}={own}", "trainer.max_epochs=1")[0] == 0
    (run,) = (tmp_path / "outputs").glob("*/*/seed-*")
    moved = tmp_path / f"moved.{split}.conll"
    own.rename(moved)
    assert clozelab("evaluate", str(run), f"data.{split}={moved}")[0] == 0, "the same bytes at another place"
    own.write_bytes(moved.read_bytes() + b"\nOslo B-LOC\n")
    code, _, err = clozelab("evaluate", str(run), "task.decoding=viterbi")
    assert code == 2
    assert f"data.{split}: the file is not the one that the run was made with" in err
    code, _, err = clozelab("evaluate", str(run), f"data.{split}={own}")
    assert code == (2 if split == "train" else 0), err


def test_a_configuration_of_other_code_is_refused_with_the_commit(clozelab: Run, run: Path) -> None:
    state = json.loads((run / "run.json").read_text())
    state["code"] = {"commit": "abc123", "diff": None}
    (run / "run.json").write_text(json.dumps(state))
    text = (run / "config.yaml").read_text()
    (run / "config.yaml").write_text(text.replace("clozelab.data.words.Words", "clozelab.data.module.DataModule"))
    code, _, err = clozelab("evaluate", str(run), "task.decoding=viterbi")
    assert code == 2
    assert "was made by other code (abc123)" in err


def test_two_runs_are_one_too_many(clozelab: Run, finished_run: Path) -> None:
    code, _, err = clozelab("evaluate", str(finished_run), str(finished_run))
    assert code == 2
    assert "one run at a time" in err


def test_viterbi_is_refused_for_a_run_over_plain_tags_before_anything_is_written(
    clozelab: Run, overrides: list[str], conll_files: dict[str, Path], tmp_path: Path
) -> None:
    files = []
    for split, path in conll_files.items():
        plain = tmp_path / f"{split}.pos"
        plain.write_text(path.read_text().replace("B-", "X").replace("I-", "Y"))
        files.append(f"data.{split}={plain}")
    assert clozelab("train", *overrides, *files, "trainer.max_epochs=1")[0] == 0
    (run,) = (tmp_path / "outputs").glob("*/*/seed-*")
    before = contents(run)
    code, out, err = clozelab("evaluate", str(run), "task.decoding=viterbi")
    assert (code, out) == (2, "")
    assert "task.decoding='viterbi': the labels are not IOB2 tags" in err
    assert contents(run) == before


def test_a_run_with_more_than_ten_labels_is_scored_with_its_labels_in_their_places(
    clozelab: Run, overrides: list[str], conll_files: dict[str, Path], tmp_path: Path
) -> None:
    files = []
    for split, path in conll_files.items():
        many = tmp_path / f"{split}.conll"
        text = path.read_text() + "\n" + "\n\n".join(f"met O\ngame B-T{i}\ncity I-T{i}" for i in range(6)) + "\n"
        many.write_text(text)
        files.append(f"data.{split}={many}")
    assert clozelab("train", *overrides, *files, "trainer.max_epochs=1")[0] == 0
    (run,) = (tmp_path / "outputs").glob("*/*/seed-*")
    code, out, err = clozelab("evaluate", str(run), "task.decoding=argmax")
    assert code == 0, err
    assert (evaluated(out) / "metrics.json").read_text() == (run / "metrics.json").read_text()


@pytest.mark.parametrize("override", [[], ["task.decoding=viterbi"]])
@pytest.mark.parametrize(
    ("name", "message"),
    [("nowhere", "no such folder"), ("file", "no such folder"), ("empty", "not a run, it has no run.json")],
)
def test_what_is_not_a_run_directory_is_refused(
    clozelab: Run, tmp_path: Path, name: str, message: str, override: list[str]
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    before = contents(tmp_path)
    code, out, err = clozelab("evaluate", str(tmp_path / name), *override)
    assert (code, out) == (2, "")
    advice = "give the directory of a run, outputs/<study>/<name>/seed-<n>"
    assert err == f"clozelab: '{tmp_path / name}': {message}; {advice}\n"
    assert contents(tmp_path) == before


def test_an_evaluation_can_be_looked_at_but_not_scored_anew(clozelab: Run, tmp_path: Path) -> None:
    (tmp_path / "metrics.json").write_text(json.dumps(METRICS))
    assert clozelab("evaluate", str(tmp_path))[0] == 0
    code, out, err = clozelab("evaluate", str(tmp_path), "task.decoding=viterbi")
    assert (code, out) == (2, "")
    assert err == (f"clozelab: '{tmp_path}': has no config.yaml; only the directory of a run can be scored anew\n")
    assert os.listdir(tmp_path) == ["metrics.json"]


@pytest.mark.parametrize("name", ["config.yaml", "run.json", "model/config.json"])
def test_a_run_that_lacks_a_file_is_named_with_it(name: str, clozelab: Run, run: Path) -> None:
    (run / name).unlink()
    code, out, err = clozelab("evaluate", str(run), "task.decoding=viterbi")
    assert (code, out) == (2, "")
    assert err == f"clozelab: '{run}': has no {name}; only the directory of a run can be scored anew\n"


def test_a_further_corpus_that_is_another_one_is_refused_too() -> None:
    then = {
        "data.train": "1",
        "data.test": "2",
        "data.general.test": "3",
        "data.more.news.train": "4",
        "model.path": "5",
    }
    check_files({**then, "model.path": "6"}, then, ())
    check_files({**then, "data.test": "6"}, then, ["data.test"])
    for key in then.keys() - {"model.path"}:
        with pytest.raises(DataError, match=f"{key}: the file is not the one that the run was made with"):
            check_files({**then, key: "6"}, then, [])
    with pytest.raises(DataError, match=r"data\.train: "):
        check_files({**then, "data.train": "6"}, then, ["data.train"])


def test_results_have_a_place_for_each_question_and_none_stand_there_before_they_are_new(tmp_path: Path) -> None:
    here, there = (parse(["data=mine"], ["--config-dir", folder]) for folder in ("a", "b"))
    places = [place_of(tmp_path, settings) for settings in (here, there, here)]
    assert places[0] == places[2] != places[1]
    (places[0] / "metrics.json").write_text("{}")
    assert not (place_of(tmp_path, here) / "metrics.json").exists()


def test_a_run_of_others_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "evaluations").touch()
    with pytest.raises(ConfigError, match=f"{tmp_path}/evaluations/.*: cannot be written, and results go there"):
        place_of(tmp_path, parse(["split=test"]))


OTHER_NAMES = (
    "Ada B-person\nmet O\nGrace B-person\nHopper I-person\nin O\nOslo B-place\n\nnew B-product\ngame I-product\n. O\n"
)


@pytest.fixture
def other_names(tmp_path: Path) -> Path:
    """A file whose entity types the model calls otherwise, or not at all."""
    path = tmp_path / "other.conll"
    path.write_text(OTHER_NAMES)
    return path


def test_the_same_data_named_as_an_option_give_the_run_s_scores_to_the_bit(
    clozelab: Run, run: Path, conll_files: dict[str, Path]
) -> None:
    files = [f"data.{split}={path}" for split, path in conll_files.items()]
    old = json.loads((run / "metrics.json").read_text())
    for split, prefix in (("validation", "val"), ("test", "test")):
        code, out, err = clozelab("evaluate", str(run), "data=files", *files, f"split={split}")
        assert code == 0, err
        new = json.loads((evaluated(out) / "metrics.json").read_text())
        assert new == {name: value for name, value in old.items() if name.startswith(f"{prefix}/")}
        ours, theirs = (pq.read_table(f / "predictions" / f"{split}.parquet") for f in (evaluated(out), run))
        assert ours.equals(theirs)
        both = [json.loads((f / "errors.json").read_text())[split] for f in (evaluated(out), run)]
        assert both[0] == both[1], "what training has seen is what the run was trained on"


def test_types_are_mapped_those_of_null_are_no_entities_and_the_first_line_says_so(
    clozelab: Run, run: Path, other_names: Path
) -> None:
    mapping = ["labels.person=PER", "labels.place=LOC", "labels.product=null"]
    code, out, err = clozelab("evaluate", str(run), "data=files", f"data.test={other_names}", *mapping)
    assert code == 0, err
    said = f"scored     data=files data.test={other_names}: test split, 2 sentences (1 entity left out)"
    assert out.splitlines()[0] == said
    target = evaluated(out)
    gold = pq.read_table(target / "predictions" / "test.parquet")["gold"].to_pylist()
    assert gold == [["B-PER", "O", "B-PER", "I-PER", "O", "B-LOC"], ["O", "O", "O"]]
    about = json.loads((target / "evaluation.json").read_text())
    assert about["labels"] == {"person": "PER", "place": "LOC", "product": None}
    assert about["scored"]["test"]["left_out"] == 1
    code, again, _ = clozelab("evaluate", str(target))
    assert (code, again) == (0, out), "the results can be looked at, and say the same"


def test_two_types_may_become_one_and_borders_stay(clozelab: Run, run: Path, other_names: Path) -> None:
    mapping = ["labels.person=ORG", "labels.place=ORG", "labels.product=ORG"]
    code, out, err = clozelab("evaluate", str(run), "data=files", f"data.test={other_names}", *mapping)
    assert code == 0, err
    gold = pq.read_table(evaluated(out) / "predictions" / "test.parquet")["gold"].to_pylist()
    assert gold == [["B-ORG", "O", "B-ORG", "I-ORG", "O", "B-ORG"], ["B-ORG", "I-ORG", "O"]]


@pytest.fixture
def reviews(tmp_path: Path, phrases: Callable[[int, int], list[str]]) -> Path:
    """Texts under labels that the model (long, short) calls otherwise; the first ones it was trained on."""
    rows = [(text, "large" if len(text) > 30 else "small") for text in (*phrases(1, 10), *phrases(7, 40))]
    path = tmp_path / "reviews.csv"
    path.write_text("review,label\n" + "".join(f'"{text}",{label}\n' for text, label in rows) + "odd one,unclear\n")
    return path


def test_texts_are_mapped_left_out_and_those_of_training_counted(
    clozelab: Run, run_of: Callable[[str], Path], reviews: Path, tmp_path: Path
) -> None:
    run = Path(shutil.copytree(run_of("single"), tmp_path / "texts"))
    own = pq.read_table(run / "predictions" / "test.parquet")["text"].to_pylist()
    mapping = ["labels.large=long", "labels.small=short", "labels.unclear=null"]
    words = ["data=text_files", f"data.train={reviews}", "data.format.text=review", "split=all"]
    code, out, err = clozelab("evaluate", str(run), *words, *mapping)
    assert code == 0, err
    target = evaluated(out)
    scored = json.loads((target / "evaluation.json").read_text())["scored"]["all"]
    assert (scored["examples"], scored["left_out"]) == (50, 1)
    assert 0 < scored["in_training"] < 20
    assert out.splitlines()[0].endswith(
        f"all split, 50 texts (1 text left out, {scored['in_training']} of the run's training split)"
    )
    table = pq.read_table(target / "predictions" / "all.parquet")
    assert set(table["gold"].to_pylist()) == {"long", "short"}
    assert "odd one" not in table["text"].to_pylist()
    assert len(own) < 50
    metrics = json.loads((target / "metrics.json").read_text())
    right = [a == b for a, b in zip(table["gold"].to_pylist(), table["prediction"].to_pylist(), strict=True)]
    assert metrics["all/accuracy"] == pytest.approx(sum(right) / 50)
    assert {"all", "metric"} <= set(out.splitlines()[1].split())


def test_a_split_is_drawn_as_train_draws_it_whatever_is_mapped(
    clozelab: Run, run_of: Callable[[str], Path], reviews: Path, tmp_path: Path
) -> None:
    run = Path(shutil.copytree(run_of("single"), tmp_path / "texts"))
    words = ["data=text_files", f"data.train={reviews}", "data.format.text=review"]
    kept = {}
    for large in ("long", "null"):
        mapping = [f"labels.large={large}", "labels.small=short", "labels.unclear=null"]
        code, out, err = clozelab("evaluate", str(run), *words, *mapping)
        assert code == 0, err
        table = pq.read_table(evaluated(out) / "predictions" / "test.parquet")
        kept[large] = {
            t for t, gold in zip(*(table[n].to_pylist() for n in ("text", "gold")), strict=True) if gold == "short"
        }
    assert kept["long"] == kept["null"] != set()


def test_without_the_run_s_own_data_others_are_scored_all_the_same(
    clozelab: Run, overrides: list[str], conll_files: dict[str, Path], tmp_path: Path
) -> None:
    own = tmp_path / "own.conll"
    own.write_bytes(conll_files["train"].read_bytes())
    assert clozelab("train", *overrides, f"data.train={own}", "trainer.max_epochs=1")[0] == 0
    (run,) = (tmp_path / "outputs").glob("*/*/seed-*")
    own.unlink()
    code, out, err = clozelab("evaluate", str(run), "data=files", f"data.test={conll_files['test']}", "--errors")
    assert code == 0, err
    assert "whether training has some of these data is not known: " in err
    assert "20 sentences (training split not known)" in out.splitlines()[0]
    assert "training has as an entity" not in out
    own.write_bytes(conll_files["test"].read_bytes())
    _, out, err = clozelab("evaluate", str(run), "data=files", f"data.test={conll_files['test']}")
    assert "data.train: the file is not the one that the run was made with" in err
    assert "training split not known" in out.splitlines()[0]


def test_masked_tokens_of_another_corpus_are_scored(
    clozelab: Run, run_of: Callable[[str], Path], phrases: Callable[[int, int], list[str]], tmp_path: Path
) -> None:
    run = Path(shutil.copytree(run_of("masks"), tmp_path / "masks"))
    config = yaml.safe_load((run / "config.yaml").read_text())
    folder = tmp_path / "documents"
    folder.mkdir()
    for number in range(20):
        (folder / f"{number}.txt").write_text(". ".join(phrases(100 + number, 5)) + ".")
    words = ["data=plain_files", f"data.train={folder}"]
    code, out, err = clozelab("evaluate", str(run), *words, "split=all")
    assert code == 0, err
    assert "all split, 20 documents" in out.splitlines()[0]
    assert "all/perplexity" in json.loads((evaluated(out) / "metrics.json").read_text())
    code, out, err = clozelab("evaluate", str(run), *words, "labels.x=y")
    assert (code, out) == (2, "")
    assert "labels.x: documents have no labels to map" in err
    code, out, err = clozelab("evaluate", str(run), "data=plain_files", f"data.train={config['data']['train']}")
    assert code == 0, err
    new, old = (json.loads((f / "metrics.json").read_text()) for f in (evaluated(out), run))
    assert new == {name: value for name, value in old.items() if name in new}
    assert "test/perplexity" in new


def csv_of(tmp_path: Path, text: str) -> str:
    """Writes a file; returns the word that names it."""
    path = tmp_path / "some.csv"
    path.write_text(text)
    return f"data.train={path}"


LABELS = "review,label\n" + "".join(f"text {i},{'ab'[i % 2]}\n" for i in range(20))
PAIRS = "review,sentence2,label\n" + "".join(f"text {i},more,{'ab'[i % 2]}\n" for i in range(20))
NUMBERS = "review,label\n" + "".join(f"text {i},{i}.5\n" for i in range(20))
TEXTS = ["data=text_files", "data.format.text=review", "split=all"]
MAPPED = [*TEXTS, "labels.a=long", "labels.b=short"]
UNFIT = [
    ("single", LABELS, TEXTS, "labels.a=... labels.b=..."),
    ("single", LABELS, [*TEXTS, "labels.a=long"], " labels.b=...\n"),
    ("single", LABELS, [*MAPPED, "labels.c=long"], "labels.c: the data have no such label. They have a, b"),
    ("single", LABELS, [*TEXTS, "labels.a=lon", "labels.b=null"], "the model has no such label. Did you mean 'long'?"),
    ("single", LABELS, [*TEXTS, "labels.a=...", "labels.b=..."], "labels.b=...: the model has no such label. It has"),
    ("single", LABELS, [*TEXTS, "labels.a=null", "labels.b=null"], "leaves out all 20 texts of the all split"),
    ("single", PAIRS, MAPPED, "holds pairs of texts, and the run learnt from single texts; data.format.pair=''"),
    ("pairs", LABELS, MAPPED, "holds single texts, and the run learnt from pairs of texts; data.format.pair names"),
    ("numbers", LABELS, TEXTS, "the run learnt numbers, and these data have labels (a, b); data.format.numbers=true"),
    ("numbers", NUMBERS, [*TEXTS, "data.format.numbers=true", "labels.a=b"], "labels.a: the run predicts numbers"),
    ("single", NUMBERS, [*TEXTS, "data.format.numbers=true"], "learnt labels (long, short), and these"),
    ("single", LABELS, [*TEXTS, "data.format.label=lable"], "no column 'lable'. Did you mean 'label'?"),
    ("words", LABELS, TEXTS, "these are texts with labels, and TokenClassification learns from words with tags"),
    ("single", LABELS, ["data=text_fils"], "data=text_fils: no such option. Did you mean 'text_files'?"),
    ("single", LABELS, ["data=text_files,tweets"], "data=text_files,tweets: one corpus at a time"),
    ("single", LABELS, [*TEXTS, "data.batch_size=4"], "data.batch_size: cannot be set for a finished run"),
    ("single", LABELS, [*TEXTS, "data.foramt.text=x"], "data.foramt: Texts has no such key. Did you mean 'format'?"),
    ("single", LABELS, [*TEXTS, "optimizer.lr=1"], "optimizer.lr: cannot be set for a finished run"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text", "words", "message"), UNFIT)
def test_data_that_do_not_fit_are_refused_in_one_message_and_nothing_is_written(
    kind: str, text: str, words: list[str], message: str, clozelab: Run, run_of: Callable[[str], Path], tmp_path: Path
) -> None:
    run = run_of(kind)
    before = contents(run)
    code, out, err = clozelab("evaluate", str(run), *words, csv_of(tmp_path, text))
    assert (code, out) == (2, ""), err
    assert err.count("clozelab: ") == 1
    assert message in err
    assert contents(run) == before


def test_numbers_of_other_data_are_scored(clozelab: Run, run_of: Callable[[str], Path], tmp_path: Path) -> None:
    run = Path(shutil.copytree(run_of("numbers"), tmp_path / "run"))
    code, out, err = clozelab("evaluate", str(run), *TEXTS, "data.format.numbers=true", csv_of(tmp_path, NUMBERS))
    assert code == 0, err
    assert "all/pearson" in json.loads((evaluated(out) / "metrics.json").read_text())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["split=all"], "split=all: is for a corpus of one file; this one has files for train, validation, test"),
        (["data=files", "split=validation", "data.test={other}"], "data.validation: must be given"),
        (["data=files"], "data.test: must be given"),
        (["data=files", "data.test={other}", "labels.B-person=PER"], "B-person: the data have no such entity type"),
        (["data=files", "data.test={plain}"], "the run finds entities, and these data have tags that are none: NN, VB"),
        (["data=files", "data.test={other}", "labels.person=B-PER", "labels.place=LOC", "labels.product=null"],
         "labels.person=B-PER: the model has no such entity type. Did you mean 'PER'?"),
    ],
)  # fmt: skip
def test_words_and_tags_that_do_not_fit_are_refused(
    words: list[str], message: str, clozelab: Run, finished_run: Path, other_names: Path, tmp_path: Path
) -> None:
    plain = tmp_path / "plain.conll"
    plain.write_text("Ada NN\nmet VB\n")
    code, out, err = clozelab(
        "evaluate", str(finished_run), *(word.format(other=other_names, plain=plain) for word in words)
    )
    assert (code, out) == (2, ""), err
    assert message in err


def test_one_split_of_the_run_s_own_data_is_scored_alone(clozelab: Run, run: Path) -> None:
    code, out, err = clozelab("evaluate", str(run), "split=train")
    assert code == 0, err
    assert out.splitlines()[0] == (
        "scored     the run's own data: train split, 60 sentences (60 of the run's training split)"
    )
    metrics = json.loads((evaluated(out) / "metrics.json").read_text())
    assert {name.partition("/")[0] for name in metrics} == {"train"}
