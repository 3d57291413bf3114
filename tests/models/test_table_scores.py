"""Scores of a table's rows and their gradient of our own, against JAX's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from transformer_lm.models.table_scores import score_rows


@pytest.mark.parametrize("leading", [(6,), (2, 3)])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_scores_and_gradients_equal_those_of_jax(leading, dtype):
    keys = jax.random.split(jax.random.key(0), 3)
    hidden = jax.random.normal(keys[0], (*leading, 16), dtype)
    table = jax.random.normal(keys[1], (24, 16), dtype)
    slope = jax.random.normal(keys[2], (*leading, 24), dtype)

    def results(scores):
        output, pull_back = jax.vjp(scores, hidden, table)
        return output, *pull_back(slope)

    wanted = results(lambda hidden, table: jnp.dot(hidden, table.T))
    tolerance = 1e-5 if dtype == "float32" else 0.05
    for result, expected in zip(results(score_rows), wanted, strict=True):
        assert result.dtype == expected.dtype
        np.testing.assert_allclose(
            np.asarray(result, np.float32),
            np.asarray(expected, np.float32),
            atol=tolerance,
            rtol=tolerance,
        )
