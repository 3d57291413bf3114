import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from transformer_lm.objectives.selection import (
    draw_bernoulli,
    draw_tokens,
    ngram_starts,
    take_in_order,
    word_units,
)

ROWS, LENGTH = 400, 256
draw_units = jax.jit(draw_tokens, static_argnames="max_ngram")


@pytest.fixture(scope="module")
def words():
    """Real tokens with gaps, and where their words start."""
    draw = np.random.default_rng(0)
    maskable = jnp.asarray(draw.random((ROWS, LENGTH)) < 0.95)
    return maskable, word_units(
        maskable, jnp.asarray(draw.random((ROWS, LENGTH)) < 0.6)
    )


def one_by_one(lengths, budget):
    taken = []
    for length in lengths:
        taken.append(0 < length <= budget)
        budget -= length * taken[-1]
    return taken


def test_taking_in_rounds_equals_a_loop_over_units():
    draw = np.random.default_rng(0)
    lengths = draw.integers(0, 10, (2000, 24))
    budget = draw.integers(0, 41, 2000)
    found = jax.jit(take_in_order)(jnp.asarray(lengths), jnp.asarray(budget))
    expected = [one_by_one(*row) for row in zip(lengths, budget, strict=True)]
    assert (np.asarray(found) == expected).all()


def test_words_end_at_special_tokens():
    maskable = jnp.asarray([[0, 1, 1, 1, 0, 1, 1, 0]], bool)
    starts = jnp.asarray([[1, 0, 0, 1, 0, 0, 0, 1]])
    found = word_units(maskable, starts)[0].astype(int).tolist()
    assert found == [0, 1, 0, 1, 0, 1, 0, 0]


@pytest.mark.parametrize("max_ngram", [1, 3])
def test_words_stay_whole(words, max_ngram):
    maskable, starts = words
    budget = jnp.full(ROWS, 38)
    taken = draw_units(jax.random.key(0), maskable, starts, budget, max_ngram)
    taken, starts, maskable = map(np.asarray, (taken, starts, maskable))
    assert not (taken & ~maskable).any()
    inside = maskable[:, 1:] & ~starts[:, 1:]
    assert (taken[:, 1:] == taken[:, :-1])[inside].all()
    # There are words of one token, so that nothing is left over.
    assert (taken.sum(1) == 38).all()


def test_every_word_is_as_likely_as_any_other(words):
    maskable, starts = words
    budget = jnp.full(ROWS, 38)
    keys = jax.random.split(jax.random.key(1), 20)
    taken = [np.asarray(draw_units(key, maskable, starts, budget, 3)) for key in keys]
    share = np.mean(taken, (0, 1)) / np.asarray(maskable).mean(0)
    deviation = np.sqrt(0.15 * 0.85 / (20 * ROWS))
    # Tokens of a word and words of an n-gram come together: twice as wide.
    assert np.abs(share - share.mean()).max() < 2 * 4.5 * deviation


def test_ngrams_have_their_probabilities(words):
    maskable, starts = words
    divide = jax.jit(ngram_starts, static_argnums=3)
    begins = divide(jax.random.key(0), maskable, starts, 3)
    begins, starts = np.asarray(begins), np.asarray(starts)
    sizes = []
    for row in range(ROWS):
        places = np.flatnonzero(starts[row])
        borders = np.flatnonzero(begins[row][places])
        # N-grams that a special token cuts off do not count.
        gaps = np.add.accumulate(~np.asarray(maskable)[row])[places]
        for first, last in itertools.pairwise(borders):
            if gaps[first] == gaps[min(first + 3, len(gaps) - 1)]:
                sizes.append(last - first)
    share = np.bincount(sizes, minlength=4)[1:] / len(sizes)
    expected = np.array([6, 3, 2]) / 11
    deviation = np.sqrt(expected * (1 - expected) / len(sizes))
    assert len(sizes) > 10_000
    assert (np.abs(share - expected) < 4 * deviation).all()


def test_the_budget_cuts_an_ngram_short():
    maskable = jnp.ones((64, 12), bool)
    taken = draw_units(jax.random.key(0), maskable, maskable, jnp.full(64, 2), 12)
    assert (np.asarray(taken).sum(1) == 2).all()


def test_bernoulli_drops_the_excess_anywhere():
    maskable = jnp.ones((4000, 16), bool)
    taken = np.asarray(draw_bernoulli(jax.random.key(0), maskable, 0.5, 4))
    assert taken.sum(1).max() == 4
    share = taken.mean(0)
    deviation = np.sqrt(0.25 * 0.75 / 4000)
    assert np.abs(share - share.mean()).max() < 4 * deviation
