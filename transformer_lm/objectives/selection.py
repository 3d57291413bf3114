"""Which tokens of a row are to be predicted: drawn on the device, in static shapes.

Tokens are drawn in units that stay whole: single tokens or words. Units stand in random
order, and are taken one after the other as long as the row's budget lasts.
"""

import jax
import jax.numpy as jnp

NO_UNIT = 2.0
"""Sorts behind every draw, which lies in [0, 1)."""


def word_units(
    maskable: jax.Array,  # [rows, length]
    word_starts: jax.Array,  # [rows, length]
) -> jax.Array:
    """Marks the first token of each word; `[rows, length]` booleans.

    A word ends before the next word and before any token that must not be masked.

    Args:
      maskable: False for special tokens and padding.
      word_starts: nonzero where a token begins a word.
    """
    after_gap = jnp.pad(~maskable, ((0, 0), (1, 0)), constant_values=True)[:, :-1]
    return maskable & ((word_starts != 0) | after_gap)


def draw_tokens(
    rng: jax.Array,
    maskable: jax.Array,  # [rows, length]
    starts: jax.Array,  # [rows, length]
    budget: jax.Array,  # [rows]
    max_ngram: int = 1,
) -> jax.Array:
    """Takes whole units in random order, passing over those that exceed the budget.

    The order of Devlin et al. 2019 (published code), and of Lan et al. 2020, section
    4.1, for n-grams: n-grams are in random order and their words in that of the text,
    so the n-gram that the budget cannot hold gives as many words as fit.

    Args:
      rng: key.
      maskable: False for special tokens and padding.
      starts: True at the first token of each unit.
      budget: the most tokens to take in each row.
      max_ngram: longest n-gram of units; n is drawn with probability in proportion to
        1/n.

    Returns:
      True for tokens that are taken, `[rows, length]`.
    """
    order_rng, ngram_rng = jax.random.split(rng)
    draws = jax.random.uniform(order_rng, starts.shape)
    if max_ngram > 1:
        begins = ngram_starts(ngram_rng, maskable, starts, max_ngram)
        draws = jnp.take_along_axis(draws, _latest(begins), axis=1)
    # The sort is stable: the words of an n-gram share a draw and stay in order.
    order = jnp.argsort(jnp.where(starts, draws, NO_UNIT), axis=1)
    lengths = jnp.take_along_axis(_unit_lengths(maskable, starts), order, axis=1)
    taken = take_in_order(lengths, budget)
    taken = jnp.take_along_axis(taken, jnp.argsort(order, axis=1), axis=1)
    return maskable & jnp.take_along_axis(taken, _latest(starts), axis=1)


def draw_bernoulli(
    rng: jax.Array,
    maskable: jax.Array,  # [rows, length]
    probability: float,
    limit: int,
) -> jax.Array:
    """Takes each token by itself with a probability; `[rows, length]` booleans.

    Should a row get more than `limit`, those with the highest draws are left out, which
    favours no position.
    """
    draws = jax.random.uniform(rng, maskable.shape)
    draws = jnp.where(maskable, draws, NO_UNIT)
    rank = jnp.argsort(jnp.argsort(draws, axis=1), axis=1)
    return (draws < probability) & (rank < limit)


def take_in_order(
    lengths: jax.Array,  # [rows, units]
    budget: jax.Array,  # [rows]
) -> jax.Array:
    """Goes through units in order and takes each that the budget can still hold.

    Equal to a loop over units, in far fewer rounds: a round takes all units before the
    first one that does not fit. With a budget of 6 and lengths 3 1 4 2 1, round one
    takes 3 1, round two 2.

    Args:
      lengths: of the units in tokens; 0: no unit.
      budget: the most tokens to take.

    Returns:
      True for units that are taken, `[rows, units]`.
    """

    def take(state: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        taken, _ = state
        left = budget - jnp.where(taken, lengths, 0).sum(axis=1)
        fitting = ~taken & (lengths > 0) & (lengths <= left[:, None])
        total = jnp.cumsum(jnp.where(fitting, lengths, 0), axis=1)
        return taken | (fitting & (total <= left[:, None])), fitting.any()

    nothing = jnp.zeros(lengths.shape, bool)
    taken, _ = jax.lax.while_loop(
        lambda state: state[1], take, (nothing, jnp.asarray(True))
    )
    return taken


def ngram_starts(
    rng: jax.Array,
    maskable: jax.Array,  # [rows, length]
    starts: jax.Array,  # [rows, length]
    max_ngram: int,
) -> jax.Array:
    """Divides each row into n-grams of units, each n with probability ~ 1/n.

    Returns:
      True at the first token of each n-gram, `[rows, length]`.
    """
    sizes = jnp.arange(1, max_ngram + 1)
    drawn = 1 + jax.random.categorical(rng, -jnp.log(sizes), shape=starts.shape)
    # Each token maps "units still to come in this n-gram" before it to that after it.
    left = jnp.arange(max_ngram)[None, None]  # [1, 1, left]
    begun = jnp.where(left == 0, drawn[..., None] - 1, left - 1)
    maps = jnp.where(starts[..., None], begun, left)
    maps = jnp.where(maskable[..., None], maps, 0)  # [rows, length, left]

    def compose(first: jax.Array, second: jax.Array) -> jax.Array:
        return jnp.take_along_axis(second, first, axis=-1)

    after = jax.lax.associative_scan(compose, maps, axis=1)[..., 0]
    before = jnp.pad(after, ((0, 0), (1, 0)))[:, :-1]  # [rows, length]
    return starts & (before == 0)


def _latest(marks: jax.Array) -> jax.Array:
    """Place of the last mark at or before each position; `[rows, length]`."""
    places = jnp.arange(marks.shape[1])[None]
    return jax.lax.cummax(jnp.where(marks, places, 0), axis=1)


def _unit_lengths(maskable: jax.Array, starts: jax.Array) -> jax.Array:
    """Tokens of the unit that begins at each position, else 0; `[rows, length]`."""
    length = starts.shape[1]
    places = jnp.arange(length)[None]
    borders = jnp.where(starts | ~maskable, places, length)
    following = jax.lax.cummin(borders, axis=1, reverse=True)
    following = jnp.pad(following, ((0, 0), (0, 1)), constant_values=length)[:, 1:]
    return jnp.where(starts, following - places, 0)
