"""The terminal belongs to the user."""

import subprocess
import sys


def test_libraries_talk_to_the_log_and_not_to_the_terminal() -> None:
    code = """
import logging, warnings
records = []
class Keep(logging.Handler):
    def emit(self, record): records.append(record.name)
logging.basicConfig(level=logging.INFO, handlers=[Keep()])
import pytorch_lightning as pl
from clozelab.quiet import quiet_libraries
quiet_libraries()
pl.Trainer(logger=False, enable_checkpointing=False)
from transformers.utils import logging as transformers_logging
assert not transformers_logging.is_progress_bar_enabled()
print("lightning in the log" if any("lightning" in name for name in records) else records)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout == "lightning in the log\n"
