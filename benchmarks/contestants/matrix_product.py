"""The fastest that this machine multiplies large matrices: the limit of all others."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

SIZES = {"cpu": 2048, "gpu": 8192, "tpu": 8192}


def prepare(*, dtype: str, **_: Any) -> tuple[Callable[[int], None], dict[str, Any]]:
    """Returns a function that multiplies, and how many operations a product has."""
    size = SIZES[jax.default_backend()]
    left, right = (
        jax.random.normal(jax.random.key(seed), (size, size), dtype) for seed in (0, 1)
    )
    multiply = jax.jit(jnp.matmul)

    def run(steps: int) -> None:
        for _ in range(steps):
            product = multiply(left, right)
        product.block_until_ready()

    return run, {"flops_per_step": 2 * size**3}
