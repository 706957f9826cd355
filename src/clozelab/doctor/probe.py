"""What torch sees of this machine, as JSON: `python -m clozelab.doctor.probe`, as a process, for it may die."""

import json
import warnings
from typing import Any


def probe() -> dict[str, Any]:
    """Returns plain values: build, processor, devices, and the precision that a run gets when it asks for `auto`."""
    import torch

    from clozelab.precision import BFLOAT16, resolve

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        on_gpu = torch.cuda.is_available()
        devices = [torch.cuda.get_device_properties(i) for i in range(torch.cuda.device_count())] if on_gpu else []
    capabilities: Any = torch.cpu.get_capabilities()
    return {
        "version": torch.__version__,
        "cuda": torch.version.cuda,
        "kernels": torch.backends.cpu.get_cpu_capability(),
        "bfloat16": [name for name in BFLOAT16 if capabilities.get(name, False)],
        "devices": [{"name": d.name, "memory": d.total_memory, "capability": [d.major, d.minor]} for d in devices],
        "mps": torch.backends.mps.is_available(),
        "precision": resolve("auto"),
        "sum": float(torch.ones(8, 8).matmul(torch.ones(8, 8)).sum()),  # that it computes at all
        "warnings": [str(warning.message) for warning in said],
    }


if __name__ == "__main__":
    print(json.dumps(probe()))
