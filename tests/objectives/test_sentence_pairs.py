import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.objectives.toys import VOCABULARY, make_batch
from transformer_lm.objectives.masked_lm import MaskedLM
from transformer_lm.objectives.sentence_pairs import SentencePairs

OBJECTIVE = SentencePairs().bind(VOCABULARY)
prepare = jax.jit(OBJECTIVE.prepare)


@pytest.fixture(scope="module")
def prepared():
    return prepare(make_batch(), jax.random.key(0))


@pytest.fixture(scope="module")
def score(bert):
    apply, parameters = bert
    jitted = jax.jit(lambda batch: OBJECTIVE.sums(apply, parameters, batch, None))
    return lambda batch: jax.device_get(jitted(batch))


def test_tokens_are_scored_as_without_pairs(bert, prepared, score):
    apply, parameters = bert
    objective = MaskedLM().bind(VOCABULARY)
    alone = jax.jit(lambda batch: objective.sums(apply, parameters, batch, None))(
        prepared
    )
    found = score(prepared)
    np.testing.assert_allclose(found["loss"], alone["loss"], rtol=1e-5)
    np.testing.assert_allclose(found["masked_accuracy"], alone["accuracy"])


def test_pairs_are_scored_by_their_labels(bert, prepared, score):
    apply, parameters = bert
    names = ("masked_tokens", "positions", "segments", "token_types")

    @jax.jit
    def score_pairs(parameters, *inputs):
        pooled = apply(parameters, *inputs, rng=None).pooled
        return apply(parameters, pooled, rng=None, method="pair_logits")

    logits = score_pairs(parameters, *(prepared[name] for name in names))
    chosen = np.asarray(jax.nn.log_softmax(logits))
    labels = np.asarray(prepared["pair_labels"])
    found = score(prepared)
    total = -chosen[np.arange(8), labels].sum()
    np.testing.assert_allclose(found["pair_loss"], (total, 8), rtol=1e-5)
    right = (chosen.argmax(1) == labels).sum()
    np.testing.assert_allclose(found["pair_accuracy"], (right, 8))


def test_rows_that_fill_up_a_batch_count_nothing(prepared, score):
    whole = score(prepared)
    halved = {name: array.at[4:].multiply(0) for name, array in prepared.items()}
    half = {name: array[:4] for name, array in prepared.items()}
    assert score(halved)["pair_loss"][1] == 4 < whole["pair_loss"][1]
    for name, (total, weight) in score(half).items():
        np.testing.assert_allclose(score(halved)[name][0], total, rtol=1e-5)
        assert score(halved)[name][1] == weight


def test_parts_of_a_batch_add_up_to_the_whole(prepared, score):
    whole = score(prepared)
    parts = [
        score({name: array[rows] for name, array in prepared.items()})
        for rows in (slice(0, 4), slice(4, 8))
    ]
    for name, (total, weight) in whole.items():
        summed = np.sum([part[name] for part in parts], axis=0)
        np.testing.assert_allclose(summed, (total, weight), rtol=1e-5)


def test_weights_are_known_before_the_network_runs(prepared, score):
    found = score(prepared)
    weights = OBJECTIVE.weights(prepared)
    assert set(weights) == set(OBJECTIVE.terms()) == {"loss", "pair_loss"}
    for name, weight in weights.items():
        assert found[name][1] == weight


def test_both_heads_learn(bert, prepared):
    apply, parameters = bert

    def loss(parameters):
        sums = OBJECTIVE.sums(apply, parameters, prepared, None)
        return sum(sums[name][0] / sums[name][1] for name in OBJECTIVE.terms())

    grads = jax.jit(jax.grad(loss))(parameters)
    for name in ("pooler", "pair_head", "token_head", "embeddings"):
        leaves = jax.tree.leaves(grads[name])
        assert all(jnp.abs(leaf).max() > 0 for leaf in leaves), name


def test_an_unknown_kind_of_pair_is_named():
    (problem,) = SentencePairs(pair_objective="sops").problems()
    assert "choose from nsp, sop" in problem
