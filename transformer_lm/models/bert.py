"""BERT (Devlin et al. 2019): post-norm encoder for masked tokens and text pairs.

Equal to `BertForPreTraining` of transformers, so that weights go both ways.
"""

from dataclasses import dataclass

import jax
from flax import linen as nn

from .encoder import (
    EncoderConfig,
    EncoderEmbeddings,
    EncoderOutput,
    post_norm_stack,
)
from .encoder_heads import Pooler, TokenHead, pair_head


@dataclass(frozen=True)
class BertConfig(EncoderConfig):
    """Sizes of the encoder; the defaults are those of BERT base."""

    objectives = ("masked_lm", "sentence_pairs")

    def build(self, vocab_size: int, *, max_length: int, dtype: str) -> "Bert":
        """Builds the network.

        Args:
          vocab_size: tokens of the tokenizer.
          max_length: longest row in tokens.
          dtype: of the computation.
        """
        return Bert(self, vocab_size, max_length, dtype)


class Bert(nn.Module):
    """The encoder and its two heads.

    Attributes:
      config: sizes.
      vocab_size: tokens of the tokenizer; tables are padded to a multiple of 128.
      max_length: longest row in tokens; rows of the position table by default.
      dtype: of the computation; parameters are float32.
    """

    config: BertConfig
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
        self.pooler = Pooler(config, self.dtype)
        self.token_head = TokenHead(
            config, config.emb_dim, config.activation, self.vocab_size, self.dtype
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
        hidden = self.embeddings(
            tokens, positions, token_types, deterministic=deterministic
        )
        hidden = self.stack(
            hidden, segments, deterministic=deterministic, decode=False
        )  # [batch, length, embed]
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
