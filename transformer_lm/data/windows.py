"""How long rows are, and how documents are laid into them."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

_READ_FOR: Mapping[str, tuple[str, ...]] = {
    "long_documents": ("causal",),
    "row_mode": ("causal", "masked"),
    "short_sequence_probability": ("nsp", "sop"),
}
"""Keys that only some kinds of rows read."""

_LEAST_LENGTH = {"causal": 2, "masked": 3, "nsp": 5, "sop": 5}
"""Special tokens, and a token of each text."""


@dataclass(frozen=True)
class Windows:
    """Lengths in tokens, and what a row is filled with."""

    max_target_length: int = 128
    """Tokens in a training row."""
    max_eval_target_length: int = 512
    """Tokens in an evaluation row."""
    long_documents: Literal["split", "drop", "truncate"] = "split"
    """In packed causal rows, one longer than a row is split, dropped, or cut off."""

    row_mode: Literal["packed", "document", "contiguous"] = "packed"
    """How documents share rows: several whole ones, each seeing itself alone; one (of
    a longer one a random part); or one stream, without borders, cut into full rows.
    """
    short_sequence_probability: float = 0.1
    """Share of documents whose sentence pairs are made shorter than a row."""

    def problems(self) -> list[str]:
        """Lists what cannot work, a line each."""
        problems = [
            f"{name}={value} must be at least 2"
            for name in ("max_target_length", "max_eval_target_length")
            if (value := getattr(self, name)) < 2
        ]
        if self.long_documents not in ("split", "drop", "truncate"):
            problems.append(
                f"long_documents={self.long_documents!r} must be 'split', 'drop' or"
                " 'truncate'"
            )
        if self.row_mode not in ("packed", "document", "contiguous"):
            problems.append(
                f"row_mode={self.row_mode!r} must be 'packed', 'document' or"
                " 'contiguous'"
            )
        if not 0 <= self.short_sequence_probability <= 1:
            problems.append(
                f"short_sequence_probability={self.short_sequence_probability} must lie"
                " in [0, 1]"
            )
        return problems

    def is_one_text(self, kind: str) -> bool:
        """Whether a row of a kind is one text, or pair, with all padding at its right."""
        return self.row_mode != "packed" or kind not in _READ_FOR["row_mode"]

    def problems_with_rows(self, kind: str) -> list[str]:
        """Lists what cannot work with rows of a kind, a line each."""
        problems = [
            f"{field.name}={getattr(self, field.name)!r} has no effect on this"
            f" objective's rows ({kind}); leave it at {field.default!r}"
            for field in dataclasses.fields(self)
            if kind not in _READ_FOR.get(field.name, (kind,))
            and getattr(self, field.name) != field.default
        ]
        is_cut = self.row_mode != "packed" and self.long_documents != "split"
        if kind == "causal" and is_cut:
            problems.append(
                f"long_documents={self.long_documents!r} has no effect with"
                f" row_mode={self.row_mode!r}; leave it at 'split'"
            )
        least = _LEAST_LENGTH[kind]
        problems += [
            f"{name}={value} must be at least {least} for this objective's rows ({kind})"
            for name in ("max_target_length", "max_eval_target_length")
            if (value := getattr(self, name)) < least
        ]
        return problems
