"""The words of `evaluate`, and what it prints."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., tuple[int, str, str]]
METRICS = {"val/loss": 0.5, "val/f1_conlleval": 0.75, "test/loss": 0.25, "test/f1_conlleval": 0.5}
HEAVY = "{'torch', 'transformers', 'pytorch_lightning', 'wandb', 'datasets'}"
PROBE = f"""import sys
from clozelab.cli import main
code = main(sys.argv[1:])
assert not {HEAVY} & set(sys.modules)
sys.exit(code)"""


def contents(folder: Path) -> dict[str, bytes]:
    """Returns every file below a folder, with its bytes."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_the_stored_scores_are_printed_without_torch(tmp_path: Path) -> None:
    confusion = {"PER": {"PER": 3, "LOC": 1}, "-": {"PER": 2}}
    errors = {split: {"confusion": confusion, "hardest": []} for split in ("validation", "test")}
    (tmp_path / "metrics.json").write_text(json.dumps(METRICS))
    (tmp_path / "errors.json").write_text(json.dumps(errors))
    before = contents(tmp_path)
    for more in ([], ["--errors"]):
        command = [sys.executable, "-c", PROBE, "evaluate", str(tmp_path), *more]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=120)
        assert (done.returncode, done.stderr) == (0, "")
        rows = [line.split() for line in done.stdout.splitlines()]
        assert rows[:3] == [
            ["metric", "validation", "test"], ["loss", "0.5000", "0.2500"], ["f1_conlleval", "0.7500", "0.5000"],
        ]  # fmt: skip
        assert rows[3] == ["evaluated", str(tmp_path)]
        assert ("test: confusion" in done.stdout) is bool(more)
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "usage: clozelab evaluate RUN"),
        (["--help"], 0, "usage: clozelab evaluate RUN"),
        (["-h"], 0, "usage: clozelab evaluate RUN"),
        (["run", "--help"], 0, "usage: clozelab evaluate RUN"),
        (["--errors"], 2, "evaluate: give the directory of a completed run"),
        (["run", "--erors"], 2, "--erors: no such option. Did you mean '--errors'?"),
        (["run", "--split=test"], 2, "--split=test: no such option. Write split=SPLIT."),
        (["run", "-m"], 2, "-m: no such option. Options: --errors, --config-dir; all others are key=value"),
    ],
)
def test_how_the_verb_is_used_is_said_and_a_wrong_option_refused(
    clozelab: Run, arguments: list[str], code: int, message: str
) -> None:
    found, out, err = clozelab("evaluate", *arguments)
    assert found == code
    assert message in out + err


def test_a_reader_that_goes_away_is_no_interruption(finished_run: Path) -> None:
    command = [sys.executable, "-m", "clozelab", "evaluate", str(finished_run), "--errors"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()
    assert (process.wait(timeout=120), said) == (141, "")
