"""RoBERTa (Liu et al. 2019): BERT's encoder for masked tokens alone.

Equal to `RobertaForMaskedLM` of transformers, so that weights go both ways.
"""

from dataclasses import dataclass

import jax
from flax import linen as nn

from .checks import table_problems
from .encoder import (
    EncoderConfig,
    EncoderEmbeddings,
    EncoderOutput,
    post_norm_stack,
)
from .encoder_heads import TokenHead


@dataclass(frozen=True)
class RobertaConfig(EncoderConfig):
    """Sizes of the encoder; the defaults are those of RoBERTa base."""

    layer_norm_epsilon: float = 1e-5
    """Added to the variance in every layer norm."""
    position_offset: int = 1
    """Row of the position table that a document's first token takes.

    transformers takes the tokenizer's pad id + 1; rinna's RoBERTa was trained with 0.
    """

    objectives = ("masked_lm",)

    def problems(self) -> list[str]:
        """Lists what cannot work, a line each."""
        problems = super().problems()
        if self.position_offset < 0:
            problems.append(
                f"position_offset={self.position_offset} must be at least 0"
            )
        return problems

    def problems_with_length(self, max_length: int) -> list[str]:
        """Lists what cannot work with rows of `max_length` tokens."""
        return table_problems(
            self.max_position_embeddings, max_length, self.position_offset
        )

    def position_limit(self, max_length: int) -> int:
        """Longest row the network can read, in tokens."""
        return self.position_rows(max_length) - self.position_offset

    def position_rows(self, max_length: int) -> int:
        """Rows of the position table, those before the first token's included."""
        return self.max_position_embeddings or max_length + self.position_offset

    def initializer(self) -> nn.initializers.Initializer:
        """Of every matrix and table: normal, as in the published code (fairseq)."""
        return nn.initializers.normal(self.initializer_range)

    def build(self, vocab_size: int, *, max_length: int, dtype: str) -> "Roberta":
        """Builds the network.

        Args:
          vocab_size: tokens of the tokenizer.
          max_length: longest row in tokens.
          dtype: of the computation.
        """
        return Roberta(self, vocab_size, max_length, dtype)


class Roberta(nn.Module):
    """The encoder and its head.

    Attributes:
      config: sizes.
      vocab_size: tokens of the tokenizer; tables are padded to a multiple of 128.
      max_length: longest row in tokens; with the offset, rows of the position table.
      dtype: of the computation; parameters are float32.
    """

    config: RobertaConfig
    vocab_size: int
    max_length: int
    dtype: str

    def setup(self) -> None:
        """Makes the parts."""
        config = self.config
        self.embeddings = EncoderEmbeddings(
            config,
            features=config.emb_dim,
            vocab_size=self.vocab_size,
            position_rows=config.position_rows(self.max_length),
            dtype=self.dtype,
        )
        self.stack = post_norm_stack(config, self.dtype)
        # The head's activation is gelu whatever the blocks' is.
        self.token_head = TokenHead(
            config, config.emb_dim, "gelu", self.vocab_size, self.dtype
        )

    def __call__(
        self,
        tokens: jax.Array,  # [batch, length]
        positions: jax.Array,  # [batch, length]
        segments: jax.Array,  # [batch, length]
        token_types: jax.Array | None = None,  # [batch, length]
        *,
        deterministic: bool = True,
    ) -> EncoderOutput:
        """Encodes rows; in `init`, the head runs too, so that all parameters exist.

        Args:
          tokens: ids; the first of a row is the tokenizer's cls.
          positions: place of each token in its document, from 0.
          segments: document of each token within the row, from 1; 0 is padding.
          token_types: kind of each token; None: all 0, as RoBERTa was trained.
          deterministic: no dropout.
        """
        hidden = self.embeddings(
            tokens,
            positions + self.config.position_offset,
            token_types,
            deterministic=deterministic,
        )
        hidden = self.stack(
            hidden, segments, deterministic=deterministic, decode=False
        )  # [batch, length, embed]
        if self.is_initializing():
            self.masked_logits(hidden)
        return EncoderOutput(hidden, None)

    def masked_logits(self, hidden: jax.Array) -> jax.Array:
        """Scores tokens: `[batch, predictions, embed]` to `[…, padded vocab]`."""
        return self.token_head(hidden, self.embeddings.attend)
