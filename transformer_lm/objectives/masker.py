"""Hides tokens that are to be predicted, on the device, anew at each step."""

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp

from transformer_lm.objectives.interface import Batch
from transformer_lm.objectives.masking import PRESETS, Masking
from transformer_lm.objectives.selection import (
    draw_bernoulli,
    draw_tokens,
    word_units,
)
from transformer_lm.objectives.vocabulary import Vocabulary
from transformer_lm.registry import UserError


@dataclass(frozen=True)
class Masker:
    """Masking of the tokens of one vocabulary.

    Raises:
      UserError: if the vocabulary has no mask token.
    """

    settings: Masking
    vocabulary: Vocabulary

    def __post_init__(self) -> None:
        if self.vocabulary.mask_id is None:
            raise UserError(
                "the tokenizer has no mask token, which this objective needs; choose"
                " one that was trained with a mask token, or objective=causal_lm"
            )

    def mask(self, batch: Batch, rng: jax.Array) -> dict[str, jax.Array]:
        """Adds what the network sees and is to predict.

        Args:
          batch: tokens, segments `[rows, length]`; for words and n-grams, word_starts.
          rng: key.

        Returns:
          The batch with masked_tokens `[rows, length]`, the input; and, of each
          prediction, masked_positions (each at most once a row), masked_targets and
          masked_weights (0: an unused slot) `[rows, predictions]`.
        """
        selection_rng, replacement_rng = jax.random.split(rng)
        tokens = batch["tokens"]
        selected = self.select(batch, selection_rng)
        count = self.settings.predictions(tokens.shape[1])
        positions = jnp.argsort(~selected, axis=1)[:, :count]  # [rows, predictions]
        weights = jnp.take_along_axis(selected, positions, axis=1)
        replaced = self.replace(tokens, replacement_rng)
        return {
            **batch,
            "masked_tokens": jnp.where(selected, replaced, tokens),
            "masked_positions": positions,
            "masked_targets": jnp.take_along_axis(tokens, positions, axis=1),
            "masked_weights": weights.astype(jnp.float32),
        }

    def select(self, batch: Batch, rng: jax.Array) -> jax.Array:
        """Draws the tokens to predict: `[rows, length]` booleans."""
        settings = self.settings
        tokens, real = batch["tokens"], batch["segments"] > 0
        maskable = real & ~_is_any(tokens, self.vocabulary.reserved_ids)
        length = tokens.shape[1]
        limit = settings.predictions(length)
        if settings.masking_budget == "bernoulli":
            return draw_bernoulli(rng, maskable, settings.masking_probability, limit)
        starts = maskable
        if settings.masking_unit != "token":
            if "word_starts" not in batch:
                raise UserError(
                    f"masking_unit={settings.masking_unit!r} needs to know where words"
                    " begin, and this tokenizer does not tell; set masking_unit='token'"
                )
            starts = word_units(maskable, batch["word_starts"])
        # A table, for float32 would round some products the other way.
        budgets = [
            min(limit, max(1, round(settings.masking_probability * size)))
            for size in range(length + 1)
        ]
        budget = jnp.asarray(budgets)[real.sum(axis=1)]  # [rows]
        max_ngram = settings.max_ngram if settings.masking_unit == "ngram" else 1
        return draw_tokens(rng, maskable, starts, budget, max_ngram)

    def replace(self, tokens: jax.Array, rng: jax.Array) -> jax.Array:
        """Draws what each token would be replaced by: `[rows, length]`."""
        preset = PRESETS[self.settings.masking_preset]
        mask_id = self.vocabulary.mask_id
        assert mask_id is not None
        kind_rng, token_rng = jax.random.split(rng)
        kind = jax.random.uniform(kind_rng, tokens.shape)
        replaced = jnp.where(kind < preset.mask, mask_id, tokens)
        if preset.random:
            reserved = self.vocabulary.reserved_ids
            number = jax.random.randint(
                token_rng, tokens.shape, 0, self.vocabulary.size - len(reserved)
            )
            for special in reserved:
                number += number >= special
            is_random = (kind >= preset.mask) & (kind < preset.mask + preset.random)
            replaced = jnp.where(is_random, number, replaced)
        return replaced.astype(tokens.dtype)


def gather_positions(
    hidden: jax.Array,  # [rows, length, embed]
    positions: jax.Array,  # [rows, predictions]
) -> jax.Array:
    """Picks positions, so that only they go through a head.

    Returns:
      `[rows, predictions, embed]`.
    """
    return jnp.take_along_axis(hidden, positions[..., None], axis=1)


def _is_any(tokens: jax.Array, ids: Sequence[int]) -> jax.Array:
    """Whether each token is one of a few ids."""
    found = jnp.zeros(tokens.shape, bool)
    for special in ids:
        found |= tokens == special
    return found
