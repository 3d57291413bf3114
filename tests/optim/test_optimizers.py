import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import PartitionSpec

from tests.optim.toys import (
    assert_close,
    random_like,
    scanned,
    shapes_of,
    small_tree,
    take_steps,
)
from transformer_lm.optim import OPTIMIZERS
from transformer_lm.optim.adafactor import Adafactor
from transformer_lm.optim.adam import Adam, AdamW
from transformer_lm.optim.lamb import Lamb
from transformer_lm.optim.lion import Lion
from transformer_lm.optim.masks import decay_mask
from transformer_lm.optim.muon import Muon, kinds
from transformer_lm.registry import UserError

RATE = 0.01


def schedule(count):
    return RATE / (1.0 + count)


def own(config):
    return take_steps(config.build(schedule), small_tree())


def by_hand(update, count=3):
    """Steps in numpy: `update` maps (step, gradient, state, parameter, decays)."""
    parameters = small_tree()
    leaves, structure = jax.tree.flatten(parameters)
    decays = jax.tree.leaves(decay_mask(parameters))
    leaves = [np.asarray(leaf, np.float64) for leaf in leaves]
    states = [{"m": 0.0, "v": 0.0} for _ in leaves]
    for step in range(1, count + 1):
        gradients = jax.tree.leaves(random_like(parameters, step, 0.1 * step))
        leaves = [
            leaf
            + update(step, np.asarray(gradient, np.float64), state, leaf, decaying)
            * -schedule(step - 1)
            for leaf, gradient, state, decaying in zip(
                leaves, gradients, states, decays, strict=True
            )
        ]
    return jax.tree.unflatten(structure, leaves)


def moments(gradient, state, beta1, beta2):
    state["m"] = beta1 * state["m"] + (1 - beta1) * gradient
    state["v"] = beta2 * state["v"] + (1 - beta2) * gradient**2
    return state["m"], state["v"]


@pytest.mark.parametrize("corrected", [True, False])
def test_adamw_equals_a_step_by_hand(corrected):
    def update(step, gradient, state, parameter, decays):
        mean, square = moments(gradient, state, 0.9, 0.98)
        if corrected:
            mean, square = mean / (1 - 0.9**step), square / (1 - 0.98**step)
        return mean / (np.sqrt(square) + 1e-9) + 0.1 * parameter * decays

    assert_close(own(AdamW(bias_correction=corrected)), by_hand(update), atol=1e-6)


@pytest.mark.parametrize("adapt_all", [False, True])
def test_lamb_without_correction_equals_a_step_by_hand(adapt_all):
    def update(step, gradient, state, parameter, decays):
        mean, square = moments(gradient, state, 0.9, 0.999)
        direction = mean / (np.sqrt(square) + 1e-6) + 0.01 * parameter * decays
        if not (decays or adapt_all):
            return direction
        return direction * np.linalg.norm(parameter) / np.linalg.norm(direction)

    found = own(Lamb(adapt_biases_and_norms=adapt_all))
    assert_close(found, by_hand(update), atol=1e-6)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (Adam(), optax.adam(schedule, 0.9, 0.999, 1e-8)),
        (
            AdamW(weight_decay_exclude="none"),
            optax.adamw(schedule, 0.9, 0.98, 1e-9, weight_decay=0.1),
        ),
        (
            AdamW(clip_norm=0.5),
            optax.chain(
                optax.clip_by_global_norm(0.5),
                optax.adamw(
                    schedule, 0.9, 0.98, 1e-9, weight_decay=0.1, mask=decay_mask
                ),
            ),
        ),
        (
            Lamb(
                bias_correction=True,
                adapt_biases_and_norms=True,
                weight_decay_exclude="none",
            ),
            optax.lamb(schedule, 0.9, 0.999, 1e-6, weight_decay=0.01),
        ),
        (
            Lion(weight_decay=0.5),
            optax.lion(schedule, 0.9, 0.99, weight_decay=0.5, mask=decay_mask),
        ),
        (Adafactor(), optax.adafactor(schedule)),
        (
            Adafactor(momentum=0.9, relative_step=False, update_clip=None),
            optax.adafactor(
                optax.constant_schedule(RATE),
                momentum=0.9,
                multiply_by_parameter_scale=False,
                clipping_threshold=None,
            ),
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_steps_equal_those_of_optax(config, expected):
    rate = schedule
    if getattr(config, "momentum", None):
        # optax multiplies by the rate before the momentum.
        rate = optax.constant_schedule(RATE)
    found = take_steps(config.build(rate), small_tree())
    assert_close(found, take_steps(expected, small_tree()))


def test_muon_steps_by_orthogonal_matrices():
    parameters = small_tree()
    found = take_steps(Muon(weight_decay=0.0).build(schedule), parameters, count=1)
    steps = jax.tree.map(jnp.subtract, found, parameters)["stack"]["layer_0"]
    for step, shape in (
        (steps["expand"]["kernel"], (4, 6)),
        (steps["attention"]["query"]["kernel"], (4, 4)),
        (steps["attention"]["out"]["kernel"], (4, 4)),
    ):
        singular = np.linalg.svd(np.reshape(step, shape), compute_uv=False)
        singular /= 0.2 * RATE * np.sqrt(max(shape))
        # Five rounds of Newton-Schulz come this near to 1 (Jordan 2024).
        assert ((singular > 0.3) & (singular < 1.3)).all()


def test_muon_leaves_the_rest_to_adamw():
    config = Muon()
    adamw = AdamW(beta2=0.95, epsilon=1e-8)
    parameters = small_tree()
    found, expected = own(config), own(adamw)
    for leaf, other, kind in zip(
        *map(jax.tree.leaves, (found, expected, kinds(parameters))), strict=True
    ):
        assert np.allclose(leaf, other, atol=1e-6) == (kind == "rest")


def test_muon_refuses_what_is_no_matrix():
    parameters = {"stack": {"layer_0": {"conv": {"kernel": jnp.ones((2, 3, 4))}}}}
    message = r"stack\.layer_0\.conv\.kernel, of shape \(2, 3, 4\)"
    with pytest.raises(UserError, match=message):
        Muon().build(schedule).init(parameters)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_scanned_layers_learn_as_plain_ones(name):
    transformation = OPTIMIZERS[name]().build(schedule)
    plain = take_steps(transformation, small_tree())
    found = take_steps(transformation, small_tree(), arrange=scanned)
    assert_close(found, scanned(plain), rtol=2e-4, atol=1e-5)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_quadratic_gets_smaller(name):
    config = OPTIMIZERS[name]()
    assert config.problems() == []
    goal = random_like(small_tree(), seed=9)

    def loss(tree):
        terms = jax.tree.map(lambda a, b: jnp.sum((a - b) ** 2), tree, goal)
        return sum(jax.tree.leaves(terms))

    transformation = config.build(optax.constant_schedule(RATE))
    parameters = small_tree()
    state = transformation.init(parameters)

    @jax.jit
    def step(parameters):
        gradients = jax.grad(loss)(parameters)
        updates, _ = transformation.update(gradients, state, parameters)
        return optax.apply_updates(parameters, updates)

    assert loss(step(parameters)) < loss(parameters)


@pytest.mark.parametrize("scan", [False, True])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_state_lies_as_its_parameters_do(name, scan):
    config = OPTIMIZERS[name](clip_norm=1.0, freeze_layers=1, freeze_embeddings=True)
    transformation = config.build(schedule)
    parameters = shapes_of("bert", scan_layers=scan, emb_dim=256, mlp_dim=512)
    state = jax.eval_shape(transformation.init, parameters)
    everywhere = PartitionSpec()
    specs = jax.tree.map(lambda leaf: PartitionSpec(*leaf.shape), parameters)

    def place(leaf, parameter, spec):
        if isinstance(leaf, optax.MaskedNode):
            return leaf
        return spec if leaf.shape == parameter.shape else everywhere

    placed = optax.tree_map_params(
        transformation,
        place,
        state,
        parameters,
        specs,
        transform_non_params=lambda _: everywhere,
        is_leaf=lambda leaf: isinstance(leaf, optax.MaskedNode),
    )
    assert jax.tree.structure(placed) == jax.tree.structure(state)
    large = 0
    for leaf, spec in zip(*map(jax.tree.leaves, (state, placed)), strict=True):
        assert tuple(spec) in ((), leaf.shape)
        large += leaf.size if spec == everywhere else 0
    # What lies everywhere is small: counts, and the factors of Adafactor.
    size = sum(leaf.size for leaf in jax.tree.leaves(parameters))
    assert large < 0.05 * size


@pytest.mark.parametrize(
    ("config", "text"),
    [
        (AdamW(beta1=1.0), "beta1=1.0 must lie in [0, 1)"),
        (AdamW(weight_decay=-1.0), "weight_decay=-1.0 must be at least 0"),
        (AdamW(epsilon=0.0), "epsilon=0.0 must be > 0"),
        (AdamW(weight_decay_exclude="all"), "choose from biases_and_norms, none"),
        (AdamW(clip_norm=0.0), "clip_norm=0.0 must be > 0"),
        (Adam(freeze_layers=-1), "freeze_layers=-1 must be at least 0"),
        (Lion(beta2=-0.1), "beta2=-0.1 must lie in [0, 1)"),
        (Lamb(epsilon=-1.0), "epsilon=-1.0 must be > 0"),
        (Adafactor(momentum=1.5), "momentum=1.5 must lie in [0, 1)"),
        (Muon(muon_beta=1.0), "muon_beta=1.0 must lie in [0, 1)"),
    ],
)
def test_wrong_settings_are_named(config, text):
    (problem,) = config.problems()
    assert text in problem
