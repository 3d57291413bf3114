import jax
import numpy as np
import pytest

from tests.train.test_step import NO_DROPOUT, VOCABULARY, random_batch
from transformer_lm.metrics import normalise
from transformer_lm.train.evaluate import evaluate
from transformer_lm.train.program import build_program


@pytest.fixture(scope="module")
def program(tiny_settings):
    return build_program(tiny_settings(**NO_DROPOUT), VOCABULARY, jax.devices()[:1])


@pytest.fixture(scope="module")
def parameters(program):
    return program.fresh_state(0).parameters


def score(program, parameters, batches, max_batches=None):
    return evaluate(
        program.eval_step,
        parameters,
        batches,
        program.mesh,
        rng=jax.random.key(0),
        max_batches=max_batches,
    )


def test_figures_do_not_depend_on_how_rows_are_batched(program, parameters):
    whole = random_batch(0, rows=8)
    halves = [
        {name: array[part] for name, array in whole.items()}
        for part in (slice(0, 4), slice(4, 8))
    ]
    one = normalise(score(program, parameters, [whole]))
    two = normalise(score(program, parameters, halves))
    for name, value in one.items():
        assert two[name] == pytest.approx(value, rel=1e-6)


def test_rows_of_weight_zero_change_nothing(program, parameters):
    whole = random_batch(0, rows=8)
    filled = {
        name: np.concatenate([array, np.zeros_like(array)])
        for name, array in whole.items()
    }
    one = normalise(score(program, parameters, [whole]))
    other = normalise(score(program, parameters, [filled]))
    for name, value in one.items():
        assert other[name] == pytest.approx(value, rel=1e-6)


def test_bits_per_character_divide_by_characters(program, parameters):
    batch = random_batch(0, rows=8)
    sums = score(program, parameters, [batch])
    values = normalise(sums)
    nats = values["loss"] * batch["weights"].sum()
    expected = nats / np.log(2) / batch["characters"].sum()
    assert values["bits_per_character"] == pytest.approx(expected, rel=1e-5)
    assert values["perplexity"] == pytest.approx(np.exp(values["loss"]))


def test_a_limit_stops_early(program, parameters):
    batches = [random_batch(seed) for seed in range(3)]
    weight = score(program, parameters, batches, max_batches=2)["loss"][1]
    assert weight == sum(batch["weights"].sum() for batch in batches[:2])
