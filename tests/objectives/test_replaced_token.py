import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.objectives.toys import VOCABULARY, make_batch
from transformer_lm.objectives.replaced_token import (
    ReplacedToken,
    detection_sums,
    replace_tokens,
    sample,
)

OBJECTIVE = ReplacedToken().bind(VOCABULARY)
prepare = jax.jit(OBJECTIVE.prepare)


@pytest.fixture(scope="module")
def prepared():
    return prepare(make_batch(), jax.random.key(0))


@pytest.fixture(scope="module")
def score(electra):
    apply, parameters = electra
    jitted = jax.jit(lambda batch: OBJECTIVE.sums(apply, parameters, batch, None))
    return lambda batch: jax.device_get(jitted(batch))


def test_samples_follow_the_softmax():
    logits = jnp.log(jnp.asarray([0.5, 0.3, 0.2, 0.0]))
    logits = jnp.broadcast_to(logits, (100, 1000, 4))
    keys = jax.random.split(jax.random.key(0), 100)
    drawn = np.asarray(jax.jit(sample)(logits, keys))
    share = np.bincount(drawn.reshape(-1), minlength=4) / drawn.size
    for found, rate in zip(share, (0.5, 0.3, 0.2), strict=False):
        assert abs(found - rate) < 4 * math.sqrt(rate * (1 - rate) / drawn.size)
    assert share[3] == 0


def test_samples_go_where_tokens_are_hidden(prepared):
    samples = jnp.full(prepared["masked_positions"].shape, 57)
    replaced = np.asarray(replace_tokens(prepared, samples))
    hidden = np.zeros(replaced.shape, bool)
    used = np.asarray(prepared["masked_weights"]) > 0
    np.put_along_axis(hidden, np.asarray(prepared["masked_positions"]), used, 1)
    assert (replaced[hidden] == 57).all()
    assert (replaced == prepared["tokens"])[~hidden].all()
    assert hidden.sum() == used.sum() > 20


def test_a_right_sample_counts_as_original(prepared):
    replaced = replace_tokens(prepared, prepared["masked_targets"])
    assert (replaced == prepared["tokens"]).all()
    mask_id = VOCABULARY.mask_id
    assert (prepared["masked_tokens"] == mask_id).any()
    assert not (replaced == mask_id).any()


def test_detection_is_scored_over_real_tokens():
    logits = jnp.asarray([[2.0, -1.0, 3.0, -2.0, 9.0]])
    replaced = jnp.asarray([[True, True, False, False, True]])
    real = jnp.asarray([[1.0, 1.0, 1.0, 1.0, 0.0]])
    found = detection_sums(logits, replaced, real)
    loss = [math.log1p(math.exp(x)) for x in (-2.0, 1.0, 3.0, -2.0)]
    expected = {
        "loss": (sum(loss), 4),
        "accuracy": (2, 4),
        "precision": (1, 2),
        "recall": (1, 2),
    }
    for name, pair in expected.items():
        np.testing.assert_allclose(found[name], pair, rtol=1e-5)


def test_both_losses_weigh_as_in_the_paper():
    terms = {"generator_loss": 1.0, "discriminator_loss": 50.0}
    assert OBJECTIVE.terms() == terms
    assert ReplacedToken(discriminator_weight=2.0).bind(VOCABULARY).terms() == {
        "generator_loss": 1.0,
        "discriminator_loss": 2.0,
    }


def test_weights_are_known_before_the_networks_run(prepared, score):
    found = score(prepared)
    weights = OBJECTIVE.weights(prepared)
    assert set(weights) == set(OBJECTIVE.terms())
    for name, weight in weights.items():
        assert found[name][1] == weight
    assert weights["discriminator_loss"] == prepared["segments"].sum()


def test_parts_of_a_batch_add_up_to_the_whole(prepared, score):
    whole = score(prepared)
    parts = [
        score({name: array[rows] for name, array in prepared.items()})
        for rows in (slice(0, 4), slice(4, 8))
    ]
    assert set(whole) == {
        "generator_loss",
        "generator_accuracy",
        *(
            f"discriminator_{name}"
            for name in ("loss", "accuracy", "precision", "recall")
        ),
    }
    for name, pair in whole.items():
        summed = np.sum([part[name] for part in parts], axis=0)
        np.testing.assert_allclose(summed, pair, rtol=1e-5)


def test_padding_does_not_change_the_losses(prepared, score):
    rubbish = 1 - prepared["segments"]
    noisy = dict(prepared)
    for name in ("masked_tokens", "tokens", "positions", "token_types"):
        noisy[name] = noisy[name] + rubbish
    plain, padded = score(prepared), score(noisy)
    for name, pair in plain.items():
        np.testing.assert_allclose(padded[name], pair, rtol=1e-5)


def test_no_gradient_flows_through_the_samples(electra, prepared):
    apply, parameters = electra

    def loss(parameters):
        sums = OBJECTIVE.sums(apply, parameters, prepared, None)
        return sums["discriminator_loss"][0]

    grads = jax.jit(jax.grad(loss))(parameters)
    own = {"generator_encoder", "token_head", "generator_embeddings"}
    assert own < set(grads)
    for name, grad in grads.items():
        largest = max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(grad))
        assert (largest == 0) == (name in own), name


def test_samples_differ_between_keys_and_not_otherwise(prepared, score):
    other = prepare(make_batch(), jax.random.key(1))
    moved = dict(prepared, sample_keys=other["sample_keys"])
    name = "discriminator_loss"
    assert score(prepared)[name] == score(prepared)[name]
    assert score(prepared)[name] != score(moved)[name]
    assert score(prepared)["generator_loss"] == score(moved)["generator_loss"]


def test_wrong_factors_are_named():
    (problem,) = ReplacedToken(generator_weight=0.0).problems()
    assert problem == "generator_weight=0.0 must be > 0"
