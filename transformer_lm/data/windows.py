"""How long rows are, and what becomes of documents that are longer."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Windows:
    """Lengths in tokens; each row is filled with whole or split documents."""

    max_target_length: int = 128
    """Tokens in a training row."""
    max_eval_target_length: int = 512
    """Tokens in an evaluation row."""
    long_documents: Literal["split", "drop", "truncate"] = "split"
    """A document longer than a row is split into several, dropped, or cut off."""

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
        return problems
