"""Dynamic loss scale, so that small float16 gradients do not vanish."""

import jax
import jax.numpy as jnp
from flax import struct

GROWTH_INTERVAL = 2000
"""Finite steps until the scale doubles (Micikevicius et al. 2018, section 3.2)."""


@struct.dataclass
class LossScale:
    """The factor by which the loss is multiplied before its gradient is taken."""

    scale: jax.Array
    """The factor, a power of two."""
    finite_steps: jax.Array
    """Steps with finite gradients since the factor last changed."""

    @classmethod
    def create(cls) -> "LossScale":
        """Starts at 2**15."""
        return cls(jnp.asarray(2.0**15, jnp.float32), jnp.zeros((), jnp.int32))

    def adjust(self, finite: jax.Array) -> "LossScale":
        """Halves after gradients that are not finite, doubles after many that are."""
        steps = self.finite_steps + 1
        grown = jnp.where(steps >= GROWTH_INTERVAL, self.scale * 2, self.scale)
        scale = jnp.where(finite, grown, jnp.maximum(self.scale / 2, 1.0))
        steps = jnp.where(finite & (steps < GROWTH_INTERVAL), steps, 0)
        return LossScale(scale, steps)
