"""The decoder of transformer-lm-japanese: pre-norm, ReLU, bias-free attention."""

import functools
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from .attention import SelfAttention
from .attention_choice import ATTENTION_CHOICES
from .checks import choice_problems, rate_problems, size_problems, table_problems
from .dropout import Dropout
from .layers import (
    REMAT_CHOICES,
    Embedding,
    LayerNorm,
    Projection,
    Stack,
    mask_padded_vocab,
    padded_vocab_size,
)

POSITIONS = ("sinusoidal", "learned")


class DecoderOutput(NamedTuple):
    """What a decoder gives for `[batch, length]` tokens."""

    logits: jax.Array
    """`[batch, length, padded vocab]`, scores of the next token."""
    hidden: jax.Array
    """`[batch, length, embed]`, after the last norm."""


@dataclass(frozen=True)
class TransformerLMConfig:
    """Sizes of the decoder; the defaults are those of lm1b_default."""

    num_layers: int = 6
    """Blocks."""
    emb_dim: int = 512
    """Width of embeddings and of the residual stream."""
    num_heads: int = 8
    """Attention heads."""
    qkv_dim: int = 512
    """Width of queries, keys and values, all heads together."""
    mlp_dim: int = 2048
    """Width of the feed-forward layers."""
    dropout_rate: float = 0.1
    """Dropout of embeddings and residual branches."""
    attention_dropout_rate: float = 0.1
    """Dropout of attention weights."""
    logits_via_embedding: bool = False
    """Score tokens with the embedding table (tied) instead of a matrix of its own."""
    position_encoding: str = "sinusoidal"
    """sinusoidal (computed, any length) or learned (a table)."""
    max_position_embeddings: int | None = None
    """Rows of the learned position table; unset: the longest row of the run."""
    scan_layers: bool = False
    """Compile one block and loop over it: faster to compile, same result."""
    remat: str = "none"
    """What the backward pass computes anew to save memory: none, dots, full."""
    attention: str = "auto"
    """How attention is computed, docs/kernels.md: auto, xla, splash, triton, cudnn."""

    objectives = ("causal_lm",)
    inputs = ("tokens", "positions", "segments")
    causal = True

    def problems(self) -> list[str]:
        """Lists what cannot work, a line each."""
        problems = size_problems(
            self, "num_layers", "emb_dim", "num_heads", "qkv_dim", "mlp_dim"
        )
        if not problems and self.qkv_dim % self.num_heads:
            problems.append(
                f"num_heads={self.num_heads} must divide qkv_dim={self.qkv_dim}"
            )
        problems += rate_problems(self, "dropout_rate", "attention_dropout_rate")
        return problems + choice_problems(
            self,
            position_encoding=POSITIONS,
            remat=REMAT_CHOICES,
            attention=ATTENTION_CHOICES,
        )

    def problems_with_length(self, max_length: int) -> list[str]:
        """Lists what cannot work with rows of `max_length` tokens."""
        if self.position_encoding == "sinusoidal":
            return []
        return table_problems(self.max_position_embeddings, max_length)

    @property
    def head_dims(self) -> tuple[int, ...]:
        """Width of a head."""
        return (self.qkv_dim // self.num_heads,)

    def position_limit(self, max_length: int) -> int | None:
        """Longest text the network can continue, in tokens; None: any length."""
        if self.position_encoding == "sinusoidal":
            return None
        return self.max_position_embeddings or max_length

    def flops_per_token(self, vocab_size: int, length: int) -> float:
        """Floating-point operations a training step spends on a token.

        Convention: a multiply-add is 2, the backward pass costs twice the forward
        pass, and causal attention counts half of the `length` x `length` scores
        (Chowdhery et al. 2022, appendix B, counts all of them). Embedding look-ups,
        norms and activations count nothing; recomputation (remat) neither.
        """
        attention = 4 * self.emb_dim * self.qkv_dim
        matrices = attention + 2 * self.emb_dim * self.mlp_dim
        scores = 2 * self.qkv_dim * length / 2
        head = self.emb_dim * vocab_size
        return 6 * (self.num_layers * (matrices + scores) + head)

    def build(self, vocab_size: int, *, max_length: int, dtype: str) -> "TransformerLM":
        """Builds the network.

        Args:
          vocab_size: tokens of the tokenizer.
          max_length: longest row in tokens.
          dtype: of the computation.
        """
        return TransformerLM(self, vocab_size, max_length, dtype)


def sinusoids(positions: jax.Array, features: int) -> jax.Array:
    """Sines, then cosines, of wavelengths from 2 pi to 20,000 pi.

    Vaswani et al. 2017, section 3.5, in the order that flax's lm1b example uses. With
    an odd number of features the last one is 0.

    Returns:
      `[…, features]` in float32 for positions `[…]`.
    """
    half = features // 2
    step = jnp.log(10_000.0) / max(half - 1, 1)
    frequencies = jnp.exp(-step * jnp.arange(half))
    frequencies = jnp.expand_dims(frequencies, range(positions.ndim))
    angles = positions[..., None] * frequencies  # [..., half]
    waves = jnp.concatenate([jnp.sin(angles), jnp.cos(angles)], axis=-1)
    padding = [(0, 0)] * positions.ndim + [(0, features - 2 * half)]
    return jnp.pad(waves, padding)


class FeedForward(nn.Module):
    """Two linear maps with a ReLU between them."""

    config: TransformerLMConfig
    deterministic: bool
    dtype: str

    @nn.compact
    def __call__(self, hidden: jax.Array) -> jax.Array:
        """Returns `[batch, length, embed]`."""
        config = self.config
        project = functools.partial(
            Projection,
            use_bias=True,
            kernel_init=nn.initializers.xavier_uniform(),
            bias_init=nn.initializers.normal(1e-6),
            dtype=self.dtype,
        )
        dropout = Dropout(config.dropout_rate, deterministic=self.deterministic)
        expanded = project((config.mlp_dim,), ("embed", "mlp"), name="expand")(hidden)
        expanded = dropout(nn.relu(expanded))  # [batch, length, mlp]
        return project((config.emb_dim,), ("mlp", "embed"), name="contract")(expanded)


class Block(nn.Module):
    """Attention and feed-forward, each normalised before and added to its input."""

    config: TransformerLMConfig
    dtype: str
    deterministic: bool
    decode: bool

    @nn.compact
    def __call__(self, hidden: jax.Array, segments: jax.Array) -> jax.Array:
        """Returns `[batch, length, embed]`."""
        config = self.config
        dropout = Dropout(config.dropout_rate, deterministic=self.deterministic)
        normalised = LayerNorm(1e-6, self.dtype, name="attention_norm")(hidden)
        attended = SelfAttention(
            num_heads=config.num_heads,
            qkv_dim=config.qkv_dim,
            causal=True,
            use_bias=False,
            dropout_rate=config.attention_dropout_rate,
            deterministic=self.deterministic,
            decode=self.decode,
            attention=config.attention,
            dtype=self.dtype,
            kernel_init=nn.initializers.xavier_uniform(),
            name="attention",
        )(normalised, segments)
        hidden += dropout(attended)
        normalised = LayerNorm(1e-6, self.dtype, name="feed_forward_norm")(hidden)
        feed_forward = FeedForward(
            config, self.deterministic, self.dtype, name="feed_forward"
        )
        return hidden + dropout(feed_forward(normalised))


class TransformerLM(nn.Module):
    """The decoder.

    Attributes:
      config: sizes.
      vocab_size: tokens of the tokenizer; tables are padded to a multiple of 128.
      max_length: longest row in tokens; rows of a learned position table by default.
      dtype: of the computation; parameters are float32.
    """

    config: TransformerLMConfig
    vocab_size: int
    max_length: int
    dtype: str

    def setup(self) -> None:
        """Makes the parts."""
        config = self.config
        padded = padded_vocab_size(self.vocab_size)
        self.token_embedding = Embedding(
            size=padded,
            features=config.emb_dim,
            axes=("vocab", "embed"),
            embedding_init=nn.initializers.normal(1.0),
            dtype=self.dtype,
        )
        if config.position_encoding == "learned":
            self.position_embedding = Embedding(
                size=config.position_limit(self.max_length) or self.max_length,
                features=config.emb_dim,
                axes=("positions", "embed"),
                embedding_init=nn.initializers.normal(0.02),
                dtype=self.dtype,
            )
        self.stack = Stack(
            functools.partial(Block, config, self.dtype),
            config.num_layers,
            config.scan_layers,
            config.remat,
        )
        self.final_norm = LayerNorm(1e-6, self.dtype)
        if not config.logits_via_embedding:
            self.head = Projection(
                features=(padded,),
                axes=("embed", "vocab"),
                use_bias=True,
                kernel_init=nn.initializers.xavier_uniform(),
                bias_init=nn.initializers.normal(1e-6),
                dtype=self.dtype,
            )
        self.dropout = Dropout(config.dropout_rate)

    def __call__(
        self,
        tokens: jax.Array,  # [batch, length]
        positions: jax.Array,  # [batch, length]
        segments: jax.Array,  # [batch, length]
        *,
        deterministic: bool = True,
        decode: bool = False,
    ) -> DecoderOutput:
        """Scores the token that follows each position.

        Args:
          tokens: ids; the first of a document is the tokenizer's bos.
          positions: place of each token in its document, from 0.
          segments: document of each token within the row, from 1; 0 is padding.
          deterministic: no dropout.
          decode: append to the "cache" collection instead of starting anew.
        """
        hidden = self.token_embedding(tokens)  # [batch, length, embed]
        if self.config.position_encoding == "learned":
            hidden += self.position_embedding(positions)
        else:
            waves = sinusoids(positions, self.config.emb_dim)
            hidden += waves.astype(hidden.dtype)
        hidden = self.dropout(hidden, deterministic=deterministic)
        hidden = self.stack(
            hidden, segments, deterministic=deterministic, decode=decode
        )
        hidden = self.final_norm(hidden)
        return DecoderOutput(self.logits(hidden), hidden)

    def logits(self, hidden: jax.Array) -> jax.Array:
        """Scores every token: `[…, embed]` to `[…, padded vocab]`."""
        if self.config.logits_via_embedding:
            # The scale keeps logits near 1 with embeddings of unit variance.
            scores = self.token_embedding.attend(hidden * self.config.emb_dim**-0.5)
        else:
            scores = self.head(hidden)
        return mask_padded_vocab(scores, self.vocab_size)
