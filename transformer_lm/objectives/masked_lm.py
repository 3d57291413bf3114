"""Prediction of hidden tokens (Devlin et al. 2019, section 3.1)."""

from collections.abc import Mapping
from dataclasses import dataclass

import jax
import jax.numpy as jnp

from transformer_lm.objectives.interface import Apply, Batch, Parameters, Sums
from transformer_lm.objectives.losses import score_tokens
from transformer_lm.objectives.masker import Masker, gather_positions
from transformer_lm.objectives.masking import Masking
from transformer_lm.objectives.vocabulary import Vocabulary


@dataclass(frozen=True)
class MaskedLM(Masking):
    """Predicts hidden tokens from those around them."""

    rows = "masked"
    metrics = ("loss", "accuracy", "perplexity")

    def bind(self, vocabulary: Vocabulary) -> "BoundMaskedLM":
        """Returns the objective for the tokens of a vocabulary."""
        return BoundMaskedLM(Masker(self, vocabulary))


@dataclass(frozen=True)
class BoundMaskedLM:
    """`MaskedLM` for one vocabulary."""

    masker: Masker

    def terms(self) -> Mapping[str, float]:
        """The loss of the hidden tokens."""
        return {"loss": 1.0}

    def prepare(self, batch: Batch, rng: jax.Array) -> Batch:
        """Draws the masks."""
        return self.masker.mask(batch, rng)

    def weights(self, batch: Batch) -> dict[str, jax.Array]:
        """Hidden tokens in the batch."""
        return {"loss": batch["masked_weights"].sum()}

    def sums(
        self,
        apply: Apply,
        parameters: Parameters,
        batch: Batch,
        rng: jax.Array | None,
    ) -> Sums:
        """Scores the hidden tokens; only their positions go through the token head.

        Args:
          apply: an encoder with the method `masked_logits`.
          parameters: of the network.
          batch: as `Masker.mask` gives it, with positions and, for networks that tell
            the texts of a pair apart, token_types `[rows, length]`.
          rng: of dropout.

        Returns:
          loss (nats) and accuracy over hidden tokens.
        """
        inputs = encoder_inputs(batch, batch["masked_tokens"])
        output = apply(parameters, *inputs, rng=rng)
        hidden = gather_positions(output.hidden, batch["masked_positions"])
        # Heads have no dropout.
        logits = apply(parameters, hidden, rng=None, method="masked_logits")
        return masked_sums(logits, batch)


def encoder_inputs(batch: Batch, tokens: jax.Array) -> list[jax.Array]:
    """Arguments of an encoder: `tokens`, and the rest from the batch."""
    names = ("positions", "segments", "token_types")
    return [tokens, *(batch[name] for name in names if name in batch)]


def masked_sums(
    logits: jax.Array,  # [rows, predictions, padded vocab]
    batch: Batch,
) -> Sums:
    """Returns loss and accuracy of the hidden tokens."""
    scores = score_tokens(logits, batch["masked_targets"])
    weights = batch["masked_weights"]
    weight = weights.sum()
    return {
        "loss": (jnp.sum(scores.likelihood * weights), weight),
        "accuracy": (jnp.sum(scores.correct * weights), weight),
    }
