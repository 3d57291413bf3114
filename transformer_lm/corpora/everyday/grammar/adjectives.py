"""Conjugation of い-adjectives, and of な-adjectives and nouns with the copula だ."""

from __future__ import annotations

from dataclasses import dataclass

from .style import Style

_COPULA = {
    ("polite", False, False): "です",
    ("polite", True, False): "でした",
    ("polite", False, True): "ではありません",
    ("polite", True, True): "ではありませんでした",
    ("plain", False, False): "だ",
    ("plain", True, False): "だった",
    ("plain", False, True): "ではない",
    ("plain", True, True): "ではなかった",
}


@dataclass(frozen=True)
class IAdjective:
    """An い-adjective in its dictionary form; いい goes like よい.

    Example:
        >>> IAdjective("いい").conjugate("polite", past=True)
        'よかったです'
    """

    dictionary: str

    @property
    def stem(self) -> str:
        """What stays: 高, よ, 気持ちよ; かわいい only looks like いい."""
        is_good = self.dictionary.endswith("いい") and not self.dictionary.endswith(
            "かわいい"
        )
        return self.dictionary[:-2] + "よ" if is_good else self.dictionary[:-1]

    @property
    def appearance(self) -> str:
        """The な-word of seeming so: うれしそう; いい becomes よさそう."""
        return self.stem + ("さそう" if self.stem.endswith("よ") else "そう")

    def conjugate(
        self, style: Style, *, past: bool = False, negative: bool = False
    ) -> str:
        """Return the form that ends a sentence in the given style."""
        stem = self.stem + "くな" if negative else self.stem
        plain = (
            stem + "かった" if past else (stem + "い" if negative else self.dictionary)
        )
        return plain + "です" if style == "polite" else plain

    def before_node(self, *, past: bool, negative: bool = False) -> str:
        """Return the form that stands before ので: 安いので, 安かったので."""
        return self.conjugate("plain", past=past, negative=negative)


@dataclass(frozen=True)
class Nominal:
    """A な-adjective or a noun, which ends a sentence with the copula.

    Example:
        >>> Nominal("静か").conjugate("plain", past=True)
        '静かだった'
    """

    word: str

    @property
    def appearance(self) -> str:
        """The な-word of seeming so: 満足そう."""
        return self.word + "そう"

    def conjugate(
        self, style: Style, *, past: bool = False, negative: bool = False
    ) -> str:
        """Return the form that ends a sentence in the given style."""
        return self.word + _COPULA[style, past, negative]

    def before_node(self, *, past: bool, negative: bool = False) -> str:
        """Return the form that stands before ので: 静かなので, 静かだったので."""
        if past or negative:
            return self.conjugate("plain", past=past, negative=negative)
        return self.word + "な"


Adjective = IAdjective | Nominal
