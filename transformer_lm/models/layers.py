"""Building blocks that several families share; none has a flag that picks a family."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax.linen import spmd

from .table_scores import score_rows

VOCAB_MULTIPLE = 128
"""Vocabularies are padded to this: the width of a TPU register lane."""

MASKED_LOGIT = -30_000.0
"""Logit of a padded vocabulary entry: in float16's range, and probability exactly 0."""

REMAT_POLICIES = {
    "full": jax.checkpoint_policies.nothing_saveable,
    "dots": jax.checkpoint_policies.dots_with_no_batch_dims_saveable,
}
REMAT_CHOICES = ("none", *REMAT_POLICIES)


def padded_vocab_size(vocab_size: int) -> int:
    """Rounds a vocabulary up to a multiple of `VOCAB_MULTIPLE`.

    >>> padded_vocab_size(30_000)
    30080
    """
    return -(-vocab_size // VOCAB_MULTIPLE) * VOCAB_MULTIPLE


def mask_padded_vocab(logits: jax.Array, vocab_size: int) -> jax.Array:
    """Gives the entries past `vocab_size` no probability; `[…, padded vocab]`."""
    if logits.shape[-1] == vocab_size:
        return logits
    real = jnp.arange(logits.shape[-1]) < vocab_size
    real = jnp.expand_dims(real, range(logits.ndim - 1))
    return jnp.where(real, logits, jnp.asarray(MASKED_LOGIT, logits.dtype))


def parameter(
    module: nn.Module,
    name: str,
    init: Callable[..., jax.Array],
    axes: tuple[str, ...],
    shape: tuple[int, ...],
) -> jax.Array:
    """Declares a float32 parameter of `module` with a logical name for each axis."""
    boxed = nn.with_logical_partitioning(init, axes)
    return module.param(name, boxed, shape, jnp.float32)  # pyright: ignore[reportReturnType]


def divide_by_rows(activations: jax.Array) -> jax.Array:
    """Keeps `[batch, …]` divided over devices by rows alone, where a mesh is in force.

    Left to itself, the compiler divides the width as that of the parameters (fsdp),
    and then has every device go through every row. In a `shard_map` each device has
    its own rows already.
    """
    mesh = jax.sharding.get_abstract_mesh()
    if set(mesh.axis_names) == set(mesh.manual_axes):
        return activations
    others = (None,) * (activations.ndim - 1)
    return spmd.with_logical_constraint(activations, ("batch", *others))


class Projection(nn.Module):
    """A linear map of the last axes of its input, with a logical name for each axis.

    Attributes:
      features: sizes of the output axes.
      axes: logical names of the kernel's axes: input axes, then output axes.
      use_bias: add a bias.
      kernel_init: for the kernel, seen as a matrix of all inputs by all outputs.
      dtype: of the computation; parameters are float32.
      bias_init: for the bias.
    """

    features: tuple[int, ...]
    axes: tuple[str, ...]
    use_bias: bool
    kernel_init: nn.initializers.Initializer
    dtype: str
    bias_init: nn.initializers.Initializer = nn.initializers.zeros

    @nn.compact
    def __call__(self, inputs: jax.Array) -> jax.Array:
        """Returns `[…, *features]` for inputs `[…, *input axes]`."""
        num_inputs = len(self.axes) - len(self.features)
        sizes = inputs.shape[-num_inputs:]

        def kernel_init(
            key: jax.Array, shape: tuple[int, ...], dtype: Any
        ) -> jax.Array:
            matrix = (math.prod(sizes), math.prod(self.features))
            return self.kernel_init(key, matrix, dtype).reshape(shape)

        shape = (*sizes, *self.features)
        kernel = parameter(self, "kernel", kernel_init, self.axes, shape)
        contracted = tuple(range(-num_inputs, 0)), tuple(range(num_inputs))
        outputs = jnp.tensordot(
            inputs.astype(self.dtype), kernel.astype(self.dtype), axes=contracted
        )
        if self.use_bias:
            axes = self.axes[num_inputs:]
            bias = parameter(self, "bias", self.bias_init, axes, self.features)
            outputs += jnp.expand_dims(bias, range(outputs.ndim - bias.ndim)).astype(
                self.dtype
            )
        return outputs


class Embedding(nn.Module):
    """A table of vectors, looked up by id.

    Attributes:
      size: rows of the table.
      features: width of a vector.
      axes: logical names of the table's two axes.
      embedding_init: for the table.
      dtype: of the vectors handed out; the table is float32.
    """

    size: int
    features: int
    axes: tuple[str, str]
    embedding_init: nn.initializers.Initializer
    dtype: str

    def setup(self) -> None:
        """Makes the table."""
        shape = (self.size, self.features)
        self.embedding = parameter(
            self, "embedding", self.embedding_init, self.axes, shape
        )

    def __call__(self, ids: jax.Array) -> jax.Array:
        """Returns the vectors `[…, features]` of ids `[…]`."""
        return divide_by_rows(jnp.take(self.embedding.astype(self.dtype), ids, axis=0))

    def attend(self, hidden: jax.Array) -> jax.Array:
        """Scores every row of the table: `[…, features]` to `[…, size]`."""
        return score_rows(hidden.astype(self.dtype), self.embedding.astype(self.dtype))


class LayerNorm(nn.Module):
    """Layer normalisation (Ba et al. 2016) with scale and bias; statistics in float32.

    Attributes:
      epsilon: added to the variance.
      dtype: of the result.
    """

    epsilon: float
    dtype: str

    @nn.compact
    def __call__(self, inputs: jax.Array) -> jax.Array:
        """Normalises the last axis."""
        return nn.LayerNorm(
            epsilon=self.epsilon,
            dtype=self.dtype,
            scale_init=nn.with_logical_partitioning(nn.initializers.ones, ("norm",)),
            bias_init=nn.with_logical_partitioning(nn.initializers.zeros, ("norm",)),
            name="norm",
        )(inputs)


class Stack(nn.Module):
    """`num_layers` blocks, one after the other.

    The three options change speed and memory, not results.

    Attributes:
      block: makes a block from `deterministic`, `decode` and `name`; a block maps
        (hidden, segments) to hidden.
      num_layers: blocks.
      scan: compile one block and loop over it; its parameters get a leading axis of
        `num_layers`, instead of one sub-tree `layer_0`, `layer_1`, … a block.
      remat: what the backward pass computes anew: "none"; "dots": all but matrix
        products; "full": everything.
    """

    block: Callable[..., nn.Module]
    num_layers: int
    scan: bool
    remat: str

    @nn.compact
    def __call__(
        self,
        hidden: jax.Array,  # [batch, length, embed]
        segments: jax.Array,  # [batch, length]
        *,
        deterministic: bool,
        decode: bool,
    ) -> jax.Array:
        """Returns `[batch, length, embed]`."""

        def apply_block(stack: nn.Module, hidden: jax.Array, name: str) -> jax.Array:
            block = self.block(
                deterministic=deterministic, decode=decode, name=name, parent=stack
            )
            return divide_by_rows(block(divide_by_rows(hidden), segments))

        def step(stack: nn.Module, hidden: jax.Array, name: str) -> jax.Array:
            if self.remat == "none" or decode:
                return apply_block(stack, hidden, name)
            lifted = nn.remat(
                lambda stack, hidden: apply_block(stack, hidden, name),
                policy=REMAT_POLICIES[self.remat],
                prevent_cse=not self.scan,
            )
            return lifted(stack, hidden)

        if not self.scan:
            for index in range(self.num_layers):
                hidden = step(self, hidden, f"layer_{index}")
            return hidden
        looped = nn.scan(
            lambda stack, hidden, _: (step(stack, hidden, "layers"), None),
            variable_axes={"params": 0, "cache": 0, "intermediates": 0},
            split_rngs={"params": True, "dropout": True},
            length=self.num_layers,
            metadata_params={nn.PARTITION_NAME: "layers"},
        )
        hidden, _ = looped(self, hidden, None)
        return hidden
