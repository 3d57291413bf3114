"""The outline of a document: which sentences it has, drawn before any is written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Literal

from .activity import Activity
from .draw import Weighted

Opening = Literal["none", "weather", "introduction", "fondness"]
Quotation = Literal["none", "person", "other"]
Ending = Literal["none", "feeling", "followup", "again", "next"]

_OPENINGS: dict[Opening, float] = {
    "none": 0.35,
    "weather": 0.2,
    "introduction": 0.22,
    "fondness": 0.23,
}
_QUOTATIONS: dict[Quotation, float] = {"none": 0.45, "person": 0.35, "other": 0.2}
_ENDINGS: dict[Ending, float] = {
    "none": 0.2,
    "feeling": 0.15,
    "followup": 0.3,
    "again": 0.13,
    "next": 0.22,
}
_GOING, _SECOND, _PAYMENT, _REMARK = 0.4, 0.3, 0.5, 0.4
_FEWEST_SENTENCES, _MOST_SENTENCES = 2, 6


@dataclass(frozen=True)
class Outline:
    """Which sentences stand around the deed itself.

    Attributes:
        opening: What comes first.
        going: Whether the way to the place has its own sentence.
        second: Whether the deed is done to a second thing.
        payment: Whether the price is told.
        remark: Whether the quality of the thing is told.
        quotation: Whose words are told.
        ending: What comes last.
    """

    opening: Opening
    going: bool
    second: bool
    payment: bool
    remark: bool
    quotation: Quotation
    ending: Ending

    @property
    def sentences(self) -> int:
        """The number of sentences, the deed included."""
        optional = (self.going, self.second, self.payment, self.remark)
        named = (self.opening, self.quotation, self.ending)
        return 1 + sum(optional) + sum(name != "none" for name in named)

    def suits(self, activity: Activity) -> bool:
        """Tell whether a document about the activity can have this outline.

        A second thing and a plan with another thing exclude each other. A second thing
        follows the first at once, so the weather of the month cannot come between.
        What follows the words of another person must name its subject, which the
        follow-ups do not.
        """
        return (
            _FEWEST_SENTENCES <= self.sentences <= _MOST_SENTENCES
            and not (self.going and not (activity.places and activity.visited))
            and not (self.second and not activity.repeatable)
            and not (self.payment and not activity.prices)
            and not (self.ending == "again" and not activity.habitual)
            and not (self.second and self.ending == "next")
            and not (self.second and self.opening == "weather" and activity.months)
            and not (self.quotation == "other" and self.ending == "followup")
        )


def _chance(probability: float) -> dict[bool, float]:
    return {True: probability, False: 1.0 - probability}


def _candidates() -> Iterator[tuple[Outline, float]]:
    """Every outline with the product of the probabilities of its parts."""
    flags = (
        _chance(probability) for probability in (_GOING, _SECOND, _PAYMENT, _REMARK)
    )
    tables = (_OPENINGS, *flags, _QUOTATIONS, _ENDINGS)
    for parts in product(*(table.items() for table in tables)):
        values, weights = zip(*parts, strict=True)
        yield Outline(*values), prod(weights)


def outlines_of(activity: Activity) -> Weighted[Outline]:
    """Return the outlines that suit an activity."""
    return Weighted.of(
        (outline, weight)
        for outline, weight in _candidates()
        if outline.suits(activity)
    )
