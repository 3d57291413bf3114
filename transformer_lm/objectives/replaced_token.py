"""Replaced-token detection (ELECTRA: Clark et al. 2020, section 2)."""

from collections.abc import Mapping
from dataclasses import dataclass

import jax
import jax.numpy as jnp

from transformer_lm.objectives.interface import Apply, Batch, Parameters, Sums
from transformer_lm.objectives.masked_lm import encoder_inputs, masked_sums
from transformer_lm.objectives.masker import Masker, gather_positions
from transformer_lm.objectives.masking import Masking
from transformer_lm.objectives.vocabulary import Vocabulary


@dataclass(frozen=True)
class ReplacedToken(Masking):
    """A generator fills hidden places; a discriminator tells which tokens are its."""

    masking_preset: str = "electra"
    """Mask, random, unchanged: electra 85/0/15, bert 80/10/10, rinna 100/0/0 %."""
    generator_weight: float = 1.0
    """Factor of the generator's loss, a mean over hidden tokens."""
    discriminator_weight: float = 50.0
    """Factor of the discriminator's loss, a mean over all tokens."""

    rows = "masked"
    metrics = (
        *("generator_loss", "generator_accuracy"),
        *("discriminator_loss", "discriminator_accuracy"),
        *("discriminator_precision", "discriminator_recall"),
    )

    def problems(self) -> list[str]:
        """Lists what cannot work, a line each."""
        return super().problems() + [
            f"{name}={getattr(self, name)} must be > 0"
            for name in ("generator_weight", "discriminator_weight")
            if getattr(self, name) <= 0
        ]

    def bind(self, vocabulary: Vocabulary) -> "BoundReplacedToken":
        """Returns the objective for the tokens of a vocabulary."""
        return BoundReplacedToken(self, Masker(self, vocabulary))


@dataclass(frozen=True)
class BoundReplacedToken:
    """`ReplacedToken` for one vocabulary."""

    settings: ReplacedToken
    masker: Masker

    def terms(self) -> Mapping[str, float]:
        """Both losses with their factors."""
        return {
            "generator_loss": self.settings.generator_weight,
            "discriminator_loss": self.settings.discriminator_weight,
        }

    def prepare(self, batch: Batch, rng: jax.Array) -> Batch:
        """Draws the masks, and a key for each row's samples."""
        mask_rng, sample_rng = jax.random.split(rng)
        keys = jax.random.split(sample_rng, batch["tokens"].shape[0])
        return {**self.masker.mask(batch, mask_rng), "sample_keys": keys}

    def weights(self, batch: Batch) -> dict[str, jax.Array]:
        """Hidden tokens, and all tokens."""
        return {
            "generator_loss": batch["masked_weights"].sum(),
            "discriminator_loss": _real(batch).sum(),
        }

    def sums(
        self,
        apply: Apply,
        parameters: Parameters,
        batch: Batch,
        rng: jax.Array | None,
    ) -> Sums:
        """Scores both networks.

        Args:
          apply: ELECTRA, with the methods `generator`, `generator_logits`,
            `discriminator` and `discriminator_logits`.
          parameters: of both.
          batch: as `prepare` gives it, with positions and, for networks that tell the
            texts of a pair apart, token_types `[rows, length]`.
          rng: of dropout.

        Returns:
          generator_loss (nats) and generator_accuracy over hidden tokens;
          discriminator_loss (nats) and discriminator_accuracy over all tokens;
          discriminator_precision over tokens called replaced, discriminator_recall
          over replaced ones.
        """
        rngs = (None, None) if rng is None else tuple(jax.random.split(rng))
        inputs = encoder_inputs(batch, batch["masked_tokens"])
        output = apply(parameters, *inputs, rng=rngs[0], method="generator")
        hidden = gather_positions(output.hidden, batch["masked_positions"])
        # Heads have no dropout.
        logits = apply(parameters, hidden, rng=None, method="generator_logits")
        generator = masked_sums(logits, batch)

        tokens = replace_tokens(batch, sample(logits, batch["sample_keys"]))
        inputs = encoder_inputs(batch, tokens)
        output = apply(parameters, *inputs, rng=rngs[1], method="discriminator")
        logits = apply(
            parameters, output.hidden, rng=None, method="discriminator_logits"
        )
        sums = detection_sums(logits, tokens != batch["tokens"], _real(batch))
        return {
            "generator_loss": generator["loss"],
            "generator_accuracy": generator["accuracy"],
            **{f"discriminator_{name}": pair for name, pair in sums.items()},
        }


def sample(
    logits: jax.Array,  # [rows, predictions, padded vocab]
    keys: jax.Array,  # [rows]
) -> jax.Array:
    """Draws a token from each softmax, without a gradient: `[rows, predictions]`.

    The highest of logits plus Gumbel noise is such a draw (Maddison et al. 2014). Each
    row has its own key, so that it gets the same samples in any micro-batch.
    """
    logits = jax.lax.stop_gradient(logits.astype(jnp.float32))
    return jax.vmap(jax.random.categorical)(keys, logits)


def replace_tokens(batch: Batch, samples: jax.Array) -> jax.Array:
    """Puts samples `[rows, predictions]` into the original tokens `[rows, length]`.

    A sample that equals the original token changes nothing: it counts as original.
    """
    used = batch["masked_weights"] > 0
    # Unused slots write back what is there; no position occurs twice in a row.
    values = jnp.where(used, samples, batch["masked_targets"])
    rows = jnp.arange(samples.shape[0])[:, None]
    tokens = batch["tokens"]
    return tokens.at[rows, batch["masked_positions"]].set(values.astype(tokens.dtype))


def detection_sums(
    logits: jax.Array,  # [rows, length]
    replaced: jax.Array,  # [rows, length]
    real: jax.Array,  # [rows, length]
) -> Sums:
    """Returns loss, accuracy, precision and recall of the discriminator."""
    logits = logits.astype(jnp.float32)
    loss = jax.nn.softplus(logits) - logits * replaced
    called = logits > 0
    hits = jnp.sum(called * replaced * real)
    weight = real.sum()
    return {
        "loss": (jnp.sum(loss * real), weight),
        "accuracy": (jnp.sum((called == replaced) * real), weight),
        "precision": (hits, jnp.sum(called * real)),
        "recall": (hits, jnp.sum(replaced * real)),
    }


def _real(batch: Batch) -> jax.Array:
    """1.0 for tokens, 0.0 for padding; `[rows, length]`."""
    return (batch["segments"] > 0).astype(jnp.float32)
