"""The two styles a document is written in, and what every predicate can do in them."""

from __future__ import annotations

from typing import Literal, Protocol

Style = Literal["polite", "plain"]


class Predicate(Protocol):
    """What can end a sentence: a verb, an adjective, or a noun with the copula."""

    def conjugate(
        self, style: Style, *, past: bool = False, negative: bool = False
    ) -> str:
        """Return the form that ends a sentence."""
        ...

    def before_node(self, *, past: bool, negative: bool = False) -> str:
        """Return the form that stands before ので ("because")."""
        ...
