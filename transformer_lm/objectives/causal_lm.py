"""Next-token prediction."""

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass

import jax
import jax.numpy as jnp

from transformer_lm.objectives.interface import Apply, Batch, Parameters, Sums
from transformer_lm.objectives.losses import score_tokens
from transformer_lm.objectives.tiled_scores import tiled_scores
from transformer_lm.objectives.vocabulary import Vocabulary


@dataclass(frozen=True)
class CausalLM:
    """Predicts each target from the tokens up to it in the same document."""

    label_smoothing: float = 0.0
    """Share of the target probability spread evenly over the vocabulary."""
    z_loss: float = 0.0
    """Factor of the squared log of the softmax denominator; 1e-4 is usual."""

    logits_memory_gib: float = 2.0
    """Memory of a device for its float32 logits; larger ones are computed in tiles, and
    again in the backward pass. The gradient takes as much once more.
    """

    rows = "causal"
    metrics = ("objective", "loss", "accuracy", "bits_per_character", "perplexity")

    def problems(self) -> list[str]:
        """Lists what cannot work, a line each."""
        problems = []
        if not 0 <= self.label_smoothing < 1:
            problems.append(
                f"label_smoothing={self.label_smoothing} must lie in [0, 1)"
            )
        if self.z_loss < 0:
            problems.append(f"z_loss={self.z_loss} must be at least 0")
        if self.logits_memory_gib <= 0:
            problems.append(f"logits_memory_gib={self.logits_memory_gib} must be > 0")
        return problems

    def bind(self, vocabulary: Vocabulary) -> "CausalLM":
        """Nothing depends on the vocabulary."""
        del vocabulary
        return self

    def terms(self) -> Mapping[str, float]:
        """The smoothed, penalised loss is minimised; the plain one is reported."""
        return {"objective": 1.0}

    def prepare(self, batch: Batch, rng: jax.Array) -> Batch:
        """Nothing is drawn at random."""
        del rng
        return batch

    def weights(self, batch: Batch) -> dict[str, jax.Array]:
        """Real targets in the batch."""
        return {"objective": batch["weights"].sum()}

    def sums(
        self,
        apply: Apply,
        parameters: Parameters,
        batch: Batch,
        rng: jax.Array | None,
    ) -> Sums:
        """Scores the batch's targets.

        Args:
          apply: a decoder, called with tokens, positions, segments.
          parameters: of the network.
          batch: tokens, targets, positions, segments, weights `[rows, length]`; and,
            in evaluation, characters `[rows]`: of the text that the targets stand for.
          rng: of dropout.

        Returns:
          objective, loss, accuracy over targets; bits_per_character over characters.
        """
        output = apply(
            parameters, batch["tokens"], batch["positions"], batch["segments"], rng=rng
        )
        smoothing = {"label_smoothing": self.label_smoothing, "z_loss": self.z_loss}
        # Logits that nobody reads are not computed.
        scores = tiled_scores(
            functools.partial(apply, rng=None, method="logits"),
            parameters,
            output.hidden,
            batch["targets"],
            gib=self.logits_memory_gib,
            **smoothing,
        ) or score_tokens(output.logits, batch["targets"], **smoothing)
        weights = batch["weights"]
        weight = weights.sum()
        loss = jnp.sum(scores.likelihood * weights)
        sums = {
            "objective": (jnp.sum(scores.minimised * weights), weight),
            "loss": (loss, weight),
            "accuracy": (jnp.sum(scores.correct * weights), weight),
        }
        if rng is None:
            characters = batch["characters"].sum()
            sums["bits_per_character"] = (loss / math.log(2), characters)
        return sums
