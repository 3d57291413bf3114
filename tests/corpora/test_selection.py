"""Splits by hash of the id, and how corpora are brought to their weights."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transformer_lm.corpora.build.selection import mixing_factors, split_numbers

WEIGHTS = st.lists(st.floats(0.1, 10), min_size=2, max_size=4)


def test_splits_have_their_shares():
    hashes = np.random.default_rng(0).integers(0, 2**64, 100_000, np.uint64)
    counts = np.bincount(split_numbers(hashes, (98, 1, 1)), minlength=3)
    np.testing.assert_allclose(counts / 100_000, [0.98, 0.01, 0.01], atol=0.003)
    assert split_numbers(hashes, (1, 0, 0)).max() == 0
    assert set(split_numbers(hashes, (1, 0, 1))) == {0, 2}
    whole = np.array([0, 2**64 - 1], np.uint64)
    assert split_numbers(whole, (3, 1, 1)).tolist() == [0, 2]


@given(WEIGHTS, st.data())
def test_sampling_reaches_the_weights(weights, data):
    sizes = [data.draw(st.integers(1, 10**9)) for _ in weights]
    for mix, bound in (("undersample", max), ("oversample", min)):
        factors = mixing_factors(mix, weights, sizes)
        assert bound(factors) == pytest.approx(1)
        taken = np.multiply(factors, sizes)
        np.testing.assert_allclose(
            taken / taken.sum(), np.divide(weights, sum(weights)), rtol=1e-6
        )
    assert mixing_factors("repeat", weights, sizes) == tuple(weights)
    assert set(mixing_factors("none", weights, sizes)) == {1.0}
