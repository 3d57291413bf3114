"""GPT-2 (Radford et al. 2019): pre-norm decoder, learned positions, tied head.

Equal to `GPT2LMHeadModel` of transformers, so that weights go both ways.
"""

import functools
from dataclasses import dataclass

import jax
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
    mask_padded_vocab,
    padded_vocab_size,
)
from .transformer_lm import DecoderOutput


@dataclass(frozen=True)
class Gpt2Config:
    """Sizes of the decoder; the defaults are those of GPT-2 small."""

    num_layers: int = 12
    """Blocks."""
    emb_dim: int = 768
    """Width of embeddings and of the residual stream."""
    num_heads: int = 12
    """Attention heads."""
    mlp_dim: int = 3072
    """Width of the feed-forward layers."""
    activation: str = "gelu_new"
    """Of the feed-forward layers: gelu_new (tanh), gelu (erf), relu, silu."""
    dropout_rate: float = 0.1
    """Dropout of residual branches."""
    attention_dropout_rate: float = 0.1
    """Dropout of attention weights."""
    embedding_dropout_rate: float = 0.1
    """Dropout of the sum of token and position embeddings."""
    layer_norm_epsilon: float = 1e-5
    """Added to the variance in every layer norm."""
    initializer_range: float = 0.02
    """Standard deviation of fresh weights; residual outputs get less (section 2.3)."""
    max_position_embeddings: int | None = None
    """Rows of the position table; unset: the longest row of the run."""
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
            self,
            "num_layers",
            "emb_dim",
            "num_heads",
            "mlp_dim",
            "max_position_embeddings",
        )
        if not problems and self.emb_dim % self.num_heads:
            problems.append(
                f"num_heads={self.num_heads} must divide emb_dim={self.emb_dim}"
            )
        problems += rate_problems(
            self, "dropout_rate", "attention_dropout_rate", "embedding_dropout_rate"
        )
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
        """Longest text the network can continue, in tokens."""
        return self.max_position_embeddings or max_length

    def flops_per_token(self, vocab_size: int, length: int) -> float:
        """Floating-point operations a training step spends on a token.

        Convention as in `TransformerLMConfig.flops_per_token`.
        """
        matrices = 4 * self.emb_dim**2 + 2 * self.emb_dim * self.mlp_dim
        scores = 2 * self.emb_dim * length / 2
        head = self.emb_dim * vocab_size
        return 6 * (self.num_layers * (matrices + scores) + head)

    def build(self, vocab_size: int, *, max_length: int, dtype: str) -> "Gpt2":
        """Builds the network.

        Args:
          vocab_size: tokens of the tokenizer.
          max_length: longest row in tokens.
          dtype: of the computation.
        """
        return Gpt2(self, vocab_size, max_length, dtype)


class Block(nn.Module):
    """Attention and feed-forward, each normalised before and added to its input."""

    config: Gpt2Config
    dtype: str
    deterministic: bool
    decode: bool

    @nn.compact
    def __call__(self, hidden: jax.Array, segments: jax.Array) -> jax.Array:
        """Returns `[batch, length, embed]`."""
        config = self.config
        norm = functools.partial(LayerNorm, config.layer_norm_epsilon, self.dtype)
        dropout = Dropout(config.dropout_rate, deterministic=self.deterministic)
        init = nn.initializers.normal(config.initializer_range)
        # Section 2.3: 1/sqrt(N) for N residual layers, two a block.
        residual_init = nn.initializers.normal(
            config.initializer_range * (2 * config.num_layers) ** -0.5
        )
        attended = SelfAttention(
            num_heads=config.num_heads,
            qkv_dim=config.emb_dim,
            causal=True,
            use_bias=True,
            dropout_rate=config.attention_dropout_rate,
            deterministic=self.deterministic,
            decode=self.decode,
            attention=config.attention,
            dtype=self.dtype,
            kernel_init=init,
            out_init=residual_init,
            name="attention",
        )(norm(name="attention_norm")(hidden), segments)
        hidden += dropout(attended)
        expanded = FeedForward(
            mlp_dim=config.mlp_dim,
            activation=config.activation,
            expand_init=init,
            contract_init=residual_init,
            dtype=self.dtype,
            name="feed_forward",
        )(norm(name="feed_forward_norm")(hidden))
        return hidden + dropout(expanded)


class Gpt2(nn.Module):
    """The decoder.

    Attributes:
      config: sizes.
      vocab_size: tokens of the tokenizer; tables are padded to a multiple of 128.
      max_length: longest row in tokens; rows of the position table by default.
      dtype: of the computation; parameters are float32.
    """

    config: Gpt2Config
    vocab_size: int
    max_length: int
    dtype: str

    def setup(self) -> None:
        """Makes the parts."""
        config = self.config
        table = functools.partial(
            Embedding,
            features=config.emb_dim,
            embedding_init=nn.initializers.normal(config.initializer_range),
            dtype=self.dtype,
        )
        self.token_embedding = table(
            size=padded_vocab_size(self.vocab_size), axes=("vocab", "embed")
        )
        self.position_embedding = table(
            size=config.position_limit(self.max_length), axes=("positions", "embed")
        )
        self.dropout = Dropout(config.embedding_dropout_rate)
        self.stack = Stack(
            functools.partial(Block, config, self.dtype),
            config.num_layers,
            config.scan_layers,
            config.remat,
        )
        self.final_norm = LayerNorm(config.layer_norm_epsilon, self.dtype)

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
        hidden = self.token_embedding(tokens) + self.position_embedding(positions)
        hidden = self.dropout(hidden, deterministic=deterministic)
        hidden = self.stack(
            hidden, segments, deterministic=deterministic, decode=decode
        )
        hidden = self.final_norm(hidden)  # [batch, length, embed]
        return DecoderOutput(self.logits(hidden), hidden)

    def logits(self, hidden: jax.Array) -> jax.Array:
        """Scores every token: `[…, embed]` to `[…, padded vocab]`."""
        return mask_padded_vocab(self.token_embedding.attend(hidden), self.vocab_size)
