"""Attention with exact document masks, and the key-value cache of decoding."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import linen as nn

from .attention_kernels import KERNELS, fused_attention
from .dropout import Dropout
from .layers import Projection

MASKED = -1e9
"""Score of a pair that must not attend: finite, so that a padding row stays finite."""

CAUSAL_BLOCKS = 4
LEAST_BLOCK = 64
"""A causal row is attended to in so many blocks of queries, of no fewer queries each."""

POSITION_AXES = {"cached_key": -2, "cached_value": -2, "cached_segments": -1}
"""Which axis of the arrays of a cache has a place for each position."""


def attention_mask(
    query_segments: jax.Array,  # [batch, query]
    key_segments: jax.Array,  # [batch, key]
    *,
    causal: bool,
    query_offset: jax.Array | int = 0,
) -> jax.Array:
    """Tells which key each query may see: the same segment, and not later if `causal`.

    Padding is seen by nobody and sees nothing: its scores are all `MASKED`, so that it
    averages over the keys, as with Flax's own masks.

    Args:
      query_segments: document number of each position; 0 is padding.
      key_segments: the same for the keys.
      causal: hide keys that come after the query.
      query_offset: place of the first query among the keys.

    Returns:
      Booleans `[batch, 1, query, key]`.
    """
    mask = query_segments[:, :, None] == key_segments[:, None, :]
    mask &= key_segments[:, None, :] != 0
    if causal:
        query_place = jnp.arange(query_segments.shape[1]) + query_offset
        key_place = jnp.arange(key_segments.shape[1])
        mask &= (query_place[:, None] >= key_place[None, :])[None]
    return mask[:, None]


def attend(
    query: jax.Array,  # [batch, query, heads, head_dim]
    key: jax.Array,  # [batch, key, heads, head_dim]
    value: jax.Array,  # [batch, key, heads, head_dim]
    mask: jax.Array,  # [batch, 1, query, key]
    *,
    dropout: Callable[[jax.Array], jax.Array],
) -> jax.Array:
    """Scaled dot-product attention (Vaswani et al. 2017, section 3.2.1).

    Scores and softmax are float32 whatever the data type of the inputs.

    Returns:
      `[batch, query, heads, head_dim]` in the data type of `value`.
    """
    weights = _weights(query, key, mask, "bqhd,bkhd->bhqk")
    weights = dropout(weights).astype(value.dtype)
    return jnp.einsum("bhqk,bkhd->bqhd", weights, value)


def attend_in_rows(
    query: jax.Array,  # [batch, length, heads, head_dim]
    key: jax.Array,  # [batch, length, heads, head_dim]
    value: jax.Array,  # [batch, length, heads, head_dim]
    segments: jax.Array,  # [batch, length]
    *,
    causal: bool,
    dropout: Callable[[jax.Array], jax.Array],
) -> jax.Array:
    """`attend` within each row, without most of what a causal mask would hide.

    Each block of queries has the keys up to its own end: with four blocks, 5/8 of the
    scores of a row are made, where a mask alone makes all and keeps half of them.

    Returns:
      `[batch, length, heads, head_dim]` in the data type of `value`.
    """
    length = query.shape[1]
    blocks = max(1, min(CAUSAL_BLOCKS, length // LEAST_BLOCK)) if causal else 1
    ends = [length * block // blocks for block in range(1, blocks + 1)]

    def apart(weights: jax.Array) -> jax.Array:
        """Dropout, and nothing of it computed inside of the product that follows.

        The TPU compiler merges products that lie so near to each other, at the worst
        until its stack is full.
        """
        return jax.lax.optimization_barrier(dropout(weights).astype(value.dtype))

    attended = []
    for start, end in zip([0, *ends], ends, strict=False):
        mask = attention_mask(
            segments[:, start:end],
            segments[:, :end],
            causal=causal,
            query_offset=start,
        )
        block = query[:, start:end], key[:, :end], value[:, :end]
        attended.append(attend(*block, mask, dropout=apart if blocks > 1 else dropout))
    return jnp.concatenate(attended, axis=1)


class SelfAttention(nn.Module):
    """Multi-head self-attention.

    Attributes:
      num_heads: heads; must divide `qkv_dim`.
      qkv_dim: width of queries, keys and values, all heads together.
      causal: hide later positions.
      use_bias: give the four projections a bias.
      dropout_rate: of the attention weights.
      deterministic: no dropout.
      decode: keep keys and values in the "cache" collection and attend to them.
      attention: a name in `KERNELS`, used on whole rows; anything else is
        `attend_in_rows`.
      dtype: of the computation.
      kernel_init: of the four projections.
      out_init: of the output projection, where it differs.
    """

    num_heads: int
    qkv_dim: int
    causal: bool
    use_bias: bool
    dropout_rate: float
    deterministic: bool
    decode: bool
    attention: str
    dtype: str
    kernel_init: nn.initializers.Initializer
    out_init: nn.initializers.Initializer | None = None

    @nn.compact
    def __call__(
        self,
        hidden: jax.Array,  # [batch, length, embed]
        segments: jax.Array,  # [batch, length]
    ) -> jax.Array:
        """Returns `[batch, length, embed]`."""
        heads = (self.num_heads, self.qkv_dim // self.num_heads)

        def project(name: str) -> jax.Array:
            return Projection(
                features=heads,
                axes=("embed", "heads", "head_dim"),
                use_bias=self.use_bias,
                kernel_init=self.kernel_init,
                dtype=self.dtype,
                name=name,
            )(hidden)

        query, key, value = project("query"), project("key"), project("value")
        attended = self._attend(query, key, value, segments)
        return Projection(
            features=(hidden.shape[-1],),
            axes=("heads", "head_dim", "embed"),
            use_bias=self.use_bias,
            kernel_init=self.out_init or self.kernel_init,
            dtype=self.dtype,
            name="out",
        )(attended)

    def _attend(
        self, query: jax.Array, key: jax.Array, value: jax.Array, segments: jax.Array
    ) -> jax.Array:
        """Returns `[batch, length, heads, head_dim]`."""
        has_whole_rows = not self.decode and not self.is_initializing()
        if self.attention in KERNELS and has_whole_rows:
            if self.dropout_rate and not self.deterministic:
                raise ValueError(
                    f"attention={self.attention!r} has no dropout of attention weights,"
                    f" and attention_dropout_rate={self.dropout_rate}"
                )
            return fused_attention(
                self.attention, query, key, value, segments, causal=self.causal
            )
        if self.decode:
            return self._attend_to_cache(query, key, value, segments)
        return attend_in_rows(
            query,
            key,
            value,
            segments,
            causal=self.causal,
            dropout=Dropout(self.dropout_rate, deterministic=self.deterministic),
        )

    def _attend_to_cache(
        self, query: jax.Array, key: jax.Array, value: jax.Array, segments: jax.Array
    ) -> jax.Array:
        """Appends keys and values, and attends to all so far, without dropout.

        The cache is as long as the row that `init` was called with. Each head has its
        positions one after the other, as matrix products of a single query want them:
        in another layout, the whole cache would be transposed for each token.
        """
        started = self.has_variable("cache", "cached_key")
        key, value = (jnp.swapaxes(new, 1, 2) for new in (key, value))
        cached_key = self.variable("cache", "cached_key", jnp.zeros_like, key)
        cached_value = self.variable("cache", "cached_value", jnp.zeros_like, value)
        cached_segments = self.variable(
            "cache", "cached_segments", jnp.zeros_like, segments
        )
        length = self.variable(
            "cache", "cached_length", lambda: jnp.zeros((), jnp.int32)
        )
        offset = length.value
        if started:
            update = jax.lax.dynamic_update_slice_in_dim
            cached_key.value = update(cached_key.value, key, offset, 2)
            cached_value.value = update(cached_value.value, value, offset, 2)
            cached_segments.value = update(cached_segments.value, segments, offset, 1)
            length.value = offset + query.shape[1]
        mask = attention_mask(
            segments, cached_segments.value, causal=self.causal, query_offset=offset
        )
        weights = _weights(query, cached_key.value, mask, "bqhd,bhkd->bhqk")
        weights = weights.astype(value.dtype)
        return jnp.einsum("bhqk,bhkd->bqhd", weights, cached_value.value)


def _weights(
    query: jax.Array,  # [batch, query, heads, head_dim]
    key: jax.Array,
    mask: jax.Array,  # [batch, 1, query, key]
    axes: str,
) -> jax.Array:
    """Softmax of the scaled products that `axes` names, float32."""
    query = query * query.shape[-1] ** -0.5
    scores = jnp.einsum(axes, query, key, preferred_element_type=jnp.float32)
    return jax.nn.softmax(jnp.where(mask, scores, MASKED), axis=-1)
