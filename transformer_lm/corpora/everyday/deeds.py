"""Sentences about the deed: the way there, the deed, a second thing, the price."""

from __future__ import annotations

from .draw import Draw, Weighted
from .grammar.adjectives import Nominal
from .grammar.verbs import godan, ichidan
from .openings import write_start, write_weather_of_month
from .scene import Scene

_GOING = (godan("行く"), ichidan("出かける"))
_TRANSPORT = (
    "",
    "歩いて",
    "自転車で",
    "バスで",
    "電車で",
    "車で",
    "地下鉄で",
    "タクシーで",
)
_HAS_COMPANION = Weighted.of(((True, 0.35), (False, 0.65)))
_HAS_REASON = Weighted.of(((True, 0.5), (False, 0.5)))
_LINKS = ("", "そこで")
_CONNECTIVES = ("それから", "そのあと", "ついでに", "さらに", "続けて")


def _companion(draw: Draw, scene: Scene) -> str:
    if scene.activity.accompanied and draw.choose_weighted(_HAS_COMPANION):
        return draw.choose(scene.person.companions)
    return ""


def _reason(draw: Draw, scene: Scene) -> str:
    if draw.choose_weighted(_HAS_REASON):
        return f"{draw.choose(scene.activity.reasons).as_reason}、"
    return ""


def _thing_and_verb(draw: Draw, scene: Scene) -> str:
    """Write for whom, to what, how, how much, and the verb.

    Example: 友達のために熱い味噌汁を手早く三人分作った.
    """
    activity = scene.activity
    adjunct = draw.choose(activity.adjuncts)
    thing = draw.choose(activity.kind.modifiers) + scene.noun.surface
    manner = draw.choose(activity.manners) + draw.choose(scene.noun.measures)
    verb = scene.verb.conjugate(scene.style, past=True)
    return f"{adjunct}{thing}{activity.particle}{manner}{verb}"


def write_deed(draw: Draw, scene: Scene) -> str:
    """Write the deed, in one sentence or in two with the way there.

    The weather of a month follows the first of them.
    """
    start = write_start(draw, scene)
    companion = _companion(draw, scene)
    if not scene.outline.going:
        start += _reason(draw, scene)
        where = scene.place and scene.place + scene.activity.place_particle
        deed = f"{start}{companion}{where}{_thing_and_verb(draw, scene)}。"
        return deed + write_weather_of_month(draw, scene)
    transport = draw.choose(_TRANSPORT)
    verb = draw.choose(_GOING).conjugate(scene.style, past=True)
    weather = write_weather_of_month(draw, scene)
    # After a sentence on the weather, そこで would be read as "therefore".
    link = _reason(draw, scene) or ("" if weather else draw.choose(_LINKS))
    going = f"{start}{companion}{transport}{scene.place}に{verb}。{weather}"
    return f"{going}{link}{_thing_and_verb(draw, scene)}。"


def write_second_deed(draw: Draw, scene: Scene) -> str:
    """Write that the deed was done to a second thing too, if it was."""
    if not scene.outline.second or scene.other is None:
        return ""
    measure = draw.choose(scene.other.measures)
    verb = scene.verb.conjugate(scene.style, past=True)
    return f"{draw.choose(_CONNECTIVES)}、{scene.other.surface}も{measure}{verb}。"


def write_payment(draw: Draw, scene: Scene) -> str:
    """Write what it cost, if the outline says so."""
    if not scene.outline.payment:
        return ""
    price = Nominal(draw.choose(scene.activity.prices))
    whole = "全部で" if scene.outline.second else ""
    return f"代金は{whole}{price.conjugate(scene.style, past=True)}。"
