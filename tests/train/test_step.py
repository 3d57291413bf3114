"""The update itself: the same whatever the mesh, micro-batches and memory savings."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from transformer_lm.objectives.vocabulary import Vocabulary
from transformer_lm.parallel import MESH_AXES, to_global
from transformer_lm.train.gradients import make_own_pace_gradients
from transformer_lm.train.program import build_program

VOCABULARY = Vocabulary(250)
NO_DROPOUT = {"dropout_rate": 0.0, "attention_dropout_rate": 0.0}


def random_batch(seed, rows=8, length=64):
    """Packed rows of two documents and padding, with unequal numbers of targets."""
    rng = np.random.default_rng(seed)
    ids = rng.integers(0, VOCABULARY.size, (rows, length + 1)).astype(np.int32)
    first = rng.integers(5, 30, (rows, 1))
    second = first + rng.integers(5, 30, (rows, 1))
    place = np.arange(length)[None]
    segments = np.where(place < first, 1, np.where(place < second, 2, 0))
    positions = np.where(segments == 2, place - first, place) * (segments > 0)
    return {
        "tokens": ids[:, :-1],
        "targets": ids[:, 1:],
        "segments": segments.astype(np.int32),
        "positions": positions.astype(np.int32),
        "weights": (segments > 0).astype(np.float32),
        "characters": np.full(rows, 10, np.float32),
    }


def train(settings, *, num_devices=1, steps=5, rows=8):
    """Losses and final state of a few steps on random batches."""
    program = build_program(settings, VOCABULARY, jax.devices()[:num_devices])
    state = program.fresh_state(settings.training.seed)
    losses = []
    for step in range(steps):
        batch = to_global(
            random_batch(step, rows),
            program.mesh,
            settings.training.grad_accumulation_steps,
        )
        state, metrics = program.train_step(state, batch)
        total, weight = jax.device_get(metrics["sums"]["loss"])
        losses.append(total / weight)
    return np.array(losses), state


@pytest.fixture(scope="module")
def one_device(tiny_settings):
    return train(tiny_settings(**NO_DROPOUT))


def test_losses_fall(one_device):
    losses, _ = one_device
    assert losses[-1] < losses[0]


@pytest.mark.parametrize(
    ("num_devices", "fsdp", "tensor"),
    [(2, 1, 1), (4, 1, 1), (8, 1, 1), (4, 4, 1), (2, 1, 2), (8, 2, 2)],
)
def test_any_mesh_gives_the_same_losses(
    tiny_settings, one_device, num_devices, fsdp, tensor
):
    settings = tiny_settings(fsdp_parallel=fsdp, tensor_parallel=tensor, **NO_DROPOUT)
    losses, state = train(settings, num_devices=num_devices)
    np.testing.assert_allclose(losses, one_device[0], rtol=0, atol=1e-5)
    kernel = state.parameters["stack"]["layer_0"]["feed_forward"]["expand"]["kernel"]
    assert len({str(s.index) for s in kernel.addressable_shards}) == fsdp * tensor


@pytest.mark.parametrize("fsdp", [1, 2])
def test_moments_divided_over_data_change_nothing(tiny_settings, one_device, fsdp):
    settings = tiny_settings(
        fsdp_parallel=fsdp, shard_optimizer_over_data=True, **NO_DROPOUT
    )
    losses, state = train(settings, num_devices=8)
    np.testing.assert_allclose(losses, one_device[0], rtol=0, atol=1e-5)
    for ours, whole in zip(
        jax.tree.leaves(state.parameters),
        jax.tree.leaves(one_device[1].parameters),
        strict=True,
    ):
        np.testing.assert_allclose(ours, whole, atol=1e-4)

    def parts(leaf):
        return len({str(shard.index) for shard in leaf.addressable_shards})

    (adam, *_) = jax.tree.leaves(
        state.optimizer, is_leaf=lambda node: isinstance(node, optax.ScaleByAdamState)
    )
    for tree in (adam.mu, adam.nu):
        assert {parts(leaf) for leaf in jax.tree.leaves(tree)} == {8}
    kernel = state.parameters["stack"]["layer_0"]["feed_forward"]["expand"]["kernel"]
    assert parts(kernel) == fsdp


def test_micro_batches_equal_the_large_batch(tiny_settings, one_device):
    settings = tiny_settings(grad_accumulation_steps=4, **NO_DROPOUT)
    losses, state = train(settings)
    np.testing.assert_allclose(losses, one_device[0], rtol=0, atol=1e-5)
    for ours, whole in zip(
        jax.tree.leaves(state.parameters),
        jax.tree.leaves(one_device[1].parameters),
        strict=True,
    ):
        # Adam divides by the root of tiny second moments, so rounding grows.
        np.testing.assert_allclose(ours, whole, atol=1e-4)


@pytest.mark.parametrize("remat", ["full", "dots"])
@pytest.mark.parametrize("scan_layers", [False, True])
def test_memory_savings_change_nothing(tiny_settings, one_device, remat, scan_layers):
    plain, scanned = (
        tiny_settings(**NO_DROPOUT),
        tiny_settings(remat=remat, scan_layers=scan_layers, **NO_DROPOUT),
    )
    # The same parameters in both layouts: stack those of the unrolled layers.
    reference = build_program(plain, VOCABULARY, jax.devices()[:1])
    program = build_program(scanned, VOCABULARY, jax.devices()[:1])
    parameters = reference.fresh_state(0).parameters
    if scan_layers:
        layers = list(parameters["stack"].values())
        stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *layers)
        parameters = {**parameters, "stack": {"layers": stacked}}
    state = program.fresh_state(0).replace(parameters=parameters)
    for step in range(3):
        batch = to_global(random_batch(step), program.mesh, 1)
        state, metrics = program.train_step(state, batch)
        total, weight = metrics["sums"]["loss"]
        assert float(total / weight) == pytest.approx(one_device[0][step], abs=1e-5)


def test_padding_and_other_rows_do_not_change_the_loss(tiny_settings):
    settings = tiny_settings(**NO_DROPOUT)
    program = build_program(settings, VOCABULARY, jax.devices()[:1])
    parameters = program.fresh_state(0).parameters
    batch = random_batch(0)
    padded = dict(batch)
    padding = batch["weights"] == 0
    padded["tokens"] = np.where(padding, 7, batch["tokens"])
    padded["targets"] = np.where(padding, 9, batch["targets"])
    key = jax.random.key(0)
    one, other = (
        jax.device_get(program.eval_step(parameters, to_global(b, program.mesh), key))
        for b in (batch, padded)
    )
    assert one["loss"] == other["loss"]
    assert one["loss"][1] == batch["weights"].sum()


def test_token_id_zero_keeps_its_loss(tiny_settings):
    program = build_program(tiny_settings(), VOCABULARY, jax.devices()[:1])
    batch = random_batch(0)
    batch["targets"] = np.zeros_like(batch["targets"])
    state = program.fresh_state(0)
    _, metrics = program.train_step(state, to_global(batch, program.mesh, 1))
    total, weight = jax.device_get(metrics["sums"]["loss"])
    assert weight == batch["weights"].sum()
    assert total > 0


def test_average_follows_the_parameters(tiny_settings):
    _, state = train(tiny_settings(ema_decay=0.5, **NO_DROPOUT), steps=1)
    program = build_program(tiny_settings(**NO_DROPOUT), VOCABULARY, jax.devices()[:1])
    start = program.fresh_state(0).parameters
    expected = optax.incremental_update(state.parameters, start, 0.5)
    for ours, theirs in zip(
        jax.tree.leaves(state.average), jax.tree.leaves(expected), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    assert state.evaluated is state.average


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_low_precision_trains_float32_parameters(tiny_settings, one_device, dtype):
    losses, state = train(tiny_settings(dtype=dtype, **NO_DROPOUT))
    assert {leaf.dtype for leaf in jax.tree.leaves(state.parameters)} == {
        jnp.dtype("float32")
    }
    np.testing.assert_allclose(losses, one_device[0], atol=0.05)
    assert not np.array_equal(losses, one_device[0])


def test_float16_leaves_out_updates_that_overflow(tiny_settings):
    settings = tiny_settings(dtype="float16", **NO_DROPOUT)
    program = build_program(settings, VOCABULARY, jax.devices()[:1])
    state = program.fresh_state(0)
    huge = state.loss_scale.replace(scale=jnp.asarray(2.0**40))
    before = jax.device_get(state.parameters)
    batch = to_global(random_batch(0), program.mesh, 1)
    state, metrics = program.train_step(state.replace(loss_scale=huge), batch)
    assert not np.isfinite(metrics["gradient_norm"])
    assert float(state.loss_scale.scale) == 2.0**39
    assert int(state.step) == 1
    jax.tree.map(
        np.testing.assert_array_equal, before, jax.device_get(state.parameters)
    )


def test_dropout_is_a_function_of_seed_and_step(tiny_settings):
    one, other, third = (
        train(tiny_settings(dropout_rate=0.3, seed=seed))[0] for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(one, other)
    assert (one != third).any()


def test_clipping_bounds_the_update(tiny_settings):
    program = build_program(
        tiny_settings(clip_norm=1e-3, **NO_DROPOUT), VOCABULARY, jax.devices()[:1]
    )
    state = program.fresh_state(0)
    _, metrics = program.train_step(state, to_global(random_batch(0), program.mesh, 1))
    assert float(metrics["gradient_norm"]) > 1e-3  # Reported as it was before.


def test_parameters_and_optimizer_may_be_bfloat16(tiny_settings, one_device):
    keys = {"dtype": "bfloat16", "param_dtype": "bfloat16", **NO_DROPOUT}
    losses, state = train(tiny_settings(**keys))
    kept = jax.tree.leaves((state.parameters, state.optimizer))
    kinds = {leaf.dtype.name for leaf in kept}
    assert kinds == {"bfloat16", "int32"}
    np.testing.assert_allclose(losses, one_device[0], atol=0.05)
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("accumulation", [1, 2])
def test_bfloat16_is_a_rounding_of_a_float32_update(tiny_settings, accumulation):
    """The only loss is in what is kept: the update itself is computed in float32."""
    keys = {"dtype": "bfloat16", "grad_accumulation_steps": accumulation, **NO_DROPOUT}
    narrow, wide = (
        build_program(
            tiny_settings(param_dtype=kept, **keys), VOCABULARY, jax.devices()[:1]
        )
        for kept in ("bfloat16", "float32")
    )
    batch = to_global(random_batch(0), narrow.mesh, accumulation)
    start = narrow.fresh_state(0)
    same = wide.fresh_state(0).replace(
        parameters=jax.tree.map(lambda a: a.astype(jnp.float32), start.parameters)
    )
    ours, _ = narrow.train_step(start, batch)
    expected, _ = wide.train_step(same, batch)
    for rounded, exact in zip(
        jax.tree.leaves((ours.parameters, ours.optimizer)),
        jax.tree.leaves((expected.parameters, expected.optimizer)),
        strict=True,
    ):
        # Gradients by bfloat16 parameters are themselves bfloat16: 2**-8.
        np.testing.assert_allclose(
            rounded.astype(np.float32), exact, rtol=0.02, atol=1e-4
        )


def test_devices_at_their_own_pace_equal_the_large_batch(tiny_settings):
    """Each device has micro-batches of 2 rows, as many as `micro_batches` says."""
    micro_batches = (3, 1, 0, 2)
    keys = {"grad_accumulation_steps": 3, "epsilon": 1e-3, **NO_DROPOUT}
    settings = tiny_settings(batch_size=None, per_process_batch="24", **keys)
    program = build_program(settings, VOCABULARY, jax.devices()[:4])
    whole = build_program(
        tiny_settings(batch_size=24, epsilon=1e-3, **NO_DROPOUT),
        VOCABULARY,
        jax.devices()[:1],
    )
    state, expected = program.fresh_state(0), whole.fresh_state(0)
    turn = np.arange(3)[:, None, None] * np.ones((1, 4, 2), int)
    is_text = (turn < np.array(micro_batches)[None, :, None]).reshape(-1)
    for step in range(3):
        rows = random_batch(step, rows=24)
        filled = {
            name: np.where(is_text.reshape(-1, *[1] * (array.ndim - 1)), array, 0)
            for name, array in rows.items()
        }
        state, ours = program.train_step(state, to_global(filled, program.mesh, 3))
        expected, theirs = whole.train_step(expected, to_global(filled, whole.mesh, 1))
        for name, (total, weight) in jax.device_get(theirs["sums"]).items():
            found = jax.device_get(ours["sums"][name])
            assert found[1] == weight
            assert found[0] / weight == pytest.approx(total / weight, rel=1e-6)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=0, atol=1e-6),
        jax.device_get(state.parameters),
        jax.device_get(expected.parameters),
    )


def test_what_fills_up_a_batch_is_not_computed():
    """And devices draw masks of their own."""
    turns = []

    class Counting:
        def prepare(self, batch, rng):
            return {**batch, "draw": jax.random.uniform(rng, batch["tokens"].shape)}

        def terms(self):
            return {"loss": 1.0}

        def weights(self, batch):
            return {"loss": (batch["segments"] > 0).sum()}

        def sums(self, apply, parameters, batch, rng):
            jax.debug.callback(
                lambda draw: turns.append(float(draw)), batch["draw"][0, 0]
            )
            real = batch["segments"] > 0
            return {"loss": (parameters * real.sum(), real.sum())}

    mesh = jax.sharding.Mesh(np.reshape(jax.devices()[:2], (2, 1, 1)), MESH_AXES)
    gradients = make_own_pace_gradients(Counting(), None, mesh)
    segments = np.ones((3, 2, 4), np.int32)
    segments[1:, 1] = 0
    batch = {"tokens": segments, "segments": segments}
    grads, sums = jax.jit(gradients)(jnp.ones(()), batch, jax.random.key(0), 2.0)
    jax.effects_barrier()
    assert len(turns) == len(set(turns)) == 4
    assert float(grads) == 2.0
    assert jax.device_get(sums["loss"]) == (16.0, 16)
