"""The FLOP formulas against every matrix product of the real train step."""

import math

import jax
import pytest
from jax.extend import core

from transformer_lm.planning.inputs import abstract_batch, planned_vocabulary
from transformer_lm.train.program import build_program

ROWS, LENGTH, VOCABULARY = 8, 128, 1280
"""The vocabulary needs no padding."""


def product_flops(jaxpr):
    """FLOPs of all matrix products, those of loops as often as they turn."""
    total = 0
    for equation in jaxpr.eqns:
        if equation.primitive.name == "dot_general":
            (contracted, _), _ = equation.params["dimension_numbers"]
            shape = equation.invars[0].aval.shape
            depth = math.prod(shape[axis] for axis in contracted)
            total += 2 * depth * equation.outvars[0].aval.size
        turns = equation.params["length"] if equation.primitive.name == "scan" else 1
        for value in equation.params.values():
            for inner in value if isinstance(value, tuple | list) else [value]:
                if isinstance(inner, core.ClosedJaxpr):
                    total += turns * product_flops(inner.jaxpr)
                elif isinstance(inner, core.Jaxpr):
                    total += turns * product_flops(inner)
    return total


def counted_and_promised(settings):
    """FLOPs of the products of a step, and what the formula says of them."""
    vocabulary = planned_vocabulary(settings)
    program = build_program(settings, vocabulary, jax.devices()[:1])
    batch = abstract_batch(settings, program.mesh, ROWS)
    traced = jax.make_jaxpr(program.train_step)(program.abstract, batch)
    promised = settings.flops_per_token(vocabulary.size) * ROWS * LENGTH
    return product_flops(traced.jaxpr), promised


def after_the_diagonal(settings):
    """Scores of later keys: by convention they do not count.

    In two blocks of queries, the later half of the keys is left out for the first one:
    a quarter of all scores, of the half that the convention leaves out.
    """
    model = settings.model
    scores = 2 * model.num_layers * model.emb_dim * LENGTH / 4
    return 6 * scores * ROWS * LENGTH


def pair_products(settings):
    """Pooler and pair head, once a row, which by convention do not count."""
    width = settings.model.emb_dim
    return 6 * ROWS * (width**2 + 2 * width)


@pytest.fixture(scope="module")
def sized(tiny_settings):
    def make(family, **keys):
        return tiny_settings(
            family,
            vocab_size=VOCABULARY,
            max_target_length=LENGTH,
            max_eval_target_length=LENGTH,
            batch_size=ROWS,
            **keys,
        )

    return make


@pytest.mark.parametrize("scan_layers", [False, True])
@pytest.mark.parametrize(
    ("family", "besides"),
    [
        ("transformer_lm", after_the_diagonal),
        ("gpt2", after_the_diagonal),
        ("roberta", lambda settings: 0),
        ("bert", pair_products),
        ("albert", pair_products),
        ("electra", lambda settings: 0),
    ],
)
def test_every_product_is_counted_once(sized, family, besides, scan_layers):
    settings = sized(family, scan_layers=scan_layers)
    counted, promised = counted_and_promised(settings)
    assert counted == promised + besides(settings)


def test_micro_batches_cost_what_the_batch_costs(sized):
    settings = sized("gpt2", grad_accumulation_steps=4)
    counted, promised = counted_and_promised(settings)
    assert counted == promised + after_the_diagonal(settings)


def test_what_remat_computes_anew_does_not_count(sized):
    plain, _ = counted_and_promised(sized("roberta"))
    counted, promised = counted_and_promised(sized("roberta", remat="full"))
    assert promised == plain
    assert counted > promised
