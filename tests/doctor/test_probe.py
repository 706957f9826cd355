"""The probe says what this process would see."""

import json
import subprocess
import sys

import torch

from clozelab.doctor.probe import probe
from clozelab.precision import resolve


def test_the_probe_prints_what_torch_sees() -> None:
    done = subprocess.run([sys.executable, "-m", "clozelab.doctor.probe"], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found == json.loads(json.dumps(probe()))
    assert (found["version"], found["precision"], found["sum"]) == (torch.__version__, resolve("auto"), 512.0)
    assert bool(found["devices"]) == torch.cuda.is_available()
