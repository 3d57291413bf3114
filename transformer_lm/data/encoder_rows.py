"""Builders of rows for encoders: single texts, and pairs of texts.

A document is a record here: the parts of one so long that it was cut (`record_characters`)
are documents of their own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from transformer_lm.data.masked_windows import masked_rows
from transformer_lm.data.packing import Counts, Documents
from transformer_lm.data.rows import Layout, make_text, texts_of
from transformer_lm.data.sentence_pairs import PairObjective, pair_rows, sentences_in
from transformer_lm.data.windows import Windows

Rows = dict[str, np.ndarray]
_NAMES = ("tokens", "segments", "positions", "token_types", "word_starts")
_ARRAYS: dict[str, type[np.generic]] = {name: np.int32 for name in _NAMES}


@dataclass(frozen=True)
class MaskedRows:
    """Rows `[CLS] text [SEP]`, as `masked_rows` lays them out."""

    windows: Windows
    cls_id: int
    sep_id: int
    pad_id: int

    arrays: ClassVar[Mapping[str, type[np.generic]]] = _ARRAYS
    of_sentences: ClassVar[bool] = False

    def build(
        self,
        documents: Documents,
        length: int,
        generator: np.random.Generator,
        *,
        in_order: bool,
    ) -> tuple[Rows, Counts]:
        """Builds rows; those of text in order hold beginnings instead of crops."""
        layout = Layout(length, self.cls_id, self.sep_id, self.pad_id)
        mode = self.windows.row_mode
        arrays = masked_rows(
            texts_of(documents.ids, documents.lengths, documents.word_starts),
            None if in_order else generator,
            layout,
            mode=mode,
        )
        long = int((documents.lengths > layout.room(1)).sum())
        return arrays, Counts(
            **_counts(documents, arrays),
            split=long if mode == "packed" else 0,
            truncated=long if mode == "document" else 0,
        )

    def settings(self) -> dict[str, Any]:
        """Returns everything on which rows depend."""
        return {
            "row_mode": self.windows.row_mode,
            "cls, sep and pad": [self.cls_id, self.sep_id, self.pad_id],
        }


@dataclass(frozen=True)
class PairRows:
    """Rows `[CLS] text [SEP] text [SEP]`, as `pair_rows` makes them."""

    windows: Windows
    cls_id: int
    sep_id: int
    pad_id: int
    pair_objective: PairObjective

    arrays: ClassVar[Mapping[str, type[np.generic]]] = {
        **_ARRAYS,
        "pair_labels": np.int32,
    }
    of_sentences: ClassVar[bool] = True

    def build(
        self,
        documents: Documents,
        length: int,
        generator: np.random.Generator,
        *,
        in_order: bool,
    ) -> tuple[Rows, Counts]:
        """Builds rows, in random order always.

        A group of one document is left out where pairs need two: it is what is left at
        the end of an epoch.
        """
        del in_order
        texts = sentences_in(
            make_text(documents.ids, documents.word_starts),
            documents.lengths,
            documents.sentences,
        )
        number = len(texts.documents)
        dropped = int(self.pair_objective == "nsp" and number == 1)
        layout = Layout(length, self.cls_id, self.sep_id, self.pad_id)
        if dropped or not number:
            arrays = layout.fill([])
            arrays["pair_labels"] = np.zeros(0, np.int32)
        else:
            arrays = pair_rows(
                texts,
                generator,
                layout,
                pair_objective=self.pair_objective,
                short_sequence_probability=self.windows.short_sequence_probability,
            )
        return arrays, Counts(**_counts(documents, arrays), dropped=dropped)

    def settings(self) -> dict[str, Any]:
        """Returns everything on which rows depend."""
        return {
            "pair_objective": self.pair_objective,
            "short_sequence_probability": self.windows.short_sequence_probability,
            "cls, sep and pad": [self.cls_id, self.sep_id, self.pad_id],
        }


def _counts(documents: Documents, arrays: Rows) -> dict[str, int]:
    """What became of a group, as far as it is alike for all rows."""
    return {
        "documents": int(documents.ends.sum()),
        "tokens": int((arrays["segments"] > 0).sum()),
        "empty": int((documents.lengths == 0).sum()),
    }
