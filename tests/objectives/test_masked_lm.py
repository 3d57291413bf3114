import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.objectives.toys import VOCABULARY, make_batch
from transformer_lm.objectives.losses import score_tokens
from transformer_lm.objectives.masked_lm import MaskedLM
from transformer_lm.registry import Registry

OBJECTIVE = MaskedLM(masking_unit="word").bind(VOCABULARY)
prepare = jax.jit(OBJECTIVE.prepare)
KEY = jax.random.key(0)


@functools.cache
def compiled(apply):
    return jax.jit(functools.partial(OBJECTIVE.sums, apply))


def score(network, batch, rng=None):
    apply, parameters = network
    return jax.device_get(compiled(apply)(parameters, batch, rng))


@pytest.fixture(scope="module")
def prepared():
    return prepare(make_batch(), KEY)


def test_hidden_places_alone_score_as_all_places_do(bert, prepared):
    apply, parameters = bert
    names = ("masked_tokens", "positions", "segments", "token_types")

    @jax.jit
    def score_all(parameters, *inputs):
        output = apply(parameters, *inputs, rng=None)
        logits = apply(parameters, output.hidden, rng=None, method="masked_logits")
        return score_tokens(logits, prepared["tokens"])

    scores = score_all(parameters, *(prepared[name] for name in names))
    hidden = np.zeros(prepared["tokens"].shape)
    np.put_along_axis(
        hidden, np.asarray(prepared["masked_positions"]), prepared["masked_weights"], 1
    )
    found = score(bert, prepared)
    weight = hidden.sum()
    for name, values in (("loss", scores.likelihood), ("accuracy", scores.correct)):
        total, of = found[name]
        assert of == weight > 20
        np.testing.assert_allclose(total, (values * hidden).sum(), rtol=1e-5)


def test_padding_does_not_change_the_loss(bert, prepared):
    rubbish = 1 - prepared["segments"]
    noisy = dict(prepared)
    for name in ("masked_tokens", "tokens", "positions", "token_types"):
        noisy[name] = noisy[name] + rubbish
    empty = {name: jnp.zeros_like(array) for name, array in prepared.items()}
    longer = {name: jnp.concatenate([noisy[name], empty[name]]) for name in prepared}
    plain, padded = score(bert, prepared), score(bert, longer)
    for name, (total, weight) in plain.items():
        np.testing.assert_allclose(padded[name][0], total, rtol=1e-5)
        assert padded[name][1] == weight


def test_parts_of_a_batch_add_up_to_the_whole(bert, prepared):
    whole = score(bert, prepared)
    parts = [
        score(bert, {name: array[rows] for name, array in prepared.items()})
        for rows in (slice(0, 4), slice(4, 8))
    ]
    for name, (total, weight) in whole.items():
        np.testing.assert_allclose(
            sum(part[name][0] for part in parts), total, rtol=1e-5
        )
        assert sum(part[name][1] for part in parts) == weight


def test_weights_are_known_before_the_network_runs(bert, prepared):
    found = score(bert, prepared)
    assert set(OBJECTIVE.terms()) == {"loss"}
    for name, weight in OBJECTIVE.weights(prepared).items():
        assert found[name][1] == weight


def test_without_token_types_all_are_the_first(bert, prepared):
    without = {k: v for k, v in prepared.items() if k != "token_types"}
    zeros = dict(prepared, token_types=prepared["token_types"] * 0)
    assert score(bert, without) == score(bert, zeros)
    assert score(bert, without) != score(bert, prepared)


def test_the_network_cannot_see_what_is_hidden(bert, prepared):
    other = dict(prepared, tokens=prepared["tokens"] * 0)
    assert score(bert, prepared) == score(bert, other)


def test_dropout_is_on_in_training_alone(bert, prepared):
    first = score(bert, prepared, jax.random.key(1))["loss"][0]
    second = score(bert, prepared, jax.random.key(2))["loss"][0]
    assert first != second


def test_one_batch_is_learnt_by_heart(bert, prepared):
    apply, parameters = bert

    def mean_loss(parameters):
        total, weight = OBJECTIVE.sums(apply, parameters, prepared, None)["loss"]
        return total / weight

    @jax.jit
    def step(parameters, momentum):
        loss, grads = jax.value_and_grad(mean_loss)(parameters)
        momentum = jax.tree.map(lambda m, g: 0.9 * m + g, momentum, grads)
        parameters = jax.tree.map(lambda p, m: p - 0.05 * m, parameters, momentum)
        return parameters, momentum, loss

    momentum = jax.tree.map(jnp.zeros_like, parameters)
    losses = []
    for _ in range(100):
        parameters, momentum, loss = step(parameters, momentum)
        losses.append(loss)
    assert losses[-1] < 0.3 < 2 < losses[0]


def test_every_objective_binds_to_a_vocabulary():
    from transformer_lm.objectives import OBJECTIVES

    assert isinstance(OBJECTIVES, Registry)
    for name in OBJECTIVES:
        settings = OBJECTIVES[name]()
        assert settings.problems() == []
        assert all(factor > 0 for factor in settings.bind(VOCABULARY).terms().values())
