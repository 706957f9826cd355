"""The error analysis on the terminal: all tables, for both splits, readable in 80 columns."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from clozelab.errors import ConfigError
from clozelab.mistakes import print_errors

Run = Callable[..., tuple[int, str, str]]
Capture = pytest.CaptureFixture[str]
ONTONOTES = [
    "CARDINAL", "DATE", "EVENT", "FAC", "GPE", "LANGUAGE", "LAW", "LOC", "MONEY", "NORP", "ORDINAL", "ORG", "PERCENT",
    "PERSON", "PRODUCT", "QUANTITY", "TIME", "WORK_OF_ART",
]  # fmt: skip
SENTENCE = ["The", "[bold]", "of", "[/red]", ":smile:", "HARD", "{0}", "\\", "%s", "is", "here", "."]


@pytest.fixture(autouse=True)
def width(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")


def errors(confusion: Mapping[str, Mapping[str, int]], **more: Any) -> dict[str, Any]:
    """Returns the errors of a split as errors.json holds them."""
    part = {"gold": 5, "predicted": 4, "correct": 2, "precision": 0.5, "recall": 0.4, "f1": 4 / 9}
    hard = {"word": "HARD", "place": 5, "sentence": SENTENCE, "gold": "B-X", "predicted": "O", "loss": 7.125}
    boundaries = {"too_long": 11, "too_short": 12, "shifted": 13, "split": 14, "merged": 15}
    return {
        "hardest": [hard], "confusion": confusion, "boundaries": boundaries,
        "seen": {"in_train": part, "out_of_train": part}, **more,
    }  # fmt: skip


def printed(folder: Path, capsys: Capture, **splits: dict[str, Any]) -> list[str]:
    """Returns the lines printed for an errors.json of these splits."""
    (folder / "errors.json").write_text(json.dumps(splits))
    print_errors(folder)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    return [line.rstrip() for line in lines]


def test_all_tables_of_a_run_are_printed_for_both_splits(clozelab: Run, finished_run: Path) -> None:
    code, out, err = clozelab("evaluate", str(finished_run), "--errors")
    assert (code, err) == (0, "")
    for split in ("validation", "test"):
        for title in ("confusion, ", "entities found with wrong borders", "entities whose words", "the hardest words"):
            assert f"\n{split}: {title}" in out
    tables = out.partition("evaluated")[2].splitlines()[1:]
    assert max(len(line.rstrip()) for line in tables) <= 80
    assert "…" not in out, "nothing is cut"
    stored = json.loads((finished_run / "errors.json").read_text())
    for item in stored["test"]["hardest"][:10]:
        assert f"«{item['word']}»" in out


def test_the_tables_say_what_the_file_says(tmp_path: Path, capsys: Capture) -> None:
    lines = printed(tmp_path, capsys, test=errors({"-": {"PER": 2}, "LOC": {"-": 1, "LOC": 30}, "PER": {"LOC": 4}}))
    rows = [line.split() for line in lines]
    start = lines.index("test: confusion, rows are gold and columns predicted; - is no entity there")
    assert rows[start + 1 : start + 5] == [
        ["gold", "-", "LOC", "PER"], ["-", "0", "0", "2"], ["LOC", "1", "30", "0"], ["PER", "0", "4", "0"],
    ]  # fmt: skip
    start = lines.index("test: entities found with wrong borders")
    assert rows[start + 1] == ["too", "long", "too", "short", "shifted", "split", "merged"]
    assert rows[start + 2] == ["11", "12", "13", "14", "15"]
    assert ["in", "train", "5", "0.5000", "0.4000", "0.4444"] in rows
    assert ["out", "of", "train", "5", "0.5000", "0.4000", "0.4444"] in rows
    assert "HARD" in lines[-1] or "HARD" in lines[-2]


def test_words_that_look_like_markup_or_emoji_are_printed_as_they_are(tmp_path: Path, capsys: Capture) -> None:
    table = errors({"[bold]": {":smile:": 1, "[/x]": 2}})
    lines = printed(tmp_path, capsys, test=table)
    assert "7.1   B-X   O          The [bold] of [/red] :smile: «HARD» {0} \\ %s is here" in lines
    assert ["gold", ":smile:", "[/x]"] in [line.split() for line in lines]
    assert ["[bold]", "1", "2"] in [line.split() for line in lines]


@pytest.mark.parametrize("place", [0, 11])
def test_a_hard_word_may_begin_or_end_its_sentence(tmp_path: Path, capsys: Capture, place: int) -> None:
    hard = {"place": place, "word": SENTENCE[place], "sentence": SENTENCE, "gold": "O", "predicted": "O", "loss": 1.0}
    lines = printed(tmp_path, capsys, test=errors({}, hardest=[hard]))
    words = "«The» [bold] of [/red] :smile: HARD" if place == 0 else "{0} \\ %s is here «.»"
    assert lines[-1] == f"1.0   O     O          {words}"


def test_more_types_than_the_terminal_has_room_for_are_listed_by_frequency(tmp_path: Path, capsys: Capture) -> None:
    confusion = {g: {p: 1 + 20 * i + j for j, p in enumerate(ONTONOTES)} for i, g in enumerate(ONTONOTES)}
    lines = printed(tmp_path, capsys, test=errors(confusion))
    assert "…" not in "".join(lines)
    start = lines.index("test: most frequent confusions, all in errors.json; - is no entity there")
    rows = [line.split() for line in lines[start + 1 : start + 22]]
    assert rows[0] == ["gold", "predicted", "count"]
    assert rows[1] == ["WORK_OF_ART", "TIME", "357"], "the largest beside the diagonal"
    counts = [int(count) for _, _, count in rows[1:]]
    assert counts == sorted(counts, reverse=True)
    assert all(gold != predicted for gold, predicted, _ in rows[1:])


def test_plain_tags_have_no_entities_to_speak_of(tmp_path: Path, capsys: Capture) -> None:
    plain = {"confusion": {"DT": {"DT": 5, "NN": 1}}, "hardest": []}
    lines = printed(tmp_path, capsys, validation=plain, test=plain)
    assert lines.count("gold  DT  NN") == 2
    assert not any("entit" in line for line in lines)


def test_a_split_without_errors_is_still_shown(tmp_path: Path, capsys: Capture) -> None:
    lines = printed(tmp_path, capsys, test=errors({}, hardest=[]))
    assert "gold" in lines


def test_a_run_of_before_there_was_an_analysis_is_told_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no error analysis here; `clozelab evaluate .* --errors"):
        print_errors(tmp_path)
