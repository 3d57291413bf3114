"""Sentences that answer the deed: what the thing was like, and what someone said."""

from __future__ import annotations

from .draw import Draw
from .grammar.adjectives import Nominal
from .grammar.clause import Clause
from .grammar.verbs import godan
from .scene import Scene

_DEGREES = ("", "とても", "本当に", "思ったより", "かなり", "なかなか")
_SAYING = (
    Clause("と", godan("言う")),
    Clause("と", godan("話す").progressive),
    Clause("と", godan("つぶやく")),
)
_ADDRESSING = (Clause("と", godan("言う")), Clause("と", godan("話す")))
_THINKING = Clause("と", godan("思う"))
_VOICES = ("", "笑いながら", "小さな声で", "しみじみと", "うなずきながら")
_FACES = ("", "笑顔で", "優しく", "静かに")


def write_remark(draw: Draw, scene: Scene) -> str:
    """Write what the thing was like; of how it felt to others, one only hears."""
    if not scene.outline.remark:
        return ""
    kind = scene.activity.kind
    subject = (
        "どちらも"
        if scene.outline.second
        else f"{kind.demonstrative}{scene.noun.surface}は"
    )
    degree = draw.choose(_DEGREES)
    remark = draw.choose(kind.remarks)
    if remark.hearsay and not scene.person.narrator:
        quality = Nominal(
            remark.quality.conjugate("plain", past=True) + "そう"
        ).conjugate(scene.style)
    else:
        quality = remark.quality.conjugate(scene.style, past=True)
    return f"{subject}{degree}{quality}。"


def write_quotation(draw: Draw, scene: Scene) -> str:
    """Write what the person or someone else said; the narrator thinks it instead."""
    if scene.outline.quotation == "none":
        return ""
    if scene.outline.quotation == "other":
        words = draw.choose(scene.activity.sayings)
        saying = draw.choose(_ADDRESSING).ending(scene.style)
        return f"{scene.activity.speaker}は{draw.choose(_FACES)}「{words}」{saying}。"
    words = draw.choose(scene.activity.thoughts)
    name = scene.person.name
    if scene.person.narrator:
        return f"{name}は「{words}」{_THINKING.ending(scene.style)}。"
    saying = draw.choose(_SAYING).ending(scene.style)
    return f"{name}は{draw.choose(_VOICES)}「{words}」{saying}。"
