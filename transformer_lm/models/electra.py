"""ELECTRA (Clark et al. 2020): a small generator, and a discriminator of its tokens.

Equal to `ElectraForMaskedLM` and `ElectraForPreTraining` of transformers, so that
weights go both ways.
"""

import dataclasses
from dataclasses import dataclass

import jax
from flax import linen as nn

from .checks import choice_problems, size_problems
from .encoder import (
    EncoderConfig,
    EncoderEmbeddings,
    EncoderOutput,
    post_norm_stack,
)
from .encoder_heads import TokenHead, dense
from .feed_forward import ACTIVATIONS
from .layers import Projection

SHARED = ("whole", "none")


@dataclass(frozen=True)
class ElectraConfig(EncoderConfig):
    """Sizes of the discriminator and of its generator.

    The defaults are those of ELECTRA base.
    """

    embedding_size: int | None = None
    """Width of the embedding tables; unset: emb_dim."""
    generator_size: float = 1 / 3
    """The generator's width, heads and feed-forward width, as a share of these."""
    shared_embeddings: str = "whole"
    """whole: one embedding module serves both networks; none: one each."""

    objectives = ("replaced_token",)

    def problems(self) -> list[str]:
        """Lists what cannot work, a line each."""
        problems = super().problems() + size_problems(self, "embedding_size")
        problems += choice_problems(self, shared_embeddings=SHARED)
        if not 0 < self.generator_size <= 1:
            problems.append(f"generator_size={self.generator_size} must lie in (0, 1]")
        if not problems:
            found = super(ElectraConfig, self.generator()).problems()
            problems += [
                f"generator_size={self.generator_size} makes a generator with {problem}"
                for problem in found
            ]
        return problems

    @property
    def embedding_width(self) -> int:
        """Width of the embedding tables."""
        return self.embedding_size or self.emb_dim

    @property
    def head_dims(self) -> tuple[int, ...]:
        """Width of a head, of the discriminator and of the generator."""
        return super().head_dims + super(ElectraConfig, self.generator()).head_dims

    def generator(self) -> "ElectraConfig":
        """Returns the sizes of the generator: as deep, but narrower (section 3.2)."""

        def part(size: int) -> int:
            return int(self.generator_size * size)

        return dataclasses.replace(
            self,
            emb_dim=part(self.emb_dim),
            num_heads=part(self.num_heads),
            mlp_dim=part(self.mlp_dim),
            embedding_size=self.embedding_width,
        )

    def flops_per_token(
        self, vocab_size: int, length: int, predictions_per_token: float = 1.0
    ) -> float:
        """Floating-point operations a training step spends on a token.

        Convention as in `EncoderConfig.flops_per_token`; both networks count.
        """
        width, generator = self.embedding_width, self.generator()
        products = self.emb_dim**2 + self.emb_dim
        for config in (self, generator):
            products += config.stack_products(length)
            products += width * config.emb_dim if width != config.emb_dim else 0
        head = generator.emb_dim * width + width * vocab_size
        return 6 * (products + predictions_per_token * head)

    def build(self, vocab_size: int, *, max_length: int, dtype: str) -> "Electra":
        """Builds both networks.

        Args:
          vocab_size: tokens of the tokenizer.
          max_length: longest row in tokens.
          dtype: of the computation.
        """
        return Electra(self, vocab_size, max_length, dtype)


class Encoder(nn.Module):
    """Blocks over embeddings, projected first where their widths differ.

    Attributes:
      config: sizes of this one network.
      dtype: of the computation.
    """

    config: ElectraConfig
    dtype: str

    def setup(self) -> None:
        """Makes the parts."""
        config = self.config
        if config.embedding_width != config.emb_dim:
            self.embedding_projection = Projection(
                features=(config.emb_dim,),
                axes=("factor", "embed"),
                use_bias=True,
                kernel_init=config.initializer(),
                dtype=self.dtype,
            )
        self.stack = post_norm_stack(config, self.dtype)

    def __call__(
        self,
        embedded: jax.Array,  # [batch, length, embedding]
        segments: jax.Array,  # [batch, length]
        *,
        deterministic: bool,
    ) -> jax.Array:
        """Returns `[batch, length, embed]`."""
        if self.config.embedding_width != self.config.emb_dim:
            embedded = self.embedding_projection(embedded)
        return self.stack(embedded, segments, deterministic=deterministic, decode=False)


class ReplacedTokenHead(nn.Module):
    """Tells replaced tokens from original ones (section 2)."""

    config: ElectraConfig
    dtype: str

    @nn.compact
    def __call__(self, hidden: jax.Array) -> jax.Array:
        """Maps `[batch, length, embed]` to `[batch, length]`, high where replaced."""
        config, dtype = self.config, self.dtype
        hidden = dense(config, config.emb_dim, "transform", dtype, "dense")(hidden)
        hidden = ACTIVATIONS[config.activation](hidden)
        return dense(config, 1, "classes", dtype, "score")(hidden)[..., 0]


class Electra(nn.Module):
    """Generator and discriminator.

    Attributes:
      config: sizes.
      vocab_size: tokens of the tokenizer; tables are padded to a multiple of 128.
      max_length: longest row in tokens; rows of the position table by default.
      dtype: of the computation; parameters are float32.
    """

    config: ElectraConfig
    vocab_size: int
    max_length: int
    dtype: str

    def setup(self) -> None:
        """Makes the parts."""
        config, generator = self.config, self.config.generator()
        self.embeddings = self._make_embeddings()
        if config.shared_embeddings == "none":
            self.generator_embeddings = self._make_embeddings()
        self.generator_encoder = Encoder(generator, self.dtype)
        self.discriminator_encoder = Encoder(config, self.dtype)
        # The head's activation is gelu whatever the blocks' is.
        self.token_head = TokenHead(
            generator, config.embedding_width, "gelu", self.vocab_size, self.dtype
        )
        self.replaced_head = ReplacedTokenHead(config, self.dtype)

    def _make_embeddings(self) -> EncoderEmbeddings:
        return EncoderEmbeddings(
            self.config,
            features=self.config.embedding_width,
            vocab_size=self.vocab_size,
            position_rows=self.config.position_rows(self.max_length),
            dtype=self.dtype,
        )

    def _embeddings_of_generator(self) -> EncoderEmbeddings:
        whole = self.config.shared_embeddings == "whole"
        return self.embeddings if whole else self.generator_embeddings

    def __call__(
        self,
        tokens: jax.Array,  # [batch, length]
        positions: jax.Array,  # [batch, length]
        segments: jax.Array,  # [batch, length]
        token_types: jax.Array | None = None,  # [batch, length]
        *,
        deterministic: bool = True,
    ) -> EncoderOutput:
        """Runs the discriminator; in `init` all the rest too, so that it exists."""
        inputs = (tokens, positions, segments, token_types)
        output = self.discriminator(*inputs, deterministic=deterministic)
        if self.is_initializing():
            self.discriminator_logits(output.hidden)
            generated = self.generator(*inputs, deterministic=deterministic)
            self.generator_logits(generated.hidden)
        return output

    def generator(
        self,
        tokens: jax.Array,  # [batch, length]
        positions: jax.Array,  # [batch, length]
        segments: jax.Array,  # [batch, length]
        token_types: jax.Array | None = None,  # [batch, length]
        *,
        deterministic: bool = True,
    ) -> EncoderOutput:
        """Encodes rows with masks; arguments as of `Bert.__call__`."""
        embedded = self._embeddings_of_generator()(
            tokens, positions, token_types, deterministic=deterministic
        )
        hidden = self.generator_encoder(embedded, segments, deterministic=deterministic)
        return EncoderOutput(hidden, None)

    def generator_logits(self, hidden: jax.Array) -> jax.Array:
        """Scores tokens: `[batch, predictions, embed]` to `[…, padded vocab]`."""
        return self.token_head(hidden, self._embeddings_of_generator().attend)

    def discriminator(
        self,
        tokens: jax.Array,  # [batch, length]
        positions: jax.Array,  # [batch, length]
        segments: jax.Array,  # [batch, length]
        token_types: jax.Array | None = None,  # [batch, length]
        *,
        deterministic: bool = True,
    ) -> EncoderOutput:
        """Encodes rows with replaced tokens; arguments as of `Bert.__call__`."""
        embedded = self.embeddings(
            tokens, positions, token_types, deterministic=deterministic
        )
        hidden = self.discriminator_encoder(
            embedded, segments, deterministic=deterministic
        )
        return EncoderOutput(hidden, None)

    def discriminator_logits(self, hidden: jax.Array) -> jax.Array:
        """Scores replacement: `[batch, length, embed]` to `[batch, length]`."""
        return self.replaced_head(hidden)
