"""Conjugation of verbs: 五段, 一段, する and 来る; 行く and ある are exceptions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from .style import Style
from .verb_rows import GODAN_ROWS, ICHIDAN_ROW, SURU_ROW, Row

_POLITE_ENDINGS = {
    (False, False): "ます",
    (True, False): "ました",
    (False, True): "ません",
    (True, True): "ませんでした",
}


@dataclass(frozen=True)
class Verb:
    """A verb in its dictionary form with its conjugation class.

    Example:
        >>> Verb("読む", "godan").conjugate("polite", past=True)
        '読みました'
    """

    dictionary: str
    kind: Literal["godan", "ichidan", "suru"]

    @cached_property
    def _row(self) -> Row:
        """The endings after the stem; 行く has って and った for いて and いた."""
        if self.kind == "ichidan":
            return ICHIDAN_ROW
        if self.kind == "suru":
            return SURU_ROW
        row = GODAN_ROWS[self.dictionary[-1]]
        goes = self.dictionary.endswith("行く")
        return row._replace(te="って", ta="った") if goes else row

    @cached_property
    def _stem(self) -> str:
        return self.dictionary[:-2] if self.kind == "suru" else self.dictionary[:-1]

    @cached_property
    def masu_stem(self) -> str:
        """The form before ます: 読み, 食べ, し, 来."""
        return self._stem + self._row.masu

    @cached_property
    def negative(self) -> str:
        """The plain negative: 読まない, 食べない, しない, 来ない; ある becomes ない."""
        if self.dictionary == "ある":
            return "ない"
        return self._stem + self._row.negative

    @cached_property
    def te(self) -> str:
        """The conjunctive form: 読んで, 食べて, して, 来て."""
        return self._stem + self._row.te

    @cached_property
    def ta(self) -> str:
        """The plain past: 読んだ, 食べた, した, 来た."""
        return self._stem + self._row.ta

    @cached_property
    def volitional(self) -> str:
        """The form of intention: 読もう, 食べよう, しよう, 来よう."""
        return self._stem + self._row.volitional

    @cached_property
    def desiderative(self) -> str:
        """The form of wish: 読みたい, 食べたい, したい, 来たい."""
        return self.masu_stem + "たい"

    @cached_property
    def progressive(self) -> Verb:
        """The verb of the course of the action, itself 一段: 読んでいる."""
        return Verb(self.te + "いる", "ichidan")

    @cached_property
    def potential(self) -> Verb:
        """The verb of ability, itself 一段: 読める, 食べられる, できる, 来られる."""
        return Verb(self._stem + self._row.potential, "ichidan")

    @cached_property
    def passive(self) -> Verb:
        """The verb of undergoing, itself 一段: 頼まれる, 見られる, される, 来られる."""
        return Verb(self._stem + self._row.passive, "ichidan")

    def conjugate(
        self, style: Style, *, past: bool = False, negative: bool = False
    ) -> str:
        """Return the form that ends a sentence in the given style."""
        if style == "polite":
            return self.masu_stem + _POLITE_ENDINGS[past, negative]
        if negative:
            return self.negative[:-1] + ("かった" if past else "い")
        return self.ta if past else self.dictionary

    def before_node(self, *, past: bool, negative: bool = False) -> str:
        """Return the form that stands before ので: 読むので, 読んだので."""
        return self.conjugate("plain", past=past, negative=negative)


def godan(dictionary: str) -> Verb:
    """Make a 五段 verb: 書く, 読む, 買う."""
    return Verb(dictionary, "godan")


def ichidan(dictionary: str) -> Verb:
    """Make a 一段 verb: 見る, 食べる."""
    return Verb(dictionary, "ichidan")


def suru(dictionary: str) -> Verb:
    """Make する or a noun with it: 掃除する."""
    return Verb(dictionary, "suru")


# Its stem is read き, こ or く, but in kanji all its forms are those of a 一段 verb.
KURU = Verb("来る", "ichidan")
