"""Which combinations of a person and a thing are kept for validation."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from typing import Literal

Split = Literal["train", "validation"]

HELD_OUT_FRACTION = 0.08


@dataclass(frozen=True)
class Combination:
    """Who does what to which thing: what the other split must not have.

    Attributes:
        person: The name of the person.
        verb: The dictionary form of the verb.
        thing: The noun.
    """

    person: str
    verb: str
    thing: str


@cache
def is_held_out(person: str, thing: str) -> bool:
    """Tell whether a person and a thing meet in validation documents only.

    The verb does not enter the decision: were 佐藤さん and 小説 held out for 借りる
    only, the documents with 読む would tell of them all the same. The answer depends
    on the words alone, so that it is the same for every seed.
    """
    digest = blake2b(f"{person}/{thing}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") < HELD_OUT_FRACTION * 2**64


def allowed(split: Split, person: str, things: tuple[str, ...]) -> bool:
    """Tell whether a split may have a document about a person and these things."""
    wanted = split == "validation"
    return all(is_held_out(person, thing) == wanted for thing in things)
