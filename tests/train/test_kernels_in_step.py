"""Whole train steps with a kernel and with tiled logits learn what plain ones learn."""

import importlib.util
import logging

import jax
import numpy as np
import pytest
from jax.experimental import topologies

from tests.train.test_step import NO_DROPOUT, VOCABULARY, random_batch
from transformer_lm.models import attention_choice
from transformer_lm.models import attention_kernels as kernels
from transformer_lm.models.attention import attend, attention_mask
from transformer_lm.objectives import tiled_scores
from transformer_lm.parallel import batch_sharding, to_global
from transformer_lm.registry import UserError
from transformer_lm.train.loop import run
from transformer_lm.train.program import build_program

CASES = {
    "each axis": (
        8,
        {"fsdp_parallel": 2, "tensor_parallel": 2},
        {"grad_accumulation_steps": 2, "scan_layers": True, "remat": "dots"},
    ),
    "own pace": (
        4,
        {"batch_size": None, "per_process_batch": "8"},
        {"grad_accumulation_steps": 2},
    ),
}
"""Devices, and how a batch of eight rows is divided over them."""

KEYS = {**NO_DROPOUT, "max_target_length": 128, "max_eval_target_length": 128}


@pytest.fixture
def seen(monkeypatch):
    """Makes the reference a kernel of the CPU; holds the shapes it is called with."""
    shapes = []

    def kernel(query, key, value, segments, *, causal):
        shapes.append(query.shape)
        mask = attention_mask(segments, segments, causal=causal)
        return attend(query, key, value, mask, dropout=lambda weights: weights)

    monkeypatch.setitem(kernels.KERNELS, "splash", kernel)
    monkeypatch.setitem(attention_choice.PREFERRED, "cpu", ("splash",))
    monkeypatch.setitem(attention_choice.BACKENDS, "splash", "cpu")
    return shapes


def step(settings, num_devices):
    program = build_program(settings, VOCABULARY, jax.devices()[:num_devices])
    state = program.fresh_state(0)
    batch = random_batch(0, length=settings.max_length)
    steps = settings.training.grad_accumulation_steps
    state, metrics = program.train_step(state, to_global(batch, program.mesh, steps))
    total, weight = jax.device_get(metrics["sums"]["loss"])
    return total / weight, float(metrics["gradient_norm"])


@pytest.mark.parametrize("case", CASES)
def test_kernel_and_tiles_learn_the_same_on_any_mesh(case, tiny_settings, seen, caplog):
    devices, *keys = CASES[case]
    keys = KEYS | keys[0] | keys[1]
    tiled_scores._announce.cache_clear()
    with caplog.at_level(logging.INFO, "transformer_lm"):
        expected = step(tiny_settings(**keys, attention="xla"), devices)
        assert seen == []
        found = step(tiny_settings(**keys, logits_memory_gib=1e-5), devices)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert set(seen) == {(1, 128, 1 if case == "each axis" else 2, 16)}
    said = [r.getMessage() for r in caplog.records if "loss:" in r.getMessage()]
    assert "in 1 tile(s) (logits_memory_gib=2)" in said[0]
    assert "in 1 tile(s)" not in said[1]


def test_a_run_with_a_wrong_kernel_stops_before_it_trains(
    tiny_settings, seen, monkeypatch, tmp_path
):
    def blind(query, key, value, segments, *, causal):
        mask = attention_mask(segments > 0, segments > 0, causal=causal)
        return attend(query, key, value, mask, dropout=lambda weights: weights)

    monkeypatch.setitem(kernels.KERNELS, "splash", blind)
    with pytest.raises(UserError, match="attention=splash differs from the reference"):
        run(tiny_settings(**KEYS), str(tmp_path / "run"))
    # It ended before it had begun to write.
    assert not (tmp_path / "run" / "settings.json").exists()


@pytest.mark.slow
@pytest.mark.skipif(
    not importlib.util.find_spec("libtpu"),
    reason="needs libtpu (pip install the version that jax[tpu] pins); no TPU",
)
@pytest.mark.parametrize("case", CASES)
def test_whole_steps_compile_for_tpu_with_splash_and_tiles(
    case, tiny_settings, monkeypatch
):
    monkeypatch.setenv("TPU_SKIP_MDS_QUERY", "1")
    monkeypatch.setenv("ALLOW_MULTIPLE_LIBTPU_LOAD", "1")
    devices = topologies.get_topology_desc("v5e:2x4", "tpu").devices
    _, *keys = CASES[case]
    settings = tiny_settings(**KEYS | keys[0] | keys[1], logits_memory_gib=1e-5)
    program = build_program(settings, VOCABULARY, devices)
    assert program.attention == "splash"
    batch = {
        name: jax.ShapeDtypeStruct(
            (2, 8, *array.shape[1:]),
            array.dtype,
            sharding=batch_sharding(program.mesh, leading=1),
        )
        for name, array in random_batch(0, length=128).items()
    }
    compiled = program.train_step.lower(program.abstract, batch).compile()
    # Forward, and two backward.
    assert compiled.as_text().count('"tpu_custom_call"') >= 3
