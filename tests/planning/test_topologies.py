"""Names of TPU slices, and the shapes that Cloud TPU's documents give for them."""

import pytest

from transformer_lm.planning.topologies import topology
from transformer_lm.registry import UserError


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("v4-8", (2, 2, 1)),
        ("v4-16", (2, 2, 2)),
        ("v4-32", (2, 2, 4)),
        ("v4-64", (2, 4, 4)),
        ("v5p-128", (4, 4, 4)),
        ("v5p-256", (4, 4, 8)),
        ("v5p-512", (4, 8, 8)),
        ("v5p-2048", (8, 8, 16)),
        ("v5e-1", (1, 1)),
        ("v5e-4", (2, 2)),
        ("v5e-8", (2, 4)),
        ("v5e-16", (4, 4)),
        ("v5e-128", (8, 16)),
        ("v6e-256", (16, 16)),
    ],
)
def test_shapes(name, shape):
    assert topology(name).shape == shape


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("v4-7", "choose from v4-8, v4-16"),
        ("v4-4", "choose from v4-8"),
        ("v5e-2", "choose from v5e-1, v5e-4, v5e-8"),
        ("v5e-512", "v5e-256$"),
        ("v5e", "choose from v5e-1"),
        ("v9-8", "unknown TPU generation 'v9'. Known: v4, v5e, v5p, v6e"),
    ],
)
def test_what_is_no_slice(name, expected):
    with pytest.raises(UserError, match=expected):
        topology(name)
