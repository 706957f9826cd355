"""The worker process of a sweep: runs frozen cells one after the other. Hydra is never initialised here."""

import gc
import json
import logging
import os
import queue
import signal
import sys
import threading
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, final

import yaml

from clozelab.config.check import find_problems
from clozelab.config.origin import origin_of
from clozelab.experiment import execute
from clozelab.identity import open_run


@final
class _Outcome(AbstractContextManager[dict[str, Any]]):
    """Turns how a cell ended into an answer: whatever a cell raises, SystemExit too, the next one still runs."""

    def __init__(self) -> None:
        self._answer: dict[str, Any] = {"status": "completed"}

    def __enter__(self) -> dict[str, Any]:
        return self._answer

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is not None:
            self._answer.update(status="failed", message=f"{type(error).__name__}: {error}")
        return not isinstance(error, KeyboardInterrupt)


def answer(question: dict[str, Any]) -> dict[str, Any]:
    """Returns the answer to one question of the parent."""
    if question["action"] == "check":
        return {"problems": find_problems(question["config"], origin_of(question["overrides"]))}
    with _Outcome() as outcome:
        config = yaml.safe_load(Path(question["config_file"]).read_text(encoding="utf-8"))
        run, identity = open_run(config, lambda key: "")
        outcome["folder"] = str(run.folder)
        execute(run, config, identity)
    gc.collect()  # model and trainer refer to one another: uncollected, a worker grows by a model a cell
    return outcome


def main() -> None:
    """Answers until the parent closes its end; a parent that died must not leave a worker behind."""
    logging.basicConfig(level=logging.INFO)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that a run is recorded as interrupted
    questions: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_listen, args=(questions,), daemon=True).start()
    with open(int(sys.argv[1]), "w", encoding="utf-8") as answers:
        while True:
            question = questions.get()
            answers.write(json.dumps(answer(json.loads(question))) + "\n")
            answers.flush()


def _listen(questions: "queue.Queue[str]") -> None:
    for line in sys.stdin:
        questions.put(line)
    os._exit(0)


if __name__ == "__main__":
    main()
