"""Which documents stay, in which split, and how often."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from transformer_lm.corpora.build.duplicates import exact_duplicates, near_duplicates
from transformer_lm.corpora.build.parts import Part
from transformer_lm.corpora.build.settings import SPLITS, BuildSettings
from transformer_lm.registry import UserError

_HASHES = 2.0**64


@dataclass(frozen=True)
class Selection:
    """A decision for each document of every corpus."""

    shares: tuple[float, ...]
    """Of the splits."""
    factors: tuple[float, ...]
    """For each corpus, how often its training documents are taken, on average."""
    dropped: np.ndarray
    """[documents] whether it is a duplicate."""
    report: dict[str, Any]  # Any: JSON.
    """What was dropped as a duplicate, and the corpora's sizes."""

    def choose(
        self, table: np.ndarray, first: int, corpus: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Decides for consecutive documents of one corpus.

        Args:
          table: their `INDEX` rows.
          first: number of the first, over all corpora.
          corpus: the corpus.

        Returns:
          [documents] number of the split, and [documents] number of copies.
        """
        splits = split_numbers(table["split"], self.shares)
        factor = self.factors[corpus]
        copies = np.full(len(table), int(factor))
        copies += table["copies"] / _HASHES < factor - int(factor)
        copies[splits > 0] = 1
        copies[self.dropped[first : first + len(table)]] = 0
        return splits, copies


def split_numbers(hashes: np.ndarray, shares: Sequence[float]) -> np.ndarray:
    """Returns the split of each document, from the hash of its id alone."""
    borders = np.cumsum(shares)[:-1] / np.sum(shares)
    return np.searchsorted(borders, hashes / _HASHES, side="right")


def select(settings: BuildSettings, corpora: Sequence[Sequence[Part]]) -> Selection:
    """Decides for all documents.

    Args:
      settings: of the build.
      corpora: the parts of each corpus; of equal documents the first one stays.

    Raises:
      UserError: if nothing is left to train on.
    """
    parts = [part for corpus in corpora for part in corpus]
    dropped = np.zeros(sum(part.documents for part in parts), bool)
    duplicates = {}
    if settings.deduplicate != "none":
        exact = exact_duplicates(parts)
        duplicates["exact_duplicates_dropped"] = int(exact.sum())
        dropped |= exact
    if settings.deduplicate == "near":
        near = near_duplicates(parts, settings.near_threshold, dropped)
        duplicates["near_duplicates_dropped"] = int(near.sum())
        dropped |= near
    sizes = _training_characters(corpora, dropped, settings.split)
    for name, size in zip(settings.corpus_names(), sizes, strict=True):
        if not size:
            raise UserError(
                f"nothing of {name} is left to train on: --rules, --skip_ids,"
                " --deduplicate or --split leave out all of its documents"
            )
    factors = mixing_factors(settings.mix, settings.corpus_weights(), sizes)
    report = {
        "duplicates": {"mode": settings.deduplicate, **duplicates},
        "corpora": [
            {"name": name, "weight": weight, "training_characters": size, "copies": f}
            for name, weight, size, f in zip(
                settings.corpus_names(),
                settings.corpus_weights(),
                sizes,
                factors,
                strict=True,
            )
        ],
    }
    return Selection(settings.split, factors, dropped, report)


def mixing_factors(
    mix: Literal["none", "undersample", "oversample", "repeat"],
    weights: Sequence[float],
    sizes: Sequence[int],
) -> tuple[float, ...]:
    """Returns how often each corpus is taken.

    Args:
      mix: "none" takes each once; "repeat" as often as its weight says;
        "undersample" and "oversample" so that their characters stand in the ratio of
        the weights, where no corpus is taken more, or less, than once.
      weights: of the corpora.
      sizes: characters of the corpora.

    >>> mixing_factors("undersample", (1, 1), (100, 400))
    (1.0, 0.25)
    >>> mixing_factors("oversample", (1, 1), (100, 400))
    (4.0, 1.0)
    """
    if mix == "none":
        return (1.0,) * len(weights)
    if mix == "repeat":
        return tuple(float(weight) for weight in weights)
    ratios = [weight / size for weight, size in zip(weights, sizes, strict=True)]
    one = max(ratios) if mix == "undersample" else min(ratios)
    return tuple(ratio / one for ratio in ratios)


def _training_characters(
    corpora: Sequence[Sequence[Part]], dropped: np.ndarray, shares: Sequence[float]
) -> list[int]:
    """Characters of each corpus in the training split."""
    sizes = []
    first = 0
    for corpus in corpora:
        size = 0
        for part in corpus:
            table = part.table()
            kept = ~dropped[first : first + len(table)]
            kept &= split_numbers(table["split"], shares) == SPLITS.index("train")
            size += int(table["characters"][kept].sum(dtype=np.int64))
            first += len(table)
        sizes.append(size)
    return sizes
