"""What BERT, RoBERTa, ALBERT and ELECTRA share: sizes, embeddings, post-norm block."""

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
from .feed_forward import ACTIVATIONS, FeedForward
from .layers import (
    REMAT_CHOICES,
    Embedding,
    LayerNorm,
    Stack,
    padded_vocab_size,
)


class EncoderOutput(NamedTuple):
    """What an encoder gives for `[batch, length]` tokens."""

    hidden: jax.Array
    """`[batch, length, embed]`, of the last block."""
    pooled: jax.Array | None
    """`[batch, embed]`, of the whole row; None where the family has no pooler."""


@dataclass(frozen=True)
class EncoderConfig:
    """Sizes that every encoder family has; the defaults are those of BERT base."""

    num_layers: int = 12
    """Blocks."""
    emb_dim: int = 768
    """Width of the residual stream."""
    num_heads: int = 12
    """Attention heads."""
    mlp_dim: int = 3072
    """Width of the feed-forward layers."""
    activation: str = "gelu"
    """Of the feed-forward layers: gelu (erf), gelu_new (tanh), relu, silu."""
    dropout_rate: float = 0.1
    """Dropout of embeddings and residual branches."""
    attention_dropout_rate: float = 0.1
    """Dropout of attention weights."""
    layer_norm_epsilon: float = 1e-12
    """Added to the variance in every layer norm."""
    initializer_range: float = 0.02
    """Standard deviation of fresh weights."""
    type_vocab_size: int = 2
    """Kinds of token: 2 tells the first text of a pair from the second."""
    max_position_embeddings: int | None = None
    """Rows of the position table; unset: what the longest row of the run needs."""
    scan_layers: bool = False
    """Compile one block and loop over it: faster to compile, same result."""
    remat: str = "none"
    """What the backward pass computes anew to save memory: none, dots, full."""
    attention: str = "auto"
    """How attention is computed, docs/kernels.md: auto, xla, splash, triton, cudnn."""

    inputs = ("tokens", "positions", "segments", "token_types")
    causal = False

    def problems(self) -> list[str]:
        """Lists what cannot work, a line each."""
        problems = size_problems(
            self,
            "num_layers",
            "emb_dim",
            "num_heads",
            "mlp_dim",
            "type_vocab_size",
            "max_position_embeddings",
        )
        if not problems and self.emb_dim % self.num_heads:
            problems.append(
                f"num_heads={self.num_heads} must divide emb_dim={self.emb_dim}"
            )
        problems += rate_problems(self, "dropout_rate", "attention_dropout_rate")
        problems += choice_problems(
            self,
            activation=tuple(ACTIVATIONS),
            remat=REMAT_CHOICES,
            attention=ATTENTION_CHOICES,
        )
        return problems

    def problems_with_length(self, max_length: int) -> list[str]:
        """Lists what cannot work with rows of `max_length` tokens."""
        return table_problems(self.max_position_embeddings, max_length)

    @property
    def head_dims(self) -> tuple[int, ...]:
        """Width of a head."""
        return (self.emb_dim // self.num_heads,)

    def position_limit(self, max_length: int) -> int:
        """Longest row the network can read, in tokens."""
        return self.position_rows(max_length)

    def position_rows(self, max_length: int) -> int:
        """Rows of the position table."""
        return self.max_position_embeddings or max_length

    def initializer(self) -> nn.initializers.Initializer:
        """Of every matrix and table: normal, cut at two standard deviations."""
        return nn.initializers.truncated_normal(self.initializer_range)

    def stack_products(self, length: int) -> float:
        """Multiply-adds that the blocks spend on a token, forward."""
        matrices = 4 * self.emb_dim**2 + 2 * self.emb_dim * self.mlp_dim
        scores = 2 * self.emb_dim * length
        return self.num_layers * (matrices + scores)

    def flops_per_token(
        self, vocab_size: int, length: int, predictions_per_token: float = 1.0
    ) -> float:
        """Floating-point operations a training step spends on a token.

        Convention as in `TransformerLMConfig.flops_per_token`, but all `length` x
        `length` scores count. What happens once a row (pooler, pair head) does not.

        Args:
          vocab_size: tokens of the tokenizer.
          length: of a row, in tokens.
          predictions_per_token: share of the positions that go through the token head.
        """
        head = self.emb_dim**2 + self.emb_dim * vocab_size
        return 6 * (self.stack_products(length) + predictions_per_token * head)


class EncoderEmbeddings(nn.Module):
    """Sum of word, position and token type, normalised (Devlin et al. 2019, 3).

    Attributes:
      config: sizes.
      features: width of the tables.
      vocab_size: tokens of the tokenizer; the table is padded to a multiple of 128.
      position_rows: rows of the position table.
      dtype: of the computation.
    """

    config: EncoderConfig
    features: int
    vocab_size: int
    position_rows: int
    dtype: str

    def setup(self) -> None:
        """Makes the tables."""
        config = self.config
        table = functools.partial(
            Embedding,
            features=self.features,
            embedding_init=config.initializer(),
            dtype=self.dtype,
        )
        self.word = table(
            size=padded_vocab_size(self.vocab_size), axes=("vocab", "embed")
        )
        self.position = table(size=self.position_rows, axes=("positions", "embed"))
        self.token_type = table(
            size=config.type_vocab_size, axes=("token_types", "embed")
        )
        self.norm = LayerNorm(config.layer_norm_epsilon, self.dtype)
        self.dropout = Dropout(config.dropout_rate)

    def __call__(
        self,
        tokens: jax.Array,  # [batch, length]
        positions: jax.Array,  # [batch, length]
        token_types: jax.Array | None,  # [batch, length]
        *,
        deterministic: bool,
    ) -> jax.Array:
        """Returns `[batch, length, features]`; no token types means all 0."""
        if token_types is None:
            token_types = jnp.zeros_like(tokens)
        embedded = self.word(tokens) + self.position(positions)
        embedded = self.norm(embedded + self.token_type(token_types))
        return self.dropout(embedded, deterministic=deterministic)

    def attend(self, hidden: jax.Array) -> jax.Array:
        """Scores every word: `[…, features]` to `[…, padded vocab]`."""
        return self.word.attend(hidden)


class PostNormBlock(nn.Module):
    """Attention and feed-forward, each added to its input and normalised after.

    Vaswani et al. 2017, section 3.1.

    Attributes:
      config: sizes.
      dtype: of the computation.
      deterministic: no dropout.
      decode: always false, for an encoder has no cache.
    """

    config: EncoderConfig
    dtype: str
    deterministic: bool
    decode: bool = False

    @nn.compact
    def __call__(self, hidden: jax.Array, segments: jax.Array) -> jax.Array:
        """Returns `[batch, length, embed]`."""
        config = self.config
        norm = functools.partial(LayerNorm, config.layer_norm_epsilon, self.dtype)
        dropout = Dropout(config.dropout_rate, deterministic=self.deterministic)
        init = config.initializer()
        attended = SelfAttention(
            num_heads=config.num_heads,
            qkv_dim=config.emb_dim,
            causal=False,
            use_bias=True,
            dropout_rate=config.attention_dropout_rate,
            deterministic=self.deterministic,
            decode=self.decode,
            attention=config.attention,
            dtype=self.dtype,
            kernel_init=init,
            name="attention",
        )(hidden, segments)
        hidden = norm(name="attention_norm")(hidden + dropout(attended))
        expanded = FeedForward(
            mlp_dim=config.mlp_dim,
            activation=config.activation,
            expand_init=init,
            contract_init=init,
            dtype=self.dtype,
            name="feed_forward",
        )(hidden)
        return norm(name="feed_forward_norm")(hidden + dropout(expanded))


def post_norm_stack(config: EncoderConfig, dtype: str) -> Stack:
    """Builds `config.num_layers` blocks, one after the other."""
    return Stack(
        functools.partial(PostNormBlock, config, dtype),
        config.num_layers,
        config.scan_layers,
        config.remat,
    )
