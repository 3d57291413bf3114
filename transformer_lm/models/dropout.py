"""Dropout whose random bits cost next to nothing."""

import jax
import jax.numpy as jnp
from flax import linen as nn

ROW_STEP = 0x9E3779B9
"""2**32 over the golden ratio: consecutive rows begin far from each other."""


def keep_mask(rng: jax.Array, shape: tuple[int, ...], rate: float) -> jax.Array:
    """Draws which elements stay: booleans of `shape`, true with 1 - `rate`.

    Two words of the key, drawn by its own generator, and the place of an element are
    hashed to its 32 bits. Unlike a stream of numbers from the key, that is a dozen
    operations on the spot: it is part of the loop that uses it, needs no memory, and is
    alike on any backend and however the array lies on a mesh.

    Args:
      rng: key.
      shape: of the mask; the first axis is counted apart from the others, so that only
        those need to have fewer than 2**32 elements together.
      rate: share of the elements to drop.
    """
    words = jax.random.bits(rng, (2,), jnp.uint32)
    place = jnp.zeros(shape, jnp.uint32)
    stride = 1
    for axis in range(len(shape) - 1, 0, -1):
        numbers = jax.lax.broadcasted_iota(jnp.uint32, shape, axis)
        place += numbers * jnp.uint32(stride % 2**32)
        stride *= shape[axis]
    row = jax.lax.broadcasted_iota(jnp.uint32, shape, 0)
    bits = _mix(place ^ words[0])
    bits = _mix(bits + row * jnp.uint32(ROW_STEP) + words[1])
    return bits < jnp.uint32(min(round((1 - rate) * 2**32), 2**32 - 1))


def _mix(bits: jax.Array) -> jax.Array:
    """Scatters 32 bits (Wellons 2018, "Prospecting for Hash Functions": lowbias32)."""
    bits ^= bits >> 16
    bits *= jnp.uint32(0x7FEB352D)
    bits ^= bits >> 15
    bits *= jnp.uint32(0x846CA68B)
    return bits ^ (bits >> 16)


class Dropout(nn.Module):
    """Sets elements to 0 at random and scales the others (Srivastava et al. 2014).

    Attributes:
      rate: share of the elements to drop.
      deterministic: no dropout; given here or in the call.
    """

    rate: float
    deterministic: bool | None = None

    @nn.compact
    def __call__(
        self, inputs: jax.Array, deterministic: bool | None = None
    ) -> jax.Array:
        """Returns an array like `inputs`."""
        off = nn.merge_param("deterministic", self.deterministic, deterministic)
        if off or self.rate == 0:
            return inputs
        kept = keep_mask(self.make_rng("dropout"), inputs.shape, self.rate)
        return jnp.where(kept, inputs / (1 - self.rate), jnp.zeros_like(inputs))
