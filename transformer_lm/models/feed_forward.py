"""The feed-forward layers of the published families, and their activations by name."""

import functools
from collections.abc import Callable

import jax
from flax import linen as nn

from .layers import Projection

ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "gelu": functools.partial(jax.nn.gelu, approximate=False),
    "gelu_new": functools.partial(jax.nn.gelu, approximate=True),
    "relu": jax.nn.relu,
    "silu": jax.nn.silu,
}
"""Named as in transformers: gelu is exact (erf), gelu_new its tanh approximation."""


class FeedForward(nn.Module):
    """Two linear maps with an activation between them (Vaswani et al. 2017, 3.3).

    Attributes:
      mlp_dim: width between the two maps.
      activation: one of `ACTIVATIONS`.
      expand_init: for the first kernel.
      contract_init: for the second kernel.
      dtype: of the computation.
    """

    mlp_dim: int
    activation: str
    expand_init: nn.initializers.Initializer
    contract_init: nn.initializers.Initializer
    dtype: str

    @nn.compact
    def __call__(self, hidden: jax.Array) -> jax.Array:
        """Maps `[…, embed]` to `[…, embed]`."""
        expanded = Projection(
            features=(self.mlp_dim,),
            axes=("embed", "mlp"),
            use_bias=True,
            kernel_init=self.expand_init,
            dtype=self.dtype,
            name="expand",
        )(hidden)  # […, mlp]
        return Projection(
            features=(hidden.shape[-1],),
            axes=("mlp", "embed"),
            use_bias=True,
            kernel_init=self.contract_init,
            dtype=self.dtype,
            name="contract",
        )(ACTIVATIONS[self.activation](expanded))
