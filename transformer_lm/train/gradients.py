"""The gradient of a batch: exactly that of its mean loss, however rows are divided."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import Mesh, PartitionSpec

from transformer_lm.objectives.interface import (
    Apply,
    Batch,
    Objective,
    Parameters,
    Sums,
)
from transformer_lm.parallel import BATCH_AXES

Gradients = Callable[
    [Parameters, Batch, jax.Array, jax.Array | float], tuple[Parameters, Sums]
]
"""(parameters, micro-batches `[accumulation, rows, …]`, key, loss scale) → (float32
gradients times the scale, sums)."""


def make_gradients(objective: Objective, apply: Apply) -> Gradients:
    """Returns the gradient of micro-batches that all processes take together."""

    def gradients(
        parameters: Parameters,
        batch: Batch,
        rng: jax.Array,
        scale: jax.Array | float,
    ) -> tuple[Parameters, Sums]:
        batch, weights, dropouts = _prepare(objective, batch, rng)

        def micro(batch: Batch, rng: jax.Array) -> tuple[Parameters, Sums]:
            return _micro(objective, apply, parameters, batch, weights, rng, scale)

        first = jax.tree.map(lambda array: array[0], batch)
        if len(dropouts) == 1:
            return micro(first, dropouts[0])

        def add(total: Any, inputs: tuple[Batch, jax.Array]) -> tuple[Any, None]:
            return jax.tree.map(jnp.add, total, micro(*inputs)), None

        zeros = _zeros(micro, first, dropouts[0])
        total, _ = jax.lax.scan(add, zeros, (batch, dropouts))
        return total

    return gradients


def make_own_pace_gradients(
    objective: Objective, apply: Apply, mesh: Mesh
) -> Gradients:
    """Returns the same for devices with different numbers of micro-batches.

    Each device goes through its own micro-batches, without a word to the others; then
    gradients and sums are added up once. Its micro-batches without text, at the end,
    are what fills up the array: they are not computed.

    Args:
      objective: what is learnt.
      apply: the network; each device has all of its parameters.
      mesh: over whose devices rows are divided.
    """

    def on_device(
        parameters: Parameters,
        batch: Batch,
        key_data: jax.Array,
        scale: jax.Array | float,
    ) -> tuple[Parameters, Sums]:
        rng = jax.random.wrap_key_data(key_data)
        rng = jax.random.fold_in(rng, jax.lax.axis_index(BATCH_AXES))
        count = jnp.any(batch["segments"] > 0, axis=(1, 2)).sum()
        batch, weights, dropouts = _prepare(objective, batch, rng)
        weights = jax.lax.psum(weights, BATCH_AXES)

        def micro(number: jax.Array | int) -> tuple[Parameters, Sums]:
            part = jax.tree.map(lambda array: array[number], batch)
            dropout = dropouts[number]
            return _micro(objective, apply, parameters, part, weights, dropout, scale)

        def add(number: jax.Array, total: Any) -> Any:
            return jax.tree.map(jnp.add, total, micro(number))

        total = jax.lax.fori_loop(0, count, add, _zeros(micro, 0))
        return jax.lax.psum(total, BATCH_AXES)

    def gradients(
        parameters: Parameters,
        batch: Batch,
        rng: jax.Array,
        scale: jax.Array | float,
    ) -> tuple[Parameters, Sums]:
        everywhere = PartitionSpec()
        return jax.shard_map(
            on_device,
            mesh=mesh,
            in_specs=(
                everywhere,
                PartitionSpec(None, BATCH_AXES),
                everywhere,
                everywhere,
            ),
            out_specs=everywhere,
            # The check would have gradients of shared parameters added up in each turn
            # of the loop, which devices take different numbers of times.
            check_vma=False,
        )(parameters, batch, jax.random.key_data(rng), jnp.asarray(scale))

    return gradients


def _prepare(
    objective: Objective, batch: Batch, rng: jax.Array
) -> tuple[Batch, dict[str, jax.Array], jax.Array]:
    """Draws masks; returns (micro-batches, weights of all together, dropout keys)."""
    accumulation = batch["tokens"].shape[0]
    draws, dropouts = jax.random.split(rng, (2, accumulation))
    batch = jax.vmap(objective.prepare)(batch, draws)
    weights = jax.tree.map(jnp.sum, jax.vmap(objective.weights)(batch))
    return batch, weights, dropouts


def _micro(
    objective: Objective,
    apply: Apply,
    parameters: Parameters,
    batch: Batch,
    weights: dict[str, jax.Array],
    rng: jax.Array,
    scale: jax.Array | float,
) -> tuple[Parameters, Sums]:
    """A micro-batch's share of the gradient of the mean over the weights of all."""

    def loss(parameters: Parameters) -> tuple[jax.Array, Sums]:
        sums = objective.sums(apply, parameters, batch, rng)
        # A batch without a single target must not make the loss 0 / 0.
        total = sum(
            factor * sums[name][0] / jnp.maximum(weights[name], 1e-6)
            for name, factor in objective.terms().items()
        )
        return jnp.asarray(total) * scale, sums

    grads, sums = jax.grad(loss, has_aux=True)(parameters)
    return jax.tree.map(lambda grad: grad.astype(jnp.float32), grads), sums


def _zeros(function: Callable[..., Any], *inputs: Any) -> Any:
    """Zeros of the shapes that a function returns."""
    shapes = jax.eval_shape(function, *inputs)
    return jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
