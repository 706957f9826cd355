"""The verb `doctor`: all checks at the same time, one page."""

import shutil
import textwrap
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from clozelab.doctor import machine, packages, surroundings
from clozelab.doctor.finding import Check, Finding, guarded
from clozelab.errors import ConfigError, did_you_mean

USAGE = """usage: clozelab doctor [--offline] [output_dir=PATH]

Looks at Python, packages, torch, processor, accelerator, memory, disks, cache,
hub, package index, wandb and git, and says of each whether it is ok, and if
not, what to do. Exit code 1 if there is a problem (warnings are none), else 0.

  --offline         asks no server
  output_dir=PATH   where runs are to go (default: outputs)"""


def run(arguments: Sequence[str]) -> int:
    """Prints what is found; returns 1 if there is a problem, else 0.

    Raises:
        ConfigError: for a word or option there is not.
    """
    output_dir = None
    for word in arguments:
        key, equals, value = word.partition("=")
        if key == "output_dir" and equals:
            output_dir = Path(value)
        elif word != "--offline":
            hint = did_you_mean(word, ("--offline", "output_dir="))
            raise ConfigError(f"{word}: no such option.{hint} There are --offline and output_dir=PATH")
    findings = examine(checks(output_dir, offline="--offline" in arguments))
    width = max(40, min(120, shutil.get_terminal_size().columns))
    print("\n".join(line for finding in findings for line in lines(finding, width)))
    counts = {level: sum(finding.level == level for finding in findings) for level in ("problem", "warning")}
    print(", ".join(f"{count or 'no'} {level}{'' if count == 1 else 's'}" for level, count in counts.items()))
    return 1 if counts["problem"] else 0


def checks(output_dir: Path | None, *, offline: bool) -> dict[str, Check]:
    """Returns what to look at, by name, in the order it is shown."""
    asked = {"hub": surroundings.check_hub, "package index": surroundings.check_index}
    skipped = {name: partial(_skipped, name) for name in asked}
    return {
        "python": packages.check_python,
        "packages": packages.check_packages,
        "torch": machine.check_torch,
        "threads": machine.check_threads,
        "memory": machine.check_memory,
        "outputs": partial(_outputs, output_dir),
        "cache": surroundings.check_cache,
        **(skipped if offline else asked),
        "wandb": surroundings.check_wandb,
        "code": surroundings.check_code,
    }


def _skipped(name: str) -> list[Finding]:
    return [Finding("ok", name, "not asked (--offline)")]


def _outputs(given: Path | None) -> list[Finding]:
    from clozelab.housekeeping.command import outputs

    return surroundings.check_outputs(given or outputs())


def examine(asked: dict[str, Check]) -> list[Finding]:
    """Returns what all checks find, in their order; they run at the same time, for most of them wait."""
    with ThreadPoolExecutor(len(asked)) as pool:
        return [finding for found in pool.map(guarded, asked, asked.values()) for finding in found]


def lines(finding: Finding, width: int) -> Iterator[str]:
    """Yields a finding as lines: level, name, text, and below it what to do."""
    start = f"{finding.level:<9}{finding.name:<15}"
    indent = " " * len(start)
    wrap = partial(textwrap.wrap, width=width, break_on_hyphens=False)
    yield from wrap(finding.text, initial_indent=start, subsequent_indent=indent) or [start]
    if finding.advice:
        yield from wrap(finding.advice, initial_indent=f"{indent}-> ", subsequent_indent=f"{indent}   ")
