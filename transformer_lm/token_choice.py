"""Which tokens a text may go on with: top-k, top-p, and a penalty on repetition."""

import jax
import jax.numpy as jnp

GROUP = 64
"""Neighbours in the vocabulary that are looked at together, by their highest score."""


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
    scores, ids = _likeliest(logits, kept)
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


def _likeliest(logits: jax.Array, kept: int) -> tuple[jax.Array, jax.Array]:
    """What `jax.lax.top_k` gives for `[rows, vocab]`, with less to sort.

    Each of the highest scores is in one of as many groups of neighbours, those with the
    highest maxima. Groups stay in their order, and so do equal scores.
    """
    rows, vocab = logits.shape
    if vocab % GROUP or vocab // GROUP <= 4 * kept:
        return jax.lax.top_k(logits, kept)
    groups = logits.reshape(rows, -1, GROUP)
    _, best = jax.lax.top_k(groups.max(axis=-1), kept)
    best = jnp.sort(best, axis=-1)
    candidates = jax.vmap(lambda row, chosen: row[chosen])(groups, best)
    scores, places = jax.lax.top_k(candidates.reshape(rows, -1), kept)
    first = jnp.take_along_axis(best, places // GROUP, axis=-1) * GROUP
    return scores, first + places % GROUP
