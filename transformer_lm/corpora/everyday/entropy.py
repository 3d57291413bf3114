"""The entropy of the generator: the loss that a perfect model would reach."""

from __future__ import annotations

from .document import generate
from .holdout import Split


def bits_per_character(split: Split, documents: int, seed: int = 0) -> float:
    """Return the mean surprisal of a character over the first documents of a split.

    The bits include that the text ends where it does: compare them to a loss that
    counts the end of a document as well, divided by the same number of characters.
    """
    generated = [generate(index, split, seed) for index in range(documents)]
    characters = sum(len(document.text) for document in generated)
    return sum(document.bits for document in generated) / characters
