"""ALBERT (Lan et al. 2020): narrow embeddings, and blocks that share their weights.

Equal to `AlbertForPreTraining` of transformers, so that weights go both ways.
"""

from dataclasses import dataclass

import jax
from flax import linen as nn

from .checks import size_problems
from .encoder import EncoderConfig, EncoderEmbeddings, EncoderOutput, PostNormBlock
from .encoder_heads import Pooler, TokenHead, pair_head
from .layers import REMAT_POLICIES, Projection, divide_by_rows


@dataclass(frozen=True)
class AlbertConfig(EncoderConfig):
    """Sizes of the encoder; the defaults are those of ALBERT base, version 2."""

    embedding_size: int = 128
    """Width of the embedding tables (section 3.1, factorised embeddings)."""
    activation: str = "gelu_new"
    """Of feed-forward layers and head: gelu_new (tanh), gelu (erf), relu, silu.

    The published code's "gelu" is the tanh approximation, gelu_new here.
    """
    dropout_rate: float = 0.0
    """Dropout of embeddings and residual branches."""
    attention_dropout_rate: float = 0.0
    """Dropout of attention weights."""
    num_hidden_groups: int = 1
    """Groups of consecutive layers; the layers of a group share their weights."""
    inner_group_num: int = 1
    """Blocks with weights of their own that make up a layer."""

    objectives = ("masked_lm", "sentence_pairs")

    def problems(self) -> list[str]:
        """Lists what cannot work, a line each."""
        own = ("embedding_size", "num_hidden_groups", "inner_group_num")
        problems = super().problems() + size_problems(self, *own)
        if self.num_hidden_groups > 0 and self.num_layers % self.num_hidden_groups:
            problems.append(
                f"num_hidden_groups={self.num_hidden_groups} must divide"
                f" num_layers={self.num_layers}"
            )
        return problems

    def flops_per_token(
        self, vocab_size: int, length: int, predictions_per_token: float = 1.0
    ) -> float:
        """Floating-point operations a training step spends on a token.

        Convention as in `EncoderConfig.flops_per_token`.
        """
        stack = self.stack_products(length) * self.inner_group_num
        between = self.embedding_size * self.emb_dim
        head = between + self.embedding_size * vocab_size
        return 6 * (between + stack + predictions_per_token * head)

    def build(self, vocab_size: int, *, max_length: int, dtype: str) -> "Albert":
        """Builds the network.

        Args:
          vocab_size: tokens of the tokenizer.
          max_length: longest row in tokens.
          dtype: of the computation.
        """
        return Albert(self, vocab_size, max_length, dtype)


class Layer(nn.Module):
    """`inner_group_num` blocks, one after the other."""

    config: AlbertConfig
    dtype: str
    deterministic: bool

    @nn.compact
    def __call__(self, hidden: jax.Array, segments: jax.Array) -> jax.Array:
        """Returns `[batch, length, embed]`."""
        for index in range(self.config.inner_group_num):
            block = PostNormBlock(
                self.config, self.dtype, self.deterministic, name=f"block_{index}"
            )
            hidden = divide_by_rows(block(divide_by_rows(hidden), segments))
        return hidden


class SharedStack(nn.Module):
    """`num_layers` layers, of which those of a group are one layer called again.

    Section 3.1, cross-layer parameter sharing. `scan_layers` loops over the calls of a
    group; unlike in `Stack`, the parameters look the same with and without it.
    """

    config: AlbertConfig
    dtype: str

    @nn.compact
    def __call__(
        self,
        hidden: jax.Array,  # [batch, length, embed]
        segments: jax.Array,  # [batch, length]
        *,
        deterministic: bool,
    ) -> jax.Array:
        """Returns `[batch, length, embed]`."""
        config = self.config

        def step(layer: nn.Module, hidden: jax.Array) -> jax.Array:
            if config.remat == "none":
                return layer(hidden, segments)
            lifted = nn.remat(
                lambda layer, hidden: layer(hidden, segments),
                policy=REMAT_POLICIES[config.remat],
                prevent_cse=not config.scan_layers,
            )
            return lifted(layer, hidden)

        repeats = config.num_layers // config.num_hidden_groups
        for index in range(config.num_hidden_groups):
            layer = Layer(config, self.dtype, deterministic, name=f"group_{index}")
            if config.scan_layers:
                looped = nn.scan(
                    lambda layer, hidden, _: (step(layer, hidden), None),
                    variable_broadcast="params",
                    variable_axes={"intermediates": 0},
                    split_rngs={"params": False, "dropout": True},
                    length=repeats,
                )
                hidden, _ = looped(layer, hidden, None)
            else:
                for _ in range(repeats):
                    hidden = step(layer, hidden)
        return hidden


class Albert(nn.Module):
    """The encoder and its two heads.

    Attributes:
      config: sizes.
      vocab_size: tokens of the tokenizer; tables are padded to a multiple of 128.
      max_length: longest row in tokens; rows of the position table by default.
      dtype: of the computation; parameters are float32.
    """

    config: AlbertConfig
    vocab_size: int
    max_length: int
    dtype: str

    def setup(self) -> None:
        """Makes the parts."""
        config = self.config
        self.embeddings = EncoderEmbeddings(
            config,
            features=config.embedding_size,
            vocab_size=self.vocab_size,
            position_rows=config.position_rows(self.max_length),
            dtype=self.dtype,
        )
        self.embedding_projection = Projection(
            features=(config.emb_dim,),
            axes=("factor", "embed"),
            use_bias=True,
            kernel_init=config.initializer(),
            dtype=self.dtype,
        )
        self.stack = SharedStack(config, self.dtype)
        self.pooler = Pooler(config, self.dtype)
        self.token_head = TokenHead(
            config,
            config.embedding_size,
            config.activation,
            self.vocab_size,
            self.dtype,
        )
        self.pair_head = pair_head(config, self.dtype)

    def __call__(
        self,
        tokens: jax.Array,  # [batch, length]
        positions: jax.Array,  # [batch, length]
        segments: jax.Array,  # [batch, length]
        token_types: jax.Array | None = None,  # [batch, length]
        *,
        deterministic: bool = True,
    ) -> EncoderOutput:
        """Encodes rows; in `init`, the heads run too, so that all parameters exist.

        Args:
          tokens: ids; the first of a row is the tokenizer's cls.
          positions: place of each token in its document, from 0.
          segments: document of each token within the row, from 1; 0 is padding.
          token_types: 0 in the first text of a pair, 1 in the second; None: all 0.
          deterministic: no dropout.
        """
        embedded = self.embeddings(
            tokens, positions, token_types, deterministic=deterministic
        )
        hidden = self.embedding_projection(embedded)  # [batch, length, embed]
        hidden = self.stack(hidden, segments, deterministic=deterministic)
        pooled = self.pooler(hidden)  # [batch, embed]
        if self.is_initializing():
            self.masked_logits(hidden)
            self.pair_logits(pooled)
        return EncoderOutput(hidden, pooled)

    def masked_logits(self, hidden: jax.Array) -> jax.Array:
        """Scores tokens: `[batch, predictions, embed]` to `[…, padded vocab]`."""
        return self.token_head(hidden, self.embeddings.attend)

    def pair_logits(self, pooled: jax.Array) -> jax.Array:
        """Scores pairs, 0 as found and 1 changed: `[batch, embed]` to `[batch, 2]`."""
        return self.pair_head(pooled)
