"""The sample is random, bounded, and a function of the seed and the lines alone."""

import itertools
import random

from transformer_lm.tokenizers.training_sample import sample_lines

LINES = [f"{number}番目の行" + "。" * (number % 7) for number in range(3000)]


def test_the_sample_has_the_asked_for_size():
    drawn = sample_lines(LINES, 2000, seed=0)
    sizes = [len(line) for line in drawn]
    assert sum(sizes) >= 2000 > sum(sizes[:-1])
    assert len(set(drawn)) == len(drawn)
    assert set(drawn) < set(LINES)
    assert sorted(sample_lines(LINES, 10**9, seed=0)) == sorted(LINES)


def test_the_order_of_the_text_does_not_matter_but_the_seed_does():
    drawn = sample_lines(LINES, 2000, seed=0)
    shuffled = random.Random(0).sample(LINES, len(LINES))
    assert sample_lines(iter(shuffled), 2000, seed=0) == drawn
    assert sample_lines(LINES, 2000, seed=1) != drawn
    assert sample_lines(LINES, 2000, seed=-1) != drawn


def test_every_part_of_the_text_is_drawn_from():
    drawn = sample_lines(LINES, 5000, seed=4)
    numbers = [LINES.index(line) for line in drawn]
    share = [
        sum(n // 1000 == part for n in numbers) / len(numbers) for part in range(3)
    ]
    assert all(0.25 < part < 0.42 for part in share)
    # In random order, not in that of the text.
    assert sum(a < b for a, b in itertools.pairwise(numbers)) < len(numbers) * 0.6
