"""The scene of a document: who does what to which things, where and when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .activity import Activity
from .draw import Draw
from .grammar.style import Style
from .grammar.verbs import Verb
from .lexicon.activities import ACTIVITIES
from .lexicon.people import Person
from .lexicon.things import Noun
from .lexicon.times import DAYS, Month
from .outline import Outline, outlines_of

Core = tuple[Person, Noun, Noun | None]

_STYLES: tuple[Style, ...] = ("polite", "plain")
_ACTIVITIES = tuple((activity, outlines_of(activity)) for activity in ACTIVITIES)


@dataclass(frozen=True, slots=True)
class Scene:
    """What all sentences of a document agree on.

    Attributes:
        style: Polite or plain.
        activity: What the document is about.
        outline: Which sentences it has.
        person: Who does it.
        noun: What it is done to.
        other: The second thing, done too or planned; None where there is none.
        verb: The verb for it.
        place: Where it is done; empty where the activity has no places.
        month: The month; None where the season does not matter.
        time: The day, or the moment of the month.
    """

    style: Style
    activity: Activity
    outline: Outline
    person: Person
    noun: Noun
    other: Noun | None
    verb: Verb
    place: str
    month: Month | None
    time: str


def draw_scene(draw: Draw, accepts: Callable[[Core], bool]) -> Scene:
    """Draw a scene whose person and things are accepted together."""
    style = draw.choose(_STYLES)
    activity, outlines = draw.choose(_ACTIVITIES)
    outline = draw.choose_weighted(outlines)
    two_things = outline.second or outline.ending == "next"
    nouns = activity.kind.nouns

    def propose() -> Core:
        person = draw.choose_weighted(activity.people)
        noun = draw.choose(nouns)
        if not two_things:
            return person, noun, None
        return (
            person,
            noun,
            draw.choose([candidate for candidate in nouns if candidate is not noun]),
        )

    person, noun, other = draw.choose_until(propose, accepts)
    month = draw.choose(activity.months) if activity.months else None
    return Scene(
        style=style,
        activity=activity,
        outline=outline,
        person=person,
        noun=noun,
        other=other,
        verb=draw.choose(activity.verbs),
        place=draw.choose(activity.places) if activity.places else "",
        month=month,
        time=draw.choose(month.moments if month else DAYS),
    )
