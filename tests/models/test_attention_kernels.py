"""Each kernel equals the reference computation, forward and backward.

Kernels run in Pallas' interpret mode here; for their own devices they are compiled ahead
of time (TPU, with libtpu) or lowered (GPU).
"""

import dataclasses
import functools
import importlib.util
import itertools
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax._src.cudnn import fused_attention_stablehlo
from jax.experimental import topologies

from transformer_lm.config import resolve
from transformer_lm.config_files import load_config
from transformer_lm.models import MODELS
from transformer_lm.models import attention_kernels as kernels
from transformer_lm.models.attention import attend, attention_mask
from transformer_lm.models.attention_choice import obstacles
from transformer_lm.parallel import MeshShape, batch_sharding, on_mesh

CONFIGS = Path(__file__).parents[2] / "configs"
LENGTH = 128
PACKED = ((50, 40), (1, 127), (3, 90, 31), (128,))
ONE_TEXT = ((50,), (1,), (127,), (128,))


def segments_of(rows, length=LENGTH):
    segments = np.zeros((len(rows), length), np.int32)
    for row, sizes in enumerate(rows):
        ends = np.cumsum(sizes)
        for number, (end, size) in enumerate(zip(ends, sizes, strict=True), start=1):
            segments[row, end - size : end] = number
    return jnp.asarray(segments)


def reference(query, key, value, segments, *, causal):
    mask = attention_mask(segments, segments, causal=causal)
    return attend(query, key, value, mask, dropout=lambda weights: weights)


@functools.partial(jax.jit, static_argnames=("attention", "causal"))
def results(attention, segments, arrays, *, causal):
    """Output and gradients of all real positions."""
    real = (segments > 0)[:, :, None, None]
    *inputs, slope = arrays

    def loss(*inputs):
        output = jnp.where(real, attention(*inputs, segments, causal=causal), 0)
        return jnp.sum(output * slope), output

    gradients, output = jax.grad(loss, argnums=(0, 1, 2), has_aux=True)(*inputs)
    return output, *(jnp.where(real, gradient, 0) for gradient in gradients)


def arrays_of(rows, heads, head_dim):
    keys = jax.random.split(jax.random.key(0), 4)
    shape = (len(rows), LENGTH, heads, head_dim)
    return [jax.random.normal(key, shape) for key in keys]


def assert_equal(attention, rows, *, causal, head_dim=16, heads=1):
    segments, arrays = segments_of(rows), arrays_of(rows, heads, head_dim)
    expected = results(reference, segments, arrays, causal=causal)
    found = results(attention, segments, arrays, causal=causal)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


splash = functools.partial(kernels.splash_attention, interpret=True)
triton = functools.partial(kernels.triton_attention, interpret=True)
cudnn = functools.partial(kernels.cudnn_attention, implementation="xla")


@pytest.mark.parametrize(("causal", "head_dim"), [(True, 26), (False, 64)])
@pytest.mark.parametrize("kernel", [splash, triton], ids=["splash", "triton"])
def test_kernels_keep_packed_documents_apart(kernel, causal, head_dim):
    assert_equal(kernel, PACKED, causal=causal, head_dim=head_dim)


@pytest.mark.parametrize("causal", [True, False])
def test_cudnn_sees_no_padding_where_a_row_is_one_text(causal):
    assert_equal(cudnn, ONE_TEXT, causal=causal)
    with pytest.raises(AssertionError):
        assert_equal(cudnn, PACKED, causal=causal)


def test_a_row_without_text_gives_numbers():
    segments = jnp.zeros((1, LENGTH), jnp.int32)
    arrays = arrays_of(segments, 1, 16)[:3]
    for kernel in (splash, triton, cudnn):
        output = kernel(*arrays, segments, causal=True)
        assert np.isfinite(output).all()


@pytest.mark.parametrize("shape", [{}, {"fsdp_parallel": 2, "tensor_parallel": 2}])
def test_each_device_runs_its_own_rows_and_heads(shape, monkeypatch):
    seen = []

    def kernel(query, key, value, segments, *, causal):
        seen.append(query.shape)
        return reference(query, key, value, segments, causal=causal)

    monkeypatch.setitem(kernels.KERNELS, "splash", kernel)
    mesh = MeshShape(**shape).build(jax.devices()[:4])
    segments, arrays = segments_of(PACKED), arrays_of(PACKED, 2, 16)
    expected = results(reference, segments, arrays, causal=True)
    fused = functools.partial(kernels.fused_attention, "splash")
    placed = [jax.device_put(array, batch_sharding(mesh)) for array in arrays]
    with on_mesh(mesh):
        found = results(fused, segments, placed, causal=True)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    assert set(seen) == {(2, LENGTH, 1, 16) if shape else (1, LENGTH, 2, 16)}


SIZES = {"num_layers": 1, "emb_dim": 16, "num_heads": 2, "mlp_dim": 16}
SIZES |= {"attention_dropout_rate": 0.1}


@pytest.mark.parametrize("family", ["gpt2", "bert"])
def test_networks_use_the_kernel_on_whole_rows_alone(family, monkeypatch):
    calls = []

    def kernel(query, key, value, segments, *, causal):
        calls.append(causal)
        return reference(query, key, value, segments, causal=causal)

    monkeypatch.setitem(kernels.KERNELS, "triton", kernel)
    plain, fused = (
        MODELS[family](**SIZES, attention=attention).build(
            100, max_length=LENGTH, dtype="float32"
        )
        for attention in ("auto", "triton")
    )
    segments = segments_of(PACKED)
    inputs = [jnp.ones_like(segments), jnp.zeros_like(segments), segments]
    variables = jax.jit(fused.init)(jax.random.key(0), *inputs)
    assert calls == []
    real = np.asarray(segments > 0)
    np.testing.assert_allclose(
        jax.jit(fused.apply)(variables, *inputs).hidden[real],
        jax.jit(plain.apply)(variables, *inputs).hidden[real],
        atol=1e-5,
    )
    assert calls == [family == "gpt2"]
    with pytest.raises(ValueError, match="no dropout of attention weights"):
        fused.apply(
            variables, *inputs, deterministic=False, rngs={"dropout": jax.random.key(1)}
        )
    if family == "gpt2":
        fused.apply(variables, *inputs, decode=True, mutable=["cache"])
        assert len(calls) == 1


def shipped(kernel):
    """(head size, causal, row length) of the shipped configs whose rows a kernel takes."""
    found, left_out = set(), set()
    for path in sorted(CONFIGS.glob("*.py")):
        config = load_config(str(path))
        if config.dataset_name == "text_files" and not config.data_path:
            config.data_path = "a.txt"
        settings = resolve(config)
        use = settings.attention_use(None)
        for size, length in itertools.product(use.head_dims, use.lengths):
            shape = dataclasses.replace(
                use,
                head_dims=(size,),
                lengths=(length,),
                dropout_rate=0.0,
                dtype="bfloat16",
            )
            if obstacles(kernel, shape):
                left_out.add(path.stem)
            else:
                found.add((size, settings.model.causal, length))
    assert left_out == {"tiny", "aozora"}
    return sorted(found)


def gradient_shapes(kernel, head_dim, causal, length, dtype="bfloat16", **placed):
    """The gradient of a kernel, and what it is lowered with."""
    array = jax.ShapeDtypeStruct((2, length, 2, head_dim), dtype, **placed)
    segments = jax.ShapeDtypeStruct((2, length), jnp.int32, **placed)

    def loss(query, key, value, segments):
        output = kernel(query, key, value, segments, causal=causal)
        return output.astype(jnp.float32).sum()

    return jax.jit(jax.grad(loss, argnums=(0, 1, 2))), [array] * 3 + [segments]


TOPOLOGIES = {
    "v5e:2x2": {},
    "v4:2x2x1": {"chip_config_name": "megacore", "chips_per_host_bounds": (2, 2, 1)},
    "v5p:2x2x1": {"chip_config_name": "megacore", "chips_per_host_bounds": (2, 2, 1)},
    "v6e:2x2": {},
}


@pytest.mark.skipif(
    not importlib.util.find_spec("libtpu"),
    reason="needs libtpu (pip install the version that jax[tpu] pins); no TPU",
)
@pytest.mark.slow
@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_splash_compiles_for_tpu_with_every_shipped_shape(topology, monkeypatch):
    monkeypatch.setenv("TPU_SKIP_MDS_QUERY", "1")
    monkeypatch.setenv("ALLOW_MULTIPLE_LIBTPU_LOAD", "1")
    described = topologies.get_topology_desc(topology, "tpu", **TOPOLOGIES[topology])
    sharding = jax.sharding.SingleDeviceSharding(described.devices[0])
    for head_dim, causal, length in shipped("splash"):
        gradient, inputs = gradient_shapes(
            kernels.splash_attention, head_dim, causal, length, sharding=sharding
        )
        assert "tpu_custom_call" in gradient.lower(*inputs).compile().as_text()


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_triton_lowers_for_gpu_with_every_shipped_shape(dtype):
    # JAX 0.12 wants to know which GPU, where there is none.
    device = jax.sharding.AbstractDevice("NVIDIA H100 80GB HBM3", 132, "gpu")
    mesh = jax.sharding.AbstractMesh((1,), ("data",), abstract_device=device)
    for head_dim, causal, length in shipped("triton"):
        gradient, inputs = gradient_shapes(
            kernels.triton_attention, head_dim, causal, length, dtype
        )
        with jax.sharding.use_abstract_mesh(mesh):
            lowered = gradient.trace(*inputs).lower(lowering_platforms=("cuda",))
        assert lowered.as_text().count("triton") >= 3, (head_dim, causal, length)


@pytest.mark.parametrize(
    ("causal", "mask"), [(True, "PADDING_CAUSAL"), (False, "PADDING")]
)
def test_cudnn_is_called_with_lengths_and_mask(causal, mask, monkeypatch):
    # The call is made without a GPU, as it would be with this cuDNN.
    monkeypatch.setattr(
        fused_attention_stablehlo, "check_cudnn_version", lambda: 91_200
    )
    gradient, inputs = gradient_shapes(kernels.cudnn_attention, 64, causal, LENGTH)
    text = gradient.trace(*inputs).lower(lowering_platforms=("cuda",)).as_text()
    assert "__cudnn$fmhaSoftmaxBackward" in text
    assert text.count(f"mask_type\\22: \\22{mask}\\22") == 2
