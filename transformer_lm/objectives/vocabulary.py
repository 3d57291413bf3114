"""What an objective must know of the tokenizer."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Vocabulary:
    """Facts about token ids; they come from the tokenizer alone."""

    size: int
    """Tokens, special ones included."""
    mask_id: int | None = None
    """Stands for a hidden token; None: the tokenizer has none."""
    special_ids: tuple[int, ...] = ()
    """Tokens that stand for no text: they are neither hidden nor drawn at random."""

    @property
    def reserved_ids(self) -> tuple[int, ...]:
        """Special ids and the mask id, each once, in rising order."""
        mask = () if self.mask_id is None else (self.mask_id,)
        return tuple(sorted({*self.special_ids, *mask}))
