"""Attention within rows, in blocks of queries, against JAX's own attention."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from transformer_lm.models.attention import attend_in_rows
from transformer_lm.models.dropout import Dropout

HEADS, HEAD_DIM = 2, 8


def segments_of(length):
    """Rows of one text, of three with padding after them, and of padding alone."""
    places = jnp.arange(length)
    three = 1 + (places > length // 5).astype(int) + (places > length // 2)
    padded = jnp.where(places < length - 7, three, 0)
    return jnp.stack([jnp.ones_like(places), padded, jnp.zeros_like(places)])


def arrays_of(length):
    keys = jax.random.split(jax.random.key(0), 4)
    return [jax.random.normal(key, (3, length, HEADS, HEAD_DIM)) for key in keys]


def library(query, key, value, segments, *, causal):
    """The same by `jax.nn`, over the whole row."""
    mask = segments[:, None, :, None] == segments[:, None, None, :]
    return jax.nn.dot_product_attention(
        query, key, value, mask=mask, is_causal=causal, implementation="xla"
    )


def ours(query, key, value, segments, *, causal):
    return attend_in_rows(
        query, key, value, segments, causal=causal, dropout=lambda weights: weights
    )


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("length", [40, 130, 250, 303])
def test_output_and_gradients_equal_those_of_jax(length, causal):
    *inputs, slope = arrays_of(length)
    segments = segments_of(length)
    real = (segments > 0)[:, :, None, None]

    def results(attention):
        def loss(*inputs):
            output = jnp.where(real, attention(*inputs, segments, causal=causal), 0)
            return jnp.sum(output * slope), output

        gradients, output = jax.grad(loss, argnums=(0, 1, 2), has_aux=True)(*inputs)
        return output, *gradients

    for result, wanted in zip(results(ours), results(library), strict=True):
        np.testing.assert_allclose(result, wanted, atol=2e-6)


@pytest.mark.parametrize(
    ("length", "causal", "shapes"),
    [
        (303, True, [(75, 75), (76, 151), (76, 227), (76, 303)]),
        (130, True, [(65, 65), (65, 130)]),
        (127, True, [(127, 127)]),
        (303, False, [(303, 303)]),
    ],
)
def test_scores_of_later_blocks_are_not_made(length, causal, shapes):
    made = []
    *inputs, _ = arrays_of(length)

    def dropout(weights):
        made.append(weights.shape[2:])
        return weights

    attend_in_rows(*inputs, segments_of(length), causal=causal, dropout=dropout)
    assert made == shapes


def test_each_block_drops_other_weights():
    """A query that sees itself alone shows whether its weight was dropped."""
    length = 256
    alone = jnp.arange(1, length + 1)[None]
    ones = jnp.ones((1, length, 1, 1))

    def kept(module):
        return attend_in_rows(ones, ones, ones, alone, causal=True, dropout=module)

    module = Dropout(0.5, deterministic=False)
    output = module.apply({}, method=kept, rngs={"dropout": jax.random.key(1)})
    blocks = np.asarray(output).reshape(4, length // 4)
    assert set(blocks.ravel()) == {0.0, 2.0}
    assert 90 < np.count_nonzero(blocks) < 166
    for block in range(1, 4):
        assert np.any(blocks[block] != blocks[0])


@pytest.mark.parametrize(("causal", "barriers"), [(True, 4), (False, 0)])
def test_weights_of_a_block_stay_apart_from_the_product_that_follows(causal, barriers):
    """The TPU compiler merges them otherwise, until its stack is full."""
    *inputs, _ = arrays_of(256)
    program = jax.make_jaxpr(lambda *inputs: ours(*inputs, causal=causal))(
        *inputs, segments_of(256)
    )
    primitives = [equation.primitive.name for equation in program.eqns]
    assert primitives.count("optimization_barrier") == barriers
