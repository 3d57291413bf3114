"""Parameters named as networks name them, and what happens to them in a few steps."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn

from transformer_lm.models import MODELS

SIZES = {"num_layers": 3, "emb_dim": 16, "num_heads": 2, "mlp_dim": 32}
FAMILIES = tuple(MODELS)


def shapes_of(name, **sizes):
    """Shapes of a family's parameters at toy size."""
    extra = {"qkv_dim": 16} if name == "transformer_lm" else {}
    extra |= {"generator_size": 0.5} if name == "electra" else {}
    config = MODELS[name](**SIZES | extra | sizes)
    model = config.build(40, max_length=8, dtype="float32")
    row = jnp.zeros((1, 8), "int32")
    inputs = {name: row for name in config.inputs}
    shapes = jax.eval_shape(lambda: model.init(jax.random.key(0), **inputs))
    return nn.unbox(shapes["params"])


def random_like(shapes, seed=0, scale=1.0):
    draw = np.random.default_rng(seed)
    return jax.tree.map(
        lambda leaf: jnp.asarray(scale * draw.standard_normal(leaf.shape), "float32"),
        shapes,
    )


def small_tree():
    """A tree as a network has it, of few numbers."""
    shapes = {
        "word_embedding": {"embedding": (6, 4)},
        "stack": {
            f"layer_{number}": {
                "attention": {
                    "query": {"kernel": (4, 2, 2), "bias": (2, 2)},
                    "out": {"kernel": (2, 2, 4), "bias": (4,)},
                },
                "norm": {"scale": (4,), "bias": (4,)},
                "expand": {"kernel": (4, 6), "bias": (6,)},
            }
            for number in range(2)
        },
        "head": {"kernel": (4, 6), "bias": (6,)},
    }
    return random_like(
        jax.tree.map(
            lambda shape: jax.ShapeDtypeStruct(shape, "float32"),
            shapes,
            is_leaf=lambda node: isinstance(node, tuple),
        )
    )


def scanned(tree):
    """The same with all layers in one array, as `scan_layers` has it."""
    layers = tree["stack"].values()
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *layers)
    return {**tree, "stack": {"layers": stacked}}


def take_steps(transformation, parameters, count=3, arrange=lambda tree: tree):
    """Parameters after some steps with gradients that are alike for every optimizer."""

    def step(carry, gradients):
        parameters, state = carry
        updates, state = transformation.update(gradients, state, parameters)
        return optax.apply_updates(parameters, updates), state

    carry = (arrange(parameters), jax.jit(transformation.init)(arrange(parameters)))
    step = jax.jit(step)
    for seed in range(1, count + 1):
        carry = step(carry, arrange(random_like(parameters, seed, 0.1 * seed)))
    return carry[0]


def assert_close(found, expected, rtol=1e-5, atol=1e-7):
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=rtol, atol=atol),
        found,
        expected,
    )
