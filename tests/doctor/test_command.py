"""One page, in the order of the checks, whatever is broken; exit code 1 only for a problem."""

import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

import clozelab.cli
from clozelab.doctor import command
from clozelab.doctor.command import checks, examine, lines, run
from clozelab.doctor.finding import Finding, Level
from clozelab.errors import ConfigError


def find(level: Level) -> list[Finding]:
    """Stands in for a check."""
    return [Finding(level, "a thing", "is so", "" if level == "ok" else "do this")]


@pytest.mark.parametrize(
    ("levels", "code", "end"),
    [
        (("ok", "ok"), 0, "no problems, no warnings"),
        (("ok", "warning"), 0, "no problems, 1 warning"),
        (("problem", "warning", "problem"), 1, "2 problems, 1 warning"),
    ],
)
def test_only_a_problem_is_a_failure(
    levels: tuple[Level, ...], code: int, end: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = {f"{i}": partial(find, level) for i, level in enumerate(levels)}
    monkeypatch.setattr(command, "checks", lambda output_dir, *, offline: found)
    assert run([]) == code
    *shown, last = capsys.readouterr().out.splitlines()
    assert last == end
    assert [line.split()[0] for line in shown if "->" not in line] == list(levels)
    assert sum("-> do this" in line for line in shown) == sum(level != "ok" for level in levels)


def test_checks_run_at_the_same_time_and_are_shown_in_order() -> None:
    def wait(name: str, seconds: float) -> list[Finding]:
        time.sleep(seconds)
        return [Finding("ok", name, "")]

    started = time.monotonic()
    found = examine({name: partial(wait, name, 0.5 / (i + 1)) for i, name in enumerate("abcdef")})
    assert [finding.name for finding in found] == list("abcdef")
    assert time.monotonic() - started < 1.2, "1.2 s one after the other"


def test_offline_asks_no_server() -> None:
    for name in ("hub", "package index"):
        assert [f.text for f in checks(None, offline=True)[name]()] == ["not asked (--offline)"]
    assert checks(None, offline=True).keys() == checks(None, offline=False).keys()


def test_long_lines_are_broken_below_their_beginning() -> None:
    finding = Finding("problem", "torch", "pytorch-lightning " * 10, "do this " * 10)
    found = list(lines(finding, 80))
    assert all(len(line) <= 80 for line in found)
    assert all(line.startswith(" " * 24) for line in found[1:])
    assert not any(line.endswith("-") for line in found)


@pytest.mark.parametrize(
    ("word", "message"),
    [("--ofline", "Did you mean '--offline'?"), ("output_dir", "There are --offline and output_dir=PATH")],
)
def test_a_mistake_is_told_what_there_is(word: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        run([word])
    assert message in str(error.value)


def test_the_page_comes_even_if_a_package_of_the_core_is_missing(tmp_path: Path) -> None:
    """The real command, with modules that cannot be imported put before the real ones."""
    for module in ("yaml", "filelock", "rich", "torch"):
        (tmp_path / f"{module}.py").write_text(f"raise ModuleNotFoundError(\"No module named '{module}'\")")
    code = "import sys; sys.path.insert(0, sys.argv.pop(1)); from clozelab.cli import main; sys.exit(main())"
    source = str(Path(clozelab.cli.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path), "doctor", "--offline"], capture_output=True, text=True,
        check=False, cwd=tmp_path, env={"PYTHONPATH": f"{tmp_path}:{source}", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    for module in ("yaml", "filelock", "torch"):
        assert f"No module named '{module}'" in " ".join(done.stdout.split())
    assert not (tmp_path / "outputs").exists()
