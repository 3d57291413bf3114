"""A clause: fixed words followed by a predicate that is still to be conjugated."""

from __future__ import annotations

from dataclasses import dataclass

from .style import Predicate, Style


@dataclass(frozen=True)
class Clause:
    """Words and the predicate they end in, with its tense.

    Example:
        >>> Clause("雨が", godan("降る").progressive).ending("polite")
        '雨が降っていました'
    """

    words: str
    predicate: Predicate
    past: bool = True
    negative: bool = False

    def ending(self, style: Style) -> str:
        """Return the clause as the end of a sentence."""
        return self.words + self.predicate.conjugate(
            style, past=self.past, negative=self.negative
        )

    @property
    def as_reason(self) -> str:
        """The clause with ので: 値段が安かったので."""
        return (
            self.words
            + self.predicate.before_node(past=self.past, negative=self.negative)
            + "ので"
        )
