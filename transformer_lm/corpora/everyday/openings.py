"""Sentences that open a document: the weather, who someone is, what someone likes."""

from __future__ import annotations

from .draw import Draw
from .grammar.adjectives import Nominal
from .lexicon.times import ANY_WEATHER, FINE_WEATHER
from .scene import Scene

_FOND = tuple(
    Nominal(words)
    for words in ("好き", "大好き", "とても好き", "昔から好き", "何より好き")
)


def write_opening(draw: Draw, scene: Scene) -> str:
    """Write what stands before the deed, if anything does."""
    name = scene.person.name
    if scene.outline.opening == "introduction":
        return f"{name}は{scene.person.occupation.conjugate(scene.style)}。"
    if scene.outline.opening == "fondness":
        liked = draw.choose(scene.activity.fondness)
        fond = draw.choose(_FOND)
        return f"{name}は{liked}が{fond.conjugate(scene.style)}。"
    if scene.outline.opening == "weather" and scene.month is None:
        weather = draw.choose(FINE_WEATHER if scene.activity.outdoors else ANY_WEATHER)
        return f"{scene.time}は{weather.ending(scene.style)}。"
    return ""


def write_weather_of_month(draw: Draw, scene: Scene) -> str:
    """Write the weather of a day, to follow the sentence that names the month."""
    if scene.outline.opening != "weather" or scene.month is None:
        return ""
    return f"その日は{draw.choose(scene.month.weather).ending(scene.style)}。"


def write_start(draw: Draw, scene: Scene) -> str:
    """Write time and topic, as far as the opening has not said them."""
    topic = f"{scene.person.name}は"
    opening = scene.outline.opening
    if opening == "weather" and scene.month is None:
        return topic
    hour = "" if scene.month else draw.choose(scene.activity.hours)
    return f"{scene.time}{hour}、" + (
        "" if opening in ("introduction", "fondness") else topic
    )
