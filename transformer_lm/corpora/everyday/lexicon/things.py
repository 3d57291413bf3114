"""Kinds of things: nouns with their counters, and what can be said of a kind."""

from __future__ import annotations

from dataclasses import dataclass

from transformer_lm.corpora.everyday.grammar.adjectives import (
    Adjective,
    IAdjective,
    Nominal,
)
from transformer_lm.corpora.everyday.grammar.numerals import kanji

# How many of a thing one has to do with, by its counter; without a number first.
_NUMBERS = {
    "個": range(2, 7),
    "つ": range(2, 5),
    "本": range(2, 6),
    "冊": range(1, 4),
    "枚": range(2, 6),
    "杯": range(1, 3),
    "通": range(1, 4),
    "匹": range(2, 8),
    "羽": range(2, 8),
    "頭": range(2, 5),
    "株": range(2, 7),
    "人分": range(2, 6),
}
DURATIONS = ("", "三十分ほど", "一時間", "一時間半", "二時間", "三時間")
SHORT_DURATIONS = (
    "",
    "二十分ほど",
    "三十分ほど",
    "四十分ほど",
    "一時間ほど",
    "一時間半ほど",
)
VISITS = ("", "三時間ほど", "半日", "一日", "朝から夕方まで")


@dataclass(frozen=True)
class Noun:
    """A thing.

    Attributes:
        surface: The word.
        measures: How much of it there may be, with its counter, or for how long.
        detail: What is known of this very thing, where a sentence names it.
    """

    surface: str
    measures: tuple[str, ...] = ("",)
    detail: str = ""


@dataclass(frozen=True)
class Remark:
    """What may be said of a thing.

    Attributes:
        quality: The adjective.
        hearsay: Whether only the one who tried it can know; others then add そうだ.
    """

    quality: Adjective
    hearsay: bool


@dataclass(frozen=True)
class Kind:
    """Things of one kind.

    Attributes:
        nouns: The things.
        modifiers: What may stand before each of them; the empty one leaves it bare.
        remarks: What may be said of each of them.
        demonstrative: What stands before a thing spoken of again: その, or nothing.
    """

    nouns: tuple[Noun, ...]
    modifiers: tuple[str, ...]
    remarks: tuple[Remark, ...]
    demonstrative: str = "その"


def counted(counter: str, *surfaces: str, most: int | None = None) -> tuple[Noun, ...]:
    """Make nouns that are counted: りんごを三個, ケーキを三つ.

    Args:
        counter: The counter.
        *surfaces: The words.
        most: The greatest number, from one on, where the counter's own are too many.
    """
    numbers = range(1, most + 1) if most else _NUMBERS[counter]
    measures = ("", *(kanji(number) + counter for number in numbers))
    return tuple(Noun(surface, measures) for surface in surfaces)


def lasting(durations: tuple[str, ...], *surfaces: str) -> tuple[Noun, ...]:
    """Make nouns for what takes time: 英語を二時間."""
    return tuple(Noun(surface, durations) for surface in surfaces)


def uncounted(*surfaces: str) -> tuple[Noun, ...]:
    """Make nouns without any measure."""
    return tuple(Noun(surface) for surface in surfaces)


def _adjective(word: str) -> Adjective:
    """Make an い-adjective, or, of a word written with な, a な-adjective."""
    return Nominal(word.removesuffix("な")) if word.endswith("な") else IAdjective(word)


def visible(*words: str) -> tuple[Remark, ...]:
    """Make remarks that anyone present can make."""
    return tuple(Remark(_adjective(word), hearsay=False) for word in words)


def felt(*words: str) -> tuple[Remark, ...]:
    """Make remarks that only the one who tried it can make."""
    return tuple(Remark(_adjective(word), hearsay=True) for word in words)
