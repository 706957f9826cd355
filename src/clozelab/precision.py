"""The precision a run gets when it asks for `auto`."""

from typing import Any

import torch

BFLOAT16 = ("avx512_bf16", "amx_bf16", "bf16")
"""Capabilities of a processor that multiplies bfloat16 itself."""


def cpu_computes_bfloat16() -> bool:
    """Says whether the processor multiplies bfloat16 itself; elsewhere emulation makes it slower than float32."""
    capabilities: Any = torch.cpu.get_capabilities()
    return any(capabilities.get(name, False) for name in BFLOAT16)


def uses_cuda(accelerator: str) -> bool:
    """Says whether Lightning's `accelerator` means a CUDA device on this machine."""
    return accelerator in ("auto", "gpu", "cuda") and torch.cuda.is_available()


def resolve(requested: str, *, accelerator: str = "auto") -> str:
    """Returns the precision for Lightning: `auto` is bfloat16 autocast on CUDA sm_80+ and on processors that have it.

    Args:
        requested: `auto`, or what is returned as it is.
        accelerator: as Lightning takes it.
    """
    if requested != "auto":
        return requested
    on_gpu = uses_cuda(accelerator)
    fast = torch.cuda.get_device_capability() >= (8, 0) if on_gpu else cpu_computes_bfloat16()
    return "bf16-mixed" if fast else "32-true"
