"""Scores in tiles are those of whole logits: values, gradients, and less memory."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn
from jax.sharding import NamedSharding, PartitionSpec

from transformer_lm.models import MODELS
from transformer_lm.objectives.causal_lm import CausalLM
from transformer_lm.objectives.losses import PADDED_LOGIT, score_tokens
from transformer_lm.objectives.tiled_scores import GIB, tiled_scores, tiles_needed
from transformer_lm.parallel import MeshShape, batch_sharding, on_mesh
from transformer_lm.train.step import network_apply

EMBED, WORDS, PADDED = 8, 100, 128
PENALTIES = [(0.0, 0.0), (0.1, 0.0), (0.1, 1e-2)]


def head(parameters, hidden):
    """A head with a bias and a padded vocabulary; `unread` is of another layer."""
    bias = jnp.expand_dims(parameters["bias"], range(hidden.ndim - 1))
    logits = hidden @ parameters["kernel"] + bias
    real = jnp.expand_dims(jnp.arange(PADDED) < WORDS, range(hidden.ndim - 1))
    return jnp.where(real, logits, 1.5 * PADDED_LOGIT)


def make(rows, length):
    keys = jax.random.split(jax.random.key(0), 5)
    parameters = {
        "bias": jax.random.normal(keys[0], (PADDED,)),
        "kernel": jax.random.normal(keys[1], (EMBED, PADDED)),
        "unread": jnp.ones((3,)),
    }
    hidden = jax.random.normal(keys[2], (rows, length, EMBED))
    targets = jax.random.randint(keys[3], (rows, length), 0, WORDS)
    slopes = jax.random.normal(keys[4], (2, rows, length)) / (rows * length)
    return parameters, hidden, targets, slopes


def loss(parameters, hidden, targets, slopes, *, gib, smoothing, z_loss):
    """A mean of both losses with random weights; and all scores."""
    options = {"label_smoothing": smoothing, "z_loss": z_loss}
    if gib is None:
        scores = score_tokens(head(parameters, hidden), targets, **options)
    else:
        scores = tiled_scores(head, parameters, hidden, targets, gib=gib, **options)
    value = jnp.sum(scores.minimised * slopes[0] + scores.likelihood * slopes[1])
    return value, scores


def gradient_of(**options):
    return jax.value_and_grad(
        functools.partial(loss, **options), argnums=(0, 1), has_aux=True
    )


def gib_of(positions, ids=PADDED):
    return positions * ids * 4 / GIB


@pytest.mark.parametrize(("smoothing", "z_loss"), PENALTIES)
@pytest.mark.parametrize("tile", [1, 7, 10, 20])
def test_tiles_give_the_same_values_and_gradients(tile, smoothing, z_loss):
    inputs = make(3, 7)
    options = {"smoothing": smoothing, "z_loss": z_loss}
    expected = jax.jit(gradient_of(gib=None, **options))(*inputs)
    found = jax.jit(gradient_of(gib=gib_of(tile), **options))(*inputs)
    jax.tree.map(
        lambda one, other: np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-6),
        found,
        expected,
    )


def test_the_plain_loss_is_that_of_optax():
    parameters, hidden, targets, _ = make(3, 7)
    found = tiled_scores(
        head,
        parameters,
        hidden,
        targets,
        gib=gib_of(4),
        label_smoothing=0.0,
        z_loss=0.0,
    )
    expected = optax.softmax_cross_entropy_with_integer_labels(
        head(parameters, hidden), targets
    )
    np.testing.assert_allclose(found.likelihood, expected, rtol=1e-6)


def test_no_tiles_within_the_budget():
    parameters, hidden, targets, _ = make(3, 7)
    options = {"label_smoothing": 0.0, "z_loss": 0.0}
    for positions, expected in ((21, True), (20, False)):
        gib = gib_of(positions)
        found = tiled_scores(head, parameters, hidden, targets, gib=gib, **options)
        assert (found is None) == expected
    assert [tiles_needed(n, PADDED, gib_of(10)) for n in (9, 10, 11, 21)] == [
        1,
        1,
        2,
        3,
    ]


@pytest.mark.parametrize(("fsdp", "tensor"), [(1, 1), (4, 1), (1, 2), (2, 2)])
def test_any_mesh_gives_the_same(fsdp, tensor):
    mesh = MeshShape(fsdp_parallel=fsdp, tensor_parallel=tensor).build(
        jax.devices()[:4]
    )
    inputs = make(4, 7)
    options = {"smoothing": 0.1, "z_loss": 1e-2}
    expected = jax.jit(gradient_of(gib=None, **options))(*inputs)
    specs = {"bias": ("tensor",), "kernel": ("fsdp", "tensor"), "unread": ()}
    placed = {
        name: NamedSharding(mesh, PartitionSpec(*axes)) for name, axes in specs.items()
    }
    rows = batch_sharding(mesh)
    # Three tiles on each device: of its own positions, over its part of the vocabulary.
    gib = gib_of(7 * 4 / 3 / mesh.size)
    compiled = jax.jit(
        on_mesh(mesh)(gradient_of(gib=gib, **options)),
        in_shardings=(placed, rows, rows, batch_sharding(mesh, leading=1)),
    )
    found = compiled(*inputs)
    jax.tree.map(
        lambda one, other: np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-6),
        found,
        expected,
    )


@pytest.mark.parametrize(
    ("family", "sizes"),
    [
        ("gpt2", {"initializer_range": 0.02}),
        ("transformer_lm", {"qkv_dim": 16, "logits_via_embedding": True}),
        ("transformer_lm", {"qkv_dim": 16}),
    ],
)
def test_decoders_learn_the_same(family, sizes):
    sizes = {"num_layers": 1, "emb_dim": 16, "num_heads": 2, "mlp_dim": 32, **sizes}
    network = MODELS[family](**sizes, dropout_rate=0.0, attention_dropout_rate=0.0)
    model = network.build(60, max_length=12, dtype="float32")
    row = jax.random.randint(jax.random.key(0), (3, 12), 0, 60)
    places = jnp.broadcast_to(jnp.arange(12), row.shape)
    batch = {"tokens": row, "targets": row[:, ::-1], "positions": places}
    variables = jax.jit(model.init)(jax.random.key(0), row, places, places)
    parameters = nn.unbox(variables["params"])
    batch |= {"segments": jnp.ones_like(row), "weights": (places < 11) * 1.0}

    def mean(gib):
        objective = CausalLM(0.1, 1e-3, logits_memory_gib=gib)

        def mean(parameters):
            apply, key = network_apply(model), jax.random.key(1)
            sums = objective.sums(apply, parameters, batch, key)
            return sums["objective"][0] / sums["objective"][1], sums

        return jax.jit(jax.value_and_grad(mean, has_aux=True))(parameters)

    jax.tree.map(
        lambda one, other: np.testing.assert_allclose(one, other, rtol=2e-6, atol=1e-6),
        mean(gib_of(5)),
        mean(1.0),
    )


def test_tiles_need_less_memory():
    rows, length, ids = 4, 512, 8192
    parameters = {
        "bias": jax.ShapeDtypeStruct((ids,), jnp.float32),
        "kernel": jax.ShapeDtypeStruct((EMBED, ids), jnp.float32),
    }
    hidden = jax.ShapeDtypeStruct((rows, length, EMBED), jnp.float32)
    targets = jax.ShapeDtypeStruct((rows, length), jnp.int32)

    def plain_head(parameters, hidden):
        bias = jnp.expand_dims(parameters["bias"], range(hidden.ndim - 1))
        return hidden @ parameters["kernel"] + bias

    def needed(gib):
        def total(parameters, hidden, targets):
            scores = tiled_scores(
                plain_head,
                parameters,
                hidden,
                targets,
                gib=gib,
                label_smoothing=0.0,
                z_loss=0.0,
            ) or score_tokens(plain_head(parameters, hidden), targets)
            return scores.minimised.sum()

        lowered = jax.jit(jax.grad(total)).lower(parameters, hidden, targets)
        return lowered.compile().memory_analysis().temp_size_in_bytes

    logits = rows * length * ids * 4
    plain, tiled = needed(1.0), needed(logits / 16 / GIB)
    assert plain > logits
    # Tiles of a sixteenth, and what is made of a tile on the way.
    assert tiled < plain / 8
