"""Every objective learns one batch by heart, and measures what it says."""

import jax
import optax
import pytest

from tests.objectives.toys import VOCABULARY, make_batch
from transformer_lm.objectives import OBJECTIVES

NETWORKS = {
    "masked_lm": "bert",
    "sentence_pairs": "bert",
    "replaced_token": "electra",
}


def test_every_objective_for_encoders_is_tried():
    assert {*NETWORKS} == {n for n in OBJECTIVES if OBJECTIVES[n]().rows != "causal"}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_batch_is_learnt_by_heart(name, request):
    apply, parameters = request.getfixturevalue(NETWORKS[name])
    settings = OBJECTIVES[name]()
    objective = settings.bind(VOCABULARY)
    prepare = jax.jit(objective.prepare)
    batch = prepare(make_batch(rows=4, length=32), jax.random.key(0))
    optimizer = optax.adam(1e-2)

    def loss(parameters):
        sums = objective.sums(apply, parameters, batch, None)
        return sum(sums[term][0] / sums[term][1] for term in objective.terms()), sums

    @jax.jit
    def train(parameters):
        def step(carry, _):
            parameters, state = carry
            (_, sums), gradient = jax.value_and_grad(loss, has_aux=True)(parameters)
            updates, state = optimizer.update(gradient, state)
            return (optax.apply_updates(parameters, updates), state), sums

        carry = (parameters, optimizer.init(parameters))
        return jax.lax.scan(step, carry, length=150)[1]

    sums = jax.device_get(train(parameters))
    assert {*sums, *(["perplexity"] if "loss" in sums else [])} == {*settings.metrics}
    for term in objective.terms():
        total, weight = sums[term]
        assert total[0] / weight[0] > 0.4
        assert total[-1] / weight[-1] < 0.1, term
