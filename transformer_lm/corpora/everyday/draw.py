"""Random choices go through one class, so that the bits of a text are exact."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from random import Random
from typing import Generic, TypeVar

Option = TypeVar("Option")


@dataclass(frozen=True)
class Weighted(Generic[Option]):
    """Options of unequal probability, with what a draw needs computed once.

    Attributes:
        options: What may be drawn.
        limits: Cumulative probabilities, without the last one (which is 1).
        bits: The surprisal of each option, -log2 of its probability.
    """

    options: tuple[Option, ...]
    limits: tuple[float, ...]
    bits: tuple[float, ...]

    @classmethod
    def of(cls, pairs: Iterable[tuple[Option, float]]) -> Weighted[Option]:
        """Build from (option, weight) pairs; the weights need not sum to one."""
        options, weights = zip(*pairs, strict=True)
        total = sum(weights)
        limits = tuple(accumulate(weight / total for weight in weights))[:-1]
        return cls(
            tuple(options),
            limits,
            tuple(-math.log2(weight / total) for weight in weights),
        )


class Draw:
    """Draws from a source of randomness and adds up the surprisal of what was drawn.

    Attributes:
        bits: The sum of -log2 p over the choices made so far.
    """

    def __init__(self, random: Random) -> None:
        self.bits = 0.0
        self._uniform = random.random

    def choose(self, options: Sequence[Option]) -> Option:
        """Draw one of several options of equal probability."""
        size = len(options)
        self.bits += math.log2(size)
        return options[int(self._uniform() * size)]

    def choose_weighted(self, weighted: Weighted[Option]) -> Option:
        """Draw one of several options of given probabilities."""
        index = bisect_right(weighted.limits, self._uniform())
        self.bits += weighted.bits[index]
        return weighted.options[index]

    def choose_until(
        self, propose: Callable[[], Option], accepts: Callable[[Option], bool]
    ) -> Option:
        """Draw proposals until one is accepted.

        The bits are those that the accepted proposal has without any rejection.
        """
        bits = self.bits
        while True:
            self.bits = bits
            proposal = propose()
            if accepts(proposal):
                return proposal
