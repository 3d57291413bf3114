"""Fused attention: kernels that keep no scores, each on its device's rows and heads.

All take `[batch, length, heads, head_dim]` and the document number of each position;
0 is padding. What they give for padding is finite and means nothing.
"""

import functools
from collections.abc import Callable
from typing import Literal

import jax
import jax.numpy as jnp
from flax.linen import spmd

# Pallas is imported where it is used: it takes a second, and few runs need it.


def splash_attention(
    query: jax.Array,  # [batch, length, heads, head_dim]
    key: jax.Array,  # [batch, length, heads, head_dim]
    value: jax.Array,  # [batch, length, heads, head_dim]
    segments: jax.Array,  # [batch, length]
    *,
    causal: bool,
    interpret: bool = False,
) -> jax.Array:
    """Splash attention, JAX's Pallas kernel for TPU; exact for packed documents.

    Args:
      query: not yet divided by the root of head_dim.
      key: as many heads as `query`.
      value: the same.
      segments: document of each position.
      causal: hide later positions.
      interpret: run it without a TPU, slowly.

    Returns:
      `[batch, length, heads, head_dim]`.
    """
    from jax.experimental.pallas.ops.tpu.splash_attention import (
        splash_attention_kernel as splash,
    )
    from jax.experimental.pallas.ops.tpu.splash_attention import (
        splash_attention_mask as masks,
    )

    length, heads = query.shape[1:3]
    block = next(size for size in (512, 256, 128) if length % size == 0)
    mask = (masks.CausalMask if causal else masks.FullMask)((length, length))
    kernel = splash.make_splash_mha(
        masks.MultiHeadMask([mask] * heads),
        block_sizes=splash.BlockSizes(
            block_q=block,
            block_kv=block,
            block_q_dkv=block,
            block_kv_dkv=block,
            block_q_dq=block,
            block_kv_dq=block,
        ),
        head_shards=1,
        q_seq_shards=1,
        interpret=interpret,
    )
    attended = jax.vmap(kernel)(
        _heads_first(query * query.shape[-1] ** -0.5),
        _heads_first(key),
        _heads_first(value),
        splash.SegmentIds(segments, segments),
    )
    return _heads_first(attended)  # pyright: ignore[reportArgumentType]


def _heads_first(array: jax.Array) -> jax.Array:
    """Exchanges length and heads."""
    return array.transpose(0, 2, 1, 3)


def triton_attention(
    query: jax.Array,  # [batch, length, heads, head_dim]
    key: jax.Array,  # [batch, length, heads, head_dim]
    value: jax.Array,  # [batch, length, heads, head_dim]
    segments: jax.Array,  # [batch, length]
    *,
    causal: bool,
    interpret: bool = False,
) -> jax.Array:
    """JAX's Pallas-Triton kernel for GPU; exact for packed documents.

    Arguments and result are those of `splash_attention`.
    """
    from jax.experimental.pallas.ops.gpu import attention

    return attention.mha(
        query,
        key,
        value,
        segments,
        sm_scale=query.shape[-1] ** -0.5,
        causal=causal,
        interpret=interpret,
    )


def cudnn_attention(
    query: jax.Array,  # [batch, length, heads, head_dim]
    key: jax.Array,  # [batch, length, heads, head_dim]
    value: jax.Array,  # [batch, length, heads, head_dim]
    segments: jax.Array,  # [batch, length]
    *,
    causal: bool,
    implementation: Literal["cudnn", "xla"] = "cudnn",
) -> jax.Array:
    """Flash attention of cuDNN; exact where a row is one text, padded at the right.

    Arguments and result are those of `splash_attention`, but for `implementation`: of
    `jax.nn.dot_product_attention`, "xla" where there is no cuDNN.
    """
    # A row without text has one position all the same: no length is 0.
    lengths = jnp.maximum(jnp.sum(segments > 0, axis=1, dtype=jnp.int32), 1)
    return jax.nn.dot_product_attention(  # pyright: ignore[reportCallIssue]
        query,
        key,
        value,
        is_causal=causal,
        query_seq_lengths=lengths,
        key_value_seq_lengths=lengths,
        implementation=implementation,
    )


KERNELS: dict[str, Callable[..., jax.Array]] = {
    "splash": splash_attention,
    "triton": triton_attention,
    "cudnn": cudnn_attention,
}
"""By the name that `attention` has in a config."""


def fused_attention(
    kernel: str,
    query: jax.Array,  # [batch, length, heads, head_dim]
    key: jax.Array,  # [batch, length, heads, head_dim]
    value: jax.Array,  # [batch, length, heads, head_dim]
    segments: jax.Array,  # [batch, length]
    *,
    causal: bool,
) -> jax.Array:
    """Runs a kernel on every device of the mesh in force, if there is one.

    The compiler cannot divide a kernel; rows and heads are, as Flax's logical axis
    rules lay "batch" and "heads" on the mesh.

    Returns:
      `[batch, length, heads, head_dim]`.
    """
    run = functools.partial(KERNELS[kernel], causal=causal)
    mesh = jax.sharding.get_abstract_mesh()
    if set(mesh.axis_names) == set(mesh.manual_axes):
        return run(query, key, value, segments)
    spread = spmd.logical_to_mesh_axes(("batch", None, "heads", None))
    rows = spmd.logical_to_mesh_axes(("batch", None))
    return jax.shard_map(
        run,
        in_specs=(spread, spread, spread, rows),
        out_specs=spread,
        # A kernel's outputs do not say over which axes they vary.
        check_vma=False,
    )(query, key, value, segments)
