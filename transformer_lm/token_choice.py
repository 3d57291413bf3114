"""Which tokens a text may go on with: top-k, top-p, and a penalty on repetition."""

import jax
import jax.numpy as jnp


def filter_logits(
    logits: jax.Array,  # [rows, vocab]
    *,
    top_k: int,
    top_p: float,
) -> tuple[jax.Array, jax.Array]:
    """Keeps the likeliest tokens.

    Args:
      logits: scores, already divided by the temperature.
      top_k: how many tokens to keep; 0: all.
      top_p: keep the fewest tokens that have this probability together (Holtzman et al.
        2020, section 3.1); applied after `top_k`.

    Returns:
      (scores of the kept tokens from high to low, their ids), both `[rows, kept]`;
      tokens outside `top_p` have the score -inf.
    """
    kept = min(top_k, logits.shape[-1]) if top_k else logits.shape[-1]
    if kept == logits.shape[-1] and top_p == 1.0:
        ids = jnp.broadcast_to(jnp.arange(kept)[None], logits.shape)
        return logits, ids
    scores, ids = jax.lax.top_k(logits, kept)
    if top_p < 1.0:
        probabilities = jax.nn.softmax(scores, axis=-1)
        before = jnp.cumsum(probabilities, axis=-1) - probabilities
        scores = jnp.where(before < top_p, scores, -jnp.inf)
    return scores, ids


def penalise_repetition(
    logits: jax.Array,  # [rows, vocab]
    seen: jax.Array,  # [rows, vocab]
    penalty: float,
) -> jax.Array:
    """Makes tokens already in the text less likely (Keskar et al. 2019, section 4.1).

    A positive score is divided by the penalty and a negative one multiplied, as the
    published program does.
    """
    lowered = jnp.where(logits > 0, logits / penalty, logits * penalty)
    return jnp.where(seen, lowered, logits)
