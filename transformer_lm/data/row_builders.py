"""Which rows an objective learns from, chosen in one place by its `rows`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from transformer_lm.data.causal_windows import document_rows, stream_rows
from transformer_lm.data.encoder_rows import MaskedRows, PairRows
from transformer_lm.data.packing import Counts, Documents, pack
from transformer_lm.data.windows import Windows
from transformer_lm.registry import UserError
from transformer_lm.tokenizers.interface import Tokenizer

ROW_KINDS = ("causal", "masked", "nsp", "sop")
"""Next tokens; hidden tokens; and, besides, pairs of texts of one or the other kind."""


class RowBuilder(Protocol):
    """Turns groups of tokenised documents into rows."""

    arrays: ClassVar[Mapping[str, type[np.generic]]]
    """Name and data type of each array that `build` makes, in order."""
    of_sentences: ClassVar[bool]
    """Whether documents are cut into sentences before they are tokenised."""

    def build(
        self,
        documents: Documents,
        length: int,
        generator: np.random.Generator,
        *,
        in_order: bool,
    ) -> tuple[dict[str, np.ndarray], Counts]:
        """Builds rows; a function of its arguments alone.

        Args:
          documents: a group.
          length: tokens in a row.
          generator: of everything random.
          in_order: the text is not shuffled; nor are rows, where their kind allows.
        """
        ...

    def settings(self) -> dict[str, Any]:
        """Returns everything on which rows depend, for the position in the data."""
        ...


@dataclass(frozen=True)
class CausalRows:
    """Rows of next tokens; every document has a start and an end mark."""

    windows: Windows
    start_id: int
    end_id: int

    arrays: ClassVar[Mapping[str, type[np.generic]]] = {
        **dict.fromkeys(("tokens", "targets", "segments", "positions"), np.int32),
        **dict.fromkeys(("weights", "characters"), np.float32),
    }
    of_sentences: ClassVar[bool] = False

    def build(
        self,
        documents: Documents,
        length: int,
        generator: np.random.Generator,
        *,
        in_order: bool,
    ) -> tuple[dict[str, np.ndarray], Counts]:
        """Packs a group by best fit, or lays it out as another mode has it."""
        chosen = None if in_order else generator
        marks = {"start_id": self.start_id, "end_id": self.end_id}
        if self.windows.row_mode == "document":
            return document_rows(documents, length=length, generator=chosen, **marks)
        if self.windows.row_mode == "contiguous":
            return stream_rows(documents, length=length, generator=chosen, **marks)
        return pack(
            documents,
            length=length,
            long_documents=self.windows.long_documents,
            generator=chosen,
            **marks,
        )

    def settings(self) -> dict[str, Any]:
        """Returns everything on which rows depend."""
        return {
            "row_mode": self.windows.row_mode,
            "long_documents": self.windows.long_documents,
            "start and end": [self.start_id, self.end_id],
        }


def row_builder(kind: str, windows: Windows, tokenizer: Tokenizer) -> RowBuilder:
    """Returns the builder of rows of a kind.

    Args:
      kind: one of `ROW_KINDS`; an objective's `rows`.
      windows: how text is laid into rows.
      tokenizer: its special tokens.

    Raises:
      UserError: if the tokenizer lacks a special token that such rows have.
    """
    if kind == "causal":
        return CausalRows(windows, *special_ids(tokenizer))
    if tokenizer.cls_id is None or tokenizer.sep_id is None:
        raise UserError(
            f"the tokenizer has cls_id={tokenizer.cls_id} and"
            f" sep_id={tokenizer.sep_id}, but every row of an encoder has both; set"
            " special_tokens=[CLS],[SEP],[MASK] and have a vocabulary trained"
        )
    ids = (tokenizer.cls_id, tokenizer.sep_id, tokenizer.pad_id or 0)
    if kind == "masked":
        return MaskedRows(windows, *ids)
    if kind == "nsp" or kind == "sop":
        return PairRows(windows, *ids, pair_objective=kind)
    raise ValueError(f"kind={kind!r} must be one of {ROW_KINDS}")


def special_ids(tokenizer: Tokenizer) -> tuple[int, int]:
    """Returns the ids that start and end every document.

    Raises:
      UserError: if the tokenizer lacks one.
    """
    if tokenizer.bos_id is None or tokenizer.eos_id is None:
        raise UserError(
            f"the tokenizer has bos_id={tokenizer.bos_id} and eos_id={tokenizer.eos_id},"
            " but every document starts and ends with a mark of its own; use a"
            " vocabulary that has both (do not set them to -1 in spm_train_options)"
        )
    return tokenizer.bos_id, tokenizer.eos_id
