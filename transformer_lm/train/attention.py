"""Settles how attention is computed, and proves the kernel on the run's own devices."""

import functools
import logging
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from transformer_lm.models.attention import attend, attention_mask
from transformer_lm.models.attention_choice import choose
from transformer_lm.models.attention_kernels import KERNELS, fused_attention
from transformer_lm.parallel import batch_sharding, on_mesh
from transformer_lm.registry import UserError
from transformer_lm.run_settings import Settings

LOGGER = logging.getLogger("transformer_lm")

TOLERANCE = 0.1
"""Largest error of a position, as a share of its size, or of the usual size if that is
larger. Sixteen-bit products err by 0.02; a mask ignored or shifted, by 1 or more.
"""


def settle_attention(settings: Settings, backend: str) -> str:
    """Returns the kernel of a run and logs it; nothing is compiled yet.

    Args:
      settings: with an `attention` that has no obstacles on this backend.
      backend: of the run's devices: cpu, gpu, tpu.
    """
    choice = settings.model.attention
    kernel, reasons = choose(choice, settings.attention_use(backend))
    if reasons:
        LOGGER.warning(
            "attention: xla, SLOWER than the kernels of this %s: %s. Change the keys in"
            " brackets, or set attention=xla if that is what you want",
            backend,
            "; ".join(reasons),
        )
    else:
        LOGGER.info("attention: %s (attention=%s, backend %s)", kernel, choice, backend)
    return kernel


class _Sample(NamedTuple):
    """Random arrays `[rows, length, heads, head_dim]` and packed documents."""

    query: jax.Array
    key: jax.Array
    value: jax.Array
    slope: jax.Array
    """Gradient of a loss for what attention gives."""
    segments: jax.Array  # [rows, length]


def check_attention(settings: Settings, kernel: str, mesh: Mesh) -> None:
    """Compares a kernel with the reference, forward and backward, before training.

    The input is small: a row a device and a head a tensor-parallel device; but data
    type, head size, row length, mask and division over devices are those of the run.

    Raises:
      UserError: if they differ, or the kernel does not work here.
    """
    if kernel not in KERNELS:
        return
    use = settings.attention_use(None)
    run = functools.partial(fused_attention, kernel, causal=settings.model.causal)
    heads = mesh.shape["tensor"]
    rows = mesh.size // heads
    for size in dict.fromkeys(use.head_dims):
        for length in dict.fromkeys(use.lengths):
            draw = functools.partial(
                _draw, (rows, length, heads, size), use.dtype, use.is_one_text
            )
            what = f"heads of {size} dimensions, rows of {length} tokens, {use.dtype}"
            try:
                errors = _errors(draw, run, settings.model.causal, mesh)
            except (ImportError, ValueError, RuntimeError) as error:
                # A kernel that JAX no longer has, and whatever compilers and drivers
                # raise, NotImplementedError among it.
                raise UserError(
                    f"attention={kernel} does not work on this machine ({what}):"
                    f" {error}\nSet attention=xla."
                ) from error
            # Not a number is wrong, too.
            if wrong := {k: v for k, v in errors.items() if not v <= TOLERANCE}:
                found = ", ".join(f"{name} by {e:.2g}" for name, e in wrong.items())
                raise UserError(
                    f"attention={kernel} differs from the reference computation on this"
                    f" machine ({what}): {found} of its usual size, {TOLERANCE} at"
                    " most. Set attention=xla, and report this."
                )
            LOGGER.info(
                "attention: %s equals the reference, %s: largest error %.2g",
                kernel,
                what,
                max(errors.values()),
            )


def _draw(shape: tuple[int, int, int, int], dtype: str, is_one_text: bool) -> _Sample:
    """Makes rows of documents of unequal lengths, with padding at the right.

    A row that is one text is half padding, so that it shows if the padding is seen.
    """
    rows, length = shape[:2]
    keys = jax.random.split(jax.random.key(0), 4)
    arrays = [jax.random.normal(key, shape).astype(dtype) for key in keys]
    places = jnp.arange(length)
    # Documents of 1, 2, 4, 8, ... tokens, so that borders lie in and between blocks.
    documents = 32 - jax.lax.clz(places.astype(jnp.int32) + 1)
    if is_one_text:
        documents = jnp.ones_like(documents)
    used = length // 2 if is_one_text else length
    ends = jnp.maximum(used - 3 - jnp.arange(rows), 1)
    real = places[None] < ends[:, None]
    query, key, value, slope = arrays
    return _Sample(query, key, value, slope, jnp.where(real, documents[None], 0))


def _errors(
    draw: Callable[[], _Sample],
    run: Callable[..., jax.Array],
    causal: bool,
    mesh: Mesh,
) -> dict[str, float]:
    """Largest error of a position, by what errs, as a share of the usual size."""

    def reference(query: jax.Array, key: jax.Array, value: jax.Array, *segments):
        mask = attention_mask(*segments, *segments, causal=causal)
        return attend(query, key, value, mask, dropout=lambda weights: weights)

    def results(function: Callable[..., jax.Array], sample: _Sample) -> jax.Array:
        """The output and three gradients, without padding: `[4, ...]`."""
        real = (sample.segments > 0)[:, :, None, None]

        def loss(*inputs: jax.Array) -> tuple[jax.Array, jax.Array]:
            output = jnp.where(real, function(*inputs, sample.segments), 0)
            return jnp.sum(output * sample.slope, dtype=jnp.float32), output

        gradients, output = jax.grad(loss, argnums=(0, 1, 2), has_aux=True)(*sample[:3])
        found = jnp.stack([output, *gradients]).astype(jnp.float32)
        return jnp.where(real, found, 0)

    def compare(sample: _Sample) -> jax.Array:
        with on_mesh(mesh):
            found = results(run, sample)
        exact = sample._replace(
            **{
                name: getattr(sample, name).astype(jnp.float32)
                for name in ("query", "key", "value", "slope")
            }
        )
        with jax.default_matmul_precision("float32"):
            expected = results(reference, exact)
        distance = jnp.linalg.norm(found - expected, axis=-1)
        size = jnp.linalg.norm(expected, axis=-1)
        usual = jnp.sqrt(jnp.mean(size**2, axis=(1, 2, 3), keepdims=True))
        return (distance / jnp.maximum(size, usual)).max(axis=(1, 2, 3))

    rows = batch_sharding(mesh)
    sample = jax.jit(draw, out_shardings=rows)()
    everywhere = NamedSharding(mesh, PartitionSpec())
    errors = jax.device_get(jax.jit(compare, out_shardings=everywhere)(sample))
    names = ("output", "gradient of query", "gradient of key", "gradient of value")
    return dict(zip(names, errors.tolist(), strict=True))
