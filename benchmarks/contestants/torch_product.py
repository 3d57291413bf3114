"""The same product by torch, whose library may be the faster one."""

from collections.abc import Callable
from typing import Any

import torch

SIZES = {"cpu": 2048, "cuda": 8192}


@torch.inference_mode()
def prepare(*, dtype: str, **_: Any) -> tuple[Callable[[int], None], dict[str, Any]]:
    """Returns a function that multiplies, and how many operations a product has."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    size = SIZES[device]
    left, right = (
        torch.randn(size, size, dtype=getattr(torch, dtype), device=device)
        for _ in range(2)
    )

    def run(steps: int) -> None:
        for _ in range(steps):
            torch.matmul(left, right)
        if device == "cuda":
            torch.cuda.synchronize()

    return run, {"flops_per_step": 2 * size**3}
