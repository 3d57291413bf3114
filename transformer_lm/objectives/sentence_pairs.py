"""Hidden tokens, and whether two texts belong together: BERT's and ALBERT's task."""

from collections.abc import Mapping
from dataclasses import dataclass

import jax
import jax.numpy as jnp

from transformer_lm.objectives.interface import Apply, Batch, Parameters, Sums
from transformer_lm.objectives.losses import score_tokens
from transformer_lm.objectives.masked_lm import encoder_inputs, masked_sums
from transformer_lm.objectives.masker import Masker, gather_positions
from transformer_lm.objectives.masking import Masking
from transformer_lm.objectives.vocabulary import Vocabulary

PAIR_OBJECTIVES = ("nsp", "sop")


@dataclass(frozen=True)
class SentencePairs(Masking):
    """Predicts hidden tokens, and whether the second text follows the first."""

    pair_objective: str = "nsp"
    """What a wrong pair is: nsp, its second text comes from another document (Devlin
    et al. 2019, section 3.1); sop, its texts are swapped (Lan et al. 2020, 3.1).
    """

    metrics = ("loss", "masked_accuracy", "pair_loss", "pair_accuracy", "perplexity")

    @property
    def rows(self) -> str:
        """Pairs of one kind or the other."""
        return self.pair_objective

    def problems(self) -> list[str]:
        """Lists what cannot work, a line each."""
        problems = super().problems()
        if self.pair_objective not in PAIR_OBJECTIVES:
            problems.append(
                f"pair_objective={self.pair_objective!r} is unknown; choose from"
                f" {', '.join(PAIR_OBJECTIVES)}"
            )
        return problems

    def bind(self, vocabulary: Vocabulary) -> "BoundSentencePairs":
        """Returns the objective for the tokens of a vocabulary."""
        return BoundSentencePairs(Masker(self, vocabulary))


@dataclass(frozen=True)
class BoundSentencePairs:
    """`SentencePairs` for one vocabulary."""

    masker: Masker

    def terms(self) -> Mapping[str, float]:
        """The mean over hidden tokens and the mean over pairs, added."""
        return {"loss": 1.0, "pair_loss": 1.0}

    def prepare(self, batch: Batch, rng: jax.Array) -> Batch:
        """Draws the masks; pairs come from the host."""
        return self.masker.mask(batch, rng)

    def weights(self, batch: Batch) -> dict[str, jax.Array]:
        """Hidden tokens, and rows that hold a pair."""
        return {
            "loss": batch["masked_weights"].sum(),
            "pair_loss": _pairs(batch).sum(),
        }

    def sums(
        self,
        apply: Apply,
        parameters: Parameters,
        batch: Batch,
        rng: jax.Array | None,
    ) -> Sums:
        """Scores hidden tokens and pairs.

        Args:
          apply: an encoder with the methods `masked_logits` and `pair_logits`.
          parameters: of the network.
          batch: as `Masker.mask` gives it, with positions, token_types
            `[rows, length]` and pair_labels `[rows]`: 0 as found, 1 changed.
          rng: of dropout.

        Returns:
          loss (nats) and masked_accuracy over hidden tokens; pair_loss and
          pair_accuracy over pairs.
        """
        inputs = encoder_inputs(batch, batch["masked_tokens"])
        output = apply(parameters, *inputs, rng=rng)
        hidden = gather_positions(output.hidden, batch["masked_positions"])
        logits = apply(parameters, hidden, rng=None, method="masked_logits")
        masked = masked_sums(logits, batch)
        logits = apply(parameters, output.pooled, rng=None, method="pair_logits")
        scores = score_tokens(logits, batch["pair_labels"])
        pairs = _pairs(batch)
        weight = pairs.sum()
        return {
            "loss": masked["loss"],
            "masked_accuracy": masked["accuracy"],
            "pair_loss": (jnp.sum(scores.likelihood * pairs), weight),
            "pair_accuracy": (jnp.sum(scores.correct * pairs), weight),
        }


def _pairs(batch: Batch) -> jax.Array:
    """1.0 for rows that hold a pair, 0.0 for those that fill a batch up; `[rows]`."""
    return (batch["segments"] > 0).any(axis=1).astype(jnp.float32)
