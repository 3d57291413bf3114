"""Settings of masking: which tokens are hidden, and by what."""

import math
from dataclasses import dataclass
from typing import NamedTuple


class Replacement(NamedTuple):
    """What becomes of a token that is to be predicted; the rest stays as it is."""

    mask: float
    """Share that becomes the mask token."""
    random: float
    """Share that becomes any token but special ones."""


PRESETS = {
    "bert": Replacement(0.8, 0.1),
    "rinna": Replacement(1.0, 0.0),
    "electra": Replacement(0.85, 0.0),
}
UNITS = ("token", "word", "ngram")
BUDGETS = ("exact", "bernoulli")


@dataclass(frozen=True)
class Masking:
    """Which tokens are hidden, and how; the defaults are those of BERT."""

    masking_probability: float = 0.15
    """Share of the tokens, special ones included, that are to be predicted."""
    masking_preset: str = "bert"
    """Mask, random, unchanged: bert 80/10/10, rinna 100/0/0, electra 85/0/15 %."""
    masking_unit: str = "token"
    """What is hidden as a whole: token, word, or ngram (of words)."""
    max_ngram: int = 3
    """Words in the longest n-gram; n is drawn with probability ~ 1/n."""
    masking_budget: str = "exact"
    """exact: so many tokens a row; bernoulli: each token by itself (token only)."""
    max_predictions: int | None = None
    """Most predictions a row; unset: as many as masking_probability asks for."""

    def problems(self) -> list[str]:
        """Lists what cannot work, a line each."""
        problems = []
        if not 0 < self.masking_probability < 1:
            problems.append(
                f"masking_probability={self.masking_probability} must lie in (0, 1)"
            )
        choices = {
            "masking_preset": tuple(PRESETS),
            "masking_unit": UNITS,
            "masking_budget": BUDGETS,
        }
        problems += [
            f"{name}={getattr(self, name)!r} is unknown; choose from {', '.join(known)}"
            for name, known in choices.items()
            if getattr(self, name) not in known
        ]
        problems += [
            f"{name}={getattr(self, name)} must be at least 1"
            for name in ("max_ngram", "max_predictions")
            if getattr(self, name) is not None and getattr(self, name) < 1
        ]
        if self.masking_budget == "bernoulli" and self.masking_unit != "token":
            problems.append(
                f"masking_budget='bernoulli' draws each token by itself;"
                f" masking_unit={self.masking_unit!r} needs masking_budget='exact'"
            )
        return problems

    def predictions(self, length: int) -> int:
        """Returns the slots for predictions in a row of `length` tokens.

        An exact budget never needs more. With bernoulli it is six standard deviations
        above the mean: at 128 tokens and 15 %, fewer than one row in ten million has
        more, and loses the excess.
        """
        mean = self.masking_probability * length
        most = max(1, round(mean))
        if self.masking_budget == "bernoulli":
            deviation = math.sqrt(mean * (1 - self.masking_probability))
            most = math.ceil(mean + 6 * deviation)
        return min(length, most, self.max_predictions or most)
