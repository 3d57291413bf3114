"""Scores of every row of a table, with a gradient that transposes the smaller side."""

import jax
import jax.numpy as jnp


@jax.custom_vjp
def score_rows(hidden: jax.Array, table: jax.Array) -> jax.Array:
    """The product of each hidden state and each row of a table.

    Args:
      hidden: `[…, features]`.
      table: `[size, features]`.

    Returns:
      `[…, size]`.
    """
    return jnp.dot(hidden, table.T)


def _forward(
    hidden: jax.Array, table: jax.Array
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return score_rows(hidden, table), (hidden, table)


def _backward(
    inputs: tuple[jax.Array, jax.Array], gradient: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Gradients as usual, but that of the table is the transpose of a product.

    Products want one side with its rows as columns: the hidden states are transposed
    for it, and not the gradient of all scores, which is many times larger. Without the
    barrier, the compiler would take both steps for the product that they equal.
    """
    hidden, table = inputs
    product = jnp.einsum("...e,...v->ev", hidden, gradient)
    return jnp.dot(gradient, table), jax.lax.optimization_barrier(product).T


score_rows.defvjp(_forward, _backward)
