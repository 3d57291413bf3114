"""An activity: everything a document about one deed draws its words from."""

from __future__ import annotations

from dataclasses import dataclass

from .draw import Weighted
from .grammar.clause import Clause
from .grammar.verbs import Verb
from .lexicon.people import EVERYONE, Person
from .lexicon.things import Kind
from .lexicon.times import OPENING_HOURS, Month


@dataclass(frozen=True)
class Activity:
    """A deed, with what goes with it.

    Attributes:
        kind: What it is done to.
        verbs: The verbs that name it.
        particle: The particle between thing and verb.
        fondness: What someone who does it likes.
        reasons: Why it may have been done.
        thoughts: What the person may say or think about it.
        speaker: Who else is there to speak.
        sayings: What that other may say.
        followups: What may have happened then; `{noun}` and `{detail}` stand for the
            words of the thing.
        people: Who may do it.
        places: Where it is done; empty where the thing itself says so.
        place_particle: The particle after the place.
        visited: Whether a sentence of its own may tell of going to the place.
        adjuncts: What may stand before the thing, such as for whom it is done.
        hours: When in the day it is done.
        months: When in the year; empty where the season does not matter.
        outdoors: Whether it needs fine weather.
        accompanied: Whether someone may come along.
        manners: How it may be done.
        prices: What may have been paid.
        repeatable: Whether it may be done to a second thing right away.
        habitual: Whether one may plan to do the same again.
    """

    kind: Kind
    verbs: tuple[Verb, ...]
    fondness: tuple[str, ...]
    reasons: tuple[Clause, ...]
    thoughts: tuple[str, ...]
    speaker: str
    sayings: tuple[str, ...]
    followups: tuple[Clause, ...]
    particle: str = "を"
    people: Weighted[Person] = EVERYONE
    places: tuple[str, ...] = ()
    place_particle: str = "で"
    visited: bool = True
    adjuncts: tuple[str, ...] = ("",)
    hours: tuple[str, ...] = OPENING_HOURS
    months: tuple[Month, ...] = ()
    outdoors: bool = False
    accompanied: bool = True
    manners: tuple[str, ...] = ("",)
    prices: tuple[str, ...] = ()
    repeatable: bool = True
    habitual: bool = True
