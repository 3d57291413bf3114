"""The embedded quickstart corpus: short Japanese documents of known entropy."""

from .document import Document, generate
from .entropy import bits_per_character
from .holdout import HELD_OUT_FRACTION, Combination, Split

__all__ = [
    "HELD_OUT_FRACTION",
    "Combination",
    "Document",
    "Split",
    "bits_per_character",
    "generate",
]
