"""The bits of dropout are as good as independent draws."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from transformer_lm.models.dropout import Dropout, keep_mask

SHAPE = (16, 64, 96)
SURE = 1e-6
"""Probability of calling good bits bad, in each test."""


def masks(seeds, rate=0.5):
    draw = jax.jit(jax.vmap(lambda seed: keep_mask(jax.random.key(seed), SHAPE, rate)))
    return np.asarray(draw(jnp.asarray(seeds)))


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_the_share_of_dropped_elements_is_the_rate(rate):
    kept = masks(range(20), rate)
    found = stats.binomtest(int(kept.sum()), kept.size, 1 - rate)
    assert found.pvalue > SURE


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_every_row_and_column_has_its_share(axis):
    kept = masks(range(20))[..., None]
    others = tuple(a for a in range(kept.ndim) if a != axis + 1)
    counts = kept.sum(axis=others)
    size = kept.size // len(counts)
    chi = ((counts - size / 2) ** 2 / (size / 4)).sum()
    assert SURE < stats.chi2.sf(chi, len(counts)) < 1 - SURE


@pytest.mark.parametrize("axis", [0, 1, 2, 3])
@pytest.mark.parametrize("distance", [1, 2, 8])
def test_an_element_tells_nothing_of_its_neighbours(axis, distance):
    """Axis 0 is that of consecutive keys."""
    signs = np.where(masks(range(24)), 1, -1)
    first = np.take(signs, range(signs.shape[axis] - distance), axis)
    second = np.take(signs, range(distance, signs.shape[axis]), axis)
    products = first * second
    score = products.sum() / np.sqrt(products.size)
    assert 2 * stats.norm.sf(abs(score)) > SURE


def test_words_of_bits_are_evenly_spread():
    """Sixteen neighbours make a number; all 65,536 come equally often."""
    bits = masks(range(64)).reshape(-1, 16)
    numbers = bits @ (1 << np.arange(16))
    counts = np.bincount(numbers, minlength=2**16)
    assert SURE < stats.chisquare(counts).pvalue < 1 - SURE


def test_a_mesh_changes_nothing():
    whole = keep_mask(jax.random.key(3), SHAPE, 0.1)
    mesh = jax.make_mesh((2, 2), ("rows", "columns"), devices=jax.devices()[:4])
    spec = jax.sharding.PartitionSpec("rows", "columns")
    sharding = jax.sharding.NamedSharding(mesh, spec)
    drawn = jax.jit(
        lambda: keep_mask(jax.random.key(3), SHAPE, 0.1), out_shardings=sharding
    )()
    np.testing.assert_array_equal(drawn, whole)


def test_what_stays_is_scaled_and_gradients_are_its_own():
    inputs = jnp.linspace(1.0, 2.0, 4096).reshape(64, 64)

    def apply(inputs):
        return Dropout(0.25, deterministic=False).apply(
            {}, inputs, rngs={"dropout": jax.random.key(0)}
        )

    outputs, pull = jax.vjp(apply, inputs)
    kept = np.asarray(outputs) != 0
    assert 0.7 < kept.mean() < 0.8
    np.testing.assert_allclose(outputs, np.where(kept, inputs / 0.75, 0), rtol=1e-6)
    (gradient,) = pull(jnp.ones_like(inputs))
    np.testing.assert_allclose(gradient, np.where(kept, 1 / 0.75, 0), rtol=1e-6)


def test_without_dropout_nothing_is_drawn():
    inputs = jnp.ones((2, 3))
    assert Dropout(0.5, deterministic=True).apply({}, inputs) is inputs
    assert Dropout(0.0, deterministic=False).apply({}, inputs) is inputs
