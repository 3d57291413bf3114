"""What encoders predict with: masked tokens, a whole row, a pair of texts."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import linen as nn

from .encoder import EncoderConfig
from .feed_forward import ACTIVATIONS
from .layers import LayerNorm, Projection, mask_padded_vocab, padded_vocab_size


def dense(
    config: EncoderConfig, features: int, axis: str, dtype: str, name: str | None = None
) -> Projection:
    """Builds a linear map from `[…, embed]` to `[…, features]`."""
    return Projection(
        features=(features,),
        axes=("embed", axis),
        use_bias=True,
        kernel_init=config.initializer(),
        dtype=dtype,
        name=name,
    )


class TokenHead(nn.Module):
    """Scores every token with the word table (Devlin et al. 2019, 3.1).

    Attributes:
      config: sizes.
      features: width of the word table.
      activation: one of `ACTIVATIONS`.
      vocab_size: tokens of the tokenizer.
      dtype: of the computation.
    """

    config: EncoderConfig
    features: int
    activation: str
    vocab_size: int
    dtype: str

    @nn.compact
    def __call__(
        self,
        hidden: jax.Array,  # [batch, predictions, embed]
        attend: Callable[[jax.Array], jax.Array],
    ) -> jax.Array:
        """Returns `[batch, predictions, padded vocab]`.

        Args:
          hidden: of the positions to predict.
          attend: scores the rows of the word table.
        """
        config = self.config
        hidden = dense(config, self.features, "transform", self.dtype, "dense")(hidden)
        hidden = ACTIVATIONS[self.activation](hidden)
        hidden = LayerNorm(config.layer_norm_epsilon, self.dtype, name="norm")(hidden)
        bias = self.param(
            "bias",
            nn.with_logical_partitioning(nn.initializers.zeros, ("vocab",)),
            (padded_vocab_size(self.vocab_size),),
        )
        logits = attend(hidden)  # [batch, predictions, padded vocab]
        logits += jnp.asarray(bias, self.dtype)[None, None]
        return mask_padded_vocab(logits, self.vocab_size)


class Pooler(nn.Module):
    """Sums up a row by its first token (Devlin et al. 2019, section 3).

    Attributes:
      config: sizes.
      dtype: of the computation.
    """

    config: EncoderConfig
    dtype: str

    @nn.compact
    def __call__(self, hidden: jax.Array) -> jax.Array:
        """Maps `[batch, length, embed]` to `[batch, embed]`."""
        width = self.config.emb_dim
        project = dense(self.config, width, "transform", self.dtype, "dense")
        return nn.tanh(project(hidden[:, 0]))


def pair_head(config: EncoderConfig, dtype: str) -> Projection:
    """Builds the two logits of a pair of texts: 0 as found, 1 changed."""
    return dense(config, 2, "classes", dtype)
