"""Sentences that close a document: a feeling, what happened then, a plan."""

from __future__ import annotations

from .draw import Draw
from .grammar.adjectives import IAdjective, Nominal
from .grammar.verbs import Verb, godan
from .lexicon.times import FUTURES
from .scene import Scene

_FEELINGS = (
    IAdjective("うれしい"),
    IAdjective("楽しい"),
    Nominal("満足"),
    Nominal("幸せ"),
    IAdjective("気分がいい"),
)
_SPANS = ("", "その日はずっと", "そのあとも", "次の日も")
_DEGREES = ("", "とても", "本当に")
_MOODS = ("intention", "wish", "resolve")


def _plan(draw: Draw, scene: Scene, verb: Verb) -> str:
    """Write the verb of a plan: the narrator tells it, of others one hears."""
    mood = draw.choose(_MOODS)
    thinking = godan("思う").progressive
    if scene.person.narrator:
        if mood == "intention":
            return Nominal(f"{verb.dictionary}つもり").conjugate(scene.style)
        wanted = verb.desiderative if mood == "wish" else verb.volitional
        return f"{wanted}と{thinking.conjugate(scene.style)}"
    if mood == "wish":
        return (
            f"{verb.desiderative}と{godan('言う').progressive.conjugate(scene.style)}"
        )
    noun = "つもり" if mood == "intention" else "予定"
    return Nominal(f"{verb.dictionary}{noun}だそう").conjugate(scene.style)


def _feeling(draw: Draw, scene: Scene) -> str:
    span = draw.choose(_SPANS)
    degree = "" if span else draw.choose(_DEGREES)
    feeling = draw.choose(_FEELINGS)
    predicate = feeling if scene.person.narrator else Nominal(feeling.appearance)
    return f"{span}{degree}{predicate.conjugate(scene.style, past=True)}。"


def write_ending(draw: Draw, scene: Scene) -> str:
    """Write the last sentence, if there is one besides the others."""
    ending = scene.outline.ending
    activity = scene.activity
    if ending == "none":
        return ""
    if ending == "followup":
        followup = draw.choose(activity.followups).ending(scene.style)
        return followup.format(noun=scene.noun.surface, detail=scene.noun.detail) + "。"
    # After the words of another person, the topic is named again.
    topic = f"{scene.person.name}は" if scene.outline.quotation == "other" else ""
    if ending == "feeling":
        return topic + _feeling(draw, scene)
    future = draw.choose(FUTURES)
    if ending == "next" and scene.other is not None:
        when = f"{future}、" if topic else f"{future}は"
        what = scene.other.surface + activity.particle
        return f"{topic}{when}{what}{_plan(draw, scene, scene.verb)}。"
    if activity.places and activity.visited:
        what, verb = f"{scene.place}に", godan("行く")
    else:
        what, verb = scene.noun.surface + activity.particle, scene.verb
    return f"{topic}{future}もまた{what}{_plan(draw, scene, verb)}。"
