"""Sub-splits such as train[:98%]: their syntax, and which records belong to one."""

import re
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from transformer_lm.registry import UserError

_PERCENT = re.compile(r"(\w+)(?:\[(?:(\d+(?:\.\d+)?)%)?:(?:(\d+(?:\.\d+)?)%)?\])?")
_BOUND = r"(?:-?\d+(?:%|shard)?)?"
_TFDS = re.compile(
    rf"\w+(?:\[{_BOUND}:{_BOUND}\])?(?:\+\w+(?:\[{_BOUND}:{_BOUND}\])?)*"
)

_GOLDEN = np.uint64(0x9E37_79B9_7F4A_7C15)
"""2**64 divided by the golden ratio."""


@dataclass(frozen=True)
class PercentSplit:
    """A share of a split's records, spread evenly over all of them.

    Record `i` lies at the fractional part of `(i + 1) / golden ratio`: any run of
    records, even a short one, is divided about as the percentages say (the sequence
    has low discrepancy), and the number of records need not be known.

    >>> PercentSplit.parse("train[80%:]").keeps(np.arange(10)).astype(int)
    array([0, 0, 1, 0, 0, 0, 0, 1, 0, 0])
    """

    name: str
    lower: Fraction = Fraction(0)
    upper: Fraction = Fraction(1)

    @classmethod
    def parse(cls, text: str) -> "PercentSplit":
        """Reads `name`, or `name[a%:b%]` where a or b may be left out.

        Raises:
          UserError: if the text is neither, or the range is empty.
        """
        match = _PERCENT.fullmatch(text.replace(" ", ""))
        if match is None:
            raise UserError(
                f"{text!r} is no sub-split; write for instance train, train[:98%] or"
                " train[98%:] (these data sets are divided by percent only)"
            )
        name, lower, upper = match.groups()
        split = cls(name, Fraction(lower or 0) / 100, Fraction(upper or 100) / 100)
        if not 0 <= split.lower < split.upper <= 1:
            raise UserError(f"{text!r} is an empty range; percents rise from 0 to 100")
        return split

    def keeps(self, index: np.ndarray) -> np.ndarray:
        """Returns for each record number whether the record belongs to the split."""
        place = (index.astype(np.uint64) + np.uint64(1)) * _GOLDEN  # Modulo 2**64.
        first = np.uint64(int(self.lower * 2**64))
        last = np.uint64(int(self.upper * 2**64) - 1)
        return (first <= place) & (place <= last)

    def overlaps(self, other: "PercentSplit") -> bool:
        """Whether some records could belong to both."""
        shared = max(self.lower, other.lower) < min(self.upper, other.upper)
        return self.name == other.name and shared


def percent_problems(key: str, text: str, names: tuple[str, ...]) -> list[str]:
    """Lists what is wrong with a sub-split by percent, set as config key `key`."""
    try:
        split = PercentSplit.parse(text)
    except UserError as error:
        return [f"{key}: {error}"]
    if split.name in names:
        return []
    return [f"{key}={text!r}: the data set has only {' and '.join(names)}"]


def tfds_problems(key: str, text: str) -> list[str]:
    """Lists what is wrong with a TFDS split, set as config key `key`."""
    if _TFDS.fullmatch(text.replace(" ", "")):
        return []
    return [
        f"{key}={text!r} is no TFDS split; write for instance train, train[:98%],"
        " train[1000:2000] or train+test"
    ]
