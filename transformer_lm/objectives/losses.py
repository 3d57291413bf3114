"""Losses as sums over weighted positions."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

PADDED_LOGIT = -20_000.0
"""Entries of a padded vocabulary lie below, all others above."""


class TokenScores(NamedTuple):
    """How well each position is predicted; all `[...]` in float32."""

    minimised: jax.Array
    """Negative log-likelihood with label smoothing and z-loss, in nats."""
    likelihood: jax.Array
    """Plain negative log-likelihood, in nats."""
    correct: jax.Array
    """1.0 where no id scores higher than the target."""
    log_denominator: jax.Array
    """Of the softmax."""


def score_tokens(
    logits: jax.Array,  # [..., vocab]
    targets: jax.Array,  # [...]
    *,
    label_smoothing: float = 0.0,
    z_loss: float = 0.0,
) -> TokenScores:
    """Cross-entropy of each position.

    Args:
      logits: scores; entries below `PADDED_LOGIT` are no part of the vocabulary.
      targets: the right ids.
      label_smoothing: share of the target probability spread evenly over the vocabulary
        (Szegedy et al. 2016, section 7).
      z_loss: factor of the squared log of the softmax denominator (Chowdhery et al.
        2022, section 5).
    """
    logits = logits.astype(jnp.float32)
    highest = logits.max(axis=-1)
    log_denominator = jax.nn.logsumexp(logits, axis=-1)
    picked = jnp.take_along_axis(logits, targets[..., None], axis=-1)[..., 0]
    likelihood = log_denominator - picked
    minimised = likelihood
    if label_smoothing:
        mean = jnp.mean(logits, axis=-1, where=logits > PADDED_LOGIT)
        uniform = log_denominator - mean
        minimised = (1 - label_smoothing) * likelihood + label_smoothing * uniform
    if z_loss:
        minimised += z_loss * jnp.square(log_denominator)
    correct = (picked >= highest).astype(jnp.float32)
    return TokenScores(minimised, likelihood, correct, log_denominator)
