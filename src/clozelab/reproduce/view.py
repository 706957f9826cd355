"""What a person sees of a reproduction: what differs, what came out, the verdict."""

from collections.abc import Sequence
from pathlib import Path
from typing import final

from rich.console import Console
from rich.table import Table

from clozelab.identity import LOCATED
from clozelab.reproduce.differences import Difference
from clozelab.reproduce.outcome import Outcome, basis, is_reproduced
from clozelab.reproduce.rebuild import Rebuilt

OTHER = "identity values differ, so that this would be another run: it is not launched"
FILES = "the right files are named by their key: data.train=PATH, model.path=PATH"
CHANGED = "config.yaml, or the code that reads it, has changed since the run"

_WORDS = {"equal": "equal", "within": "within tolerance", "different": "different"}


@final
class View:
    """Prints; of several runs only what is not equal, and what decides.

    Args:
        num_runs: to be reproduced.
    """

    def __init__(self, *, num_runs: int) -> None:
        self._alone = num_runs == 1
        self._num = num_runs
        self._console = Console(highlight=False, markup=False, emoji=False)

    def print_left_out(self, lines: Sequence[str]) -> None:
        """Prints what cannot be launched again."""
        for line in dict.fromkeys(lines):
            self._say(f"left out  {line}")

    def print_differences(self, names: Sequence[str], found: Sequence[Sequence[Difference]]) -> None:
        """Prints what differs; runs for which the same does are one table.

        Args:
            names: of the runs.
            found: for each of them.
        """
        groups: dict[tuple[Difference, ...], list[str]] = {}
        for name, differences in zip(names, found, strict=True):
            groups.setdefault(tuple(differences), []).append(name)
        for differences, members in groups.items():
            whose = "" if self._alone else f" ({len(members)} of {self._num} runs: {_few(members)})"
            counting, others = ([d for d in differences if d.counts == counts] for counts in (True, False))
            self._say(f"what differs{whose}{'' if counting else ': nothing'}")
            self._print_values(counting)
            if others:
                self._say("what differs, but can change no number")
                self._print_values(others)
            if identity := [difference.key for difference in counting if difference.is_identity]:
                self._say(OTHER)
                self._say(FILES if any(key.rpartition(".")[2] in LOCATED for key in identity) else CHANGED)
            self._say("")

    def _print_values(self, differences: Sequence[Difference]) -> None:
        if not differences:
            return
        table = Table(box=None, pad_edge=False)
        for column in ("", "then", "now"):
            table.add_column(column, overflow="fold")
        for difference in differences:
            table.add_row(difference.key, difference.then, difference.now)
        self._console.print(table)

    def print_places(self, folders: Sequence[Path]) -> None:
        """Prints where runs would go."""
        studies = dict.fromkeys(str(folder if self._alone else folder.parents[1]) for folder in folders)
        place = f"it would go to {', '.join(studies)}" if studies else "there is nothing to train"
        self._say(f"dry run: nothing trained; {place}")

    def print_outcomes(
        self, one: Rebuilt, outcomes: Sequence[Outcome], *, differs: bool, tolerance: float | None
    ) -> None:
        """Prints the metrics of a run then and now.

        Args:
            one: the run.
            outcomes: of all its metrics.
            differs: whether anything does that may change a number.
            tolerance: given by the user, if one was.
        """
        some = not all(outcome.decides for outcome in outcomes)
        shown = [o for o in outcomes if self._alone or o.verdict != "equal" or (some and o.decides)]
        self._say(f"what came out{'' if self._alone else f'  {one.original.name}'}")
        if shown:
            table = Table(box=None, pad_edge=False)
            for column in ("metric", "then", "now", "apart", "tolerance", ""):
                words = column in ("metric", "")
                table.add_column(column, justify="left" if words else "right", overflow="fold", no_wrap=not words)
            for o in shown:
                apart = "0" if o.verdict == "equal" else f"{abs(o.now - o.then):.1e}"
                mark = "* " if some and o.decides else ""
                row = (f"{mark}{o.metric}", f"{o.then:.5g}", f"{o.now:.5g}", apart, f"{o.tolerance:.1e}", o.verdict)
                table.add_row(*row)
            self._console.print(table)
        counts = {v: sum(o.verdict == v for o in outcomes) for v in ("equal", "within", "different")}
        said = ", ".join(f"{number} {_WORDS[verdict]}" for verdict, number in counts.items() if number)
        self._say(f"{len(outcomes)} metrics: {said}{'; * decide' if some else ''}")
        self._say(basis(one.original, differs=differs, tolerance=tolerance))
        self._say(f"{'reproduced' if is_reproduced(list(outcomes)) else 'NOT reproduced'}  {one.run.folder}\n")

    def print_verdict(self, num_good: int, *, num_other: int, num_lost: int) -> None:
        """Prints the sum over several runs.

        Args:
            num_good: runs reproduced.
            num_other: runs that would be others now, and were not launched.
            num_lost: finished runs that cannot be launched again.
        """
        total = self._num + num_lost
        if total == 1:
            if num_other:
                self._say("NOT reproduced: not launched")
            return
        counts = {"not launched": num_other, "cannot be launched again": num_lost}
        why = "".join(f"; {number} {what}" for what, number in counts.items() if number)
        self._say(f"reproduced: {num_good} of {total} runs{why}")

    def _say(self, text: str) -> None:
        self._console.print(text, soft_wrap=True)


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
