"""The generator: a document is a pure function of its index, its split and the seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from .deeds import write_deed, write_payment, write_second_deed
from .draw import Draw
from .endings import write_ending
from .holdout import Combination, Split, allowed
from .openings import write_opening
from .reactions import write_quotation, write_remark
from .scene import Core, Scene, draw_scene

WRITERS = (
    write_opening,
    write_deed,
    write_second_deed,
    write_payment,
    write_remark,
    write_quotation,
    write_ending,
)


@dataclass(frozen=True)
class Document:
    """A generated document.

    Attributes:
        text: Two to six sentences without line breaks.
        bits: The surprisal of the text under the grammar, -log2 of its probability. The
            grammar is unambiguous, so that no other choices give this text. These are
            the bits of the grammar as it stands, without the rejection that keeps the
            held-out combinations apart: of a model that has learned the factors
            (people, things, what goes with what) and takes person and thing to be
            independent. A model that also knew by heart which pairs are held out would
            do better on a training document with n things by about -n log2(1 - f),
            which is 0.12 n bits at the held-out fraction f = 0.08. On a validation
            document it would do better by -n log2(f), 3.6 n bits, had it been told the
            split, and worse, without limit, had it not.
        combinations: Who does what to which thing: one combination, or two where a
            second thing is told of.
    """

    text: str
    bits: float
    combinations: tuple[Combination, ...]


def write(draw: Draw, accepts: Callable[[Core], bool]) -> tuple[str, Scene]:
    """Write a document by the choices of a draw."""
    scene = draw_scene(draw, accepts)
    return "".join(writer(draw, scene) for writer in WRITERS), scene


def generate(index: int, split: Split, seed: int = 0) -> Document:
    """Generate a document.

    Training documents have no held-out combination, validation documents no other.

    Args:
        index: The number of the document; there is no last one.
        split: Which combinations of people and things the document may have.
        seed: Changes all documents, but not which combinations are held out.

    Returns:
        The same document for the same arguments, on every machine.
    """
    draw = Draw(Random(f"{seed}/{split}/{index}"))

    def accepts(core: Core) -> bool:
        person, noun, other = core
        things = (noun.surface, other.surface) if other else (noun.surface,)
        return allowed(split, person.name, things)

    text, scene = write(draw, accepts)
    combinations = tuple(
        Combination(scene.person.name, scene.verb.dictionary, thing.surface)
        for thing in (scene.noun, scene.other)
        if thing is not None
    )
    return Document(text, draw.bits, combinations)
