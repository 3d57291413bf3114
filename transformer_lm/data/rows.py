"""Rows for encoders: texts between special tokens, laid into arrays.

With length 10 the segments [好き だ] and [犬][猫 だ] become, one a row and without a
second text in the first,

    tokens       cls 好き だ sep  -   …  | cls 犬 sep 猫 だ sep  -  …
    segments      1   1   1   1   0   …  |  1   1   1   1  1   1   0  …
    positions     0   1   2   3   0   …  |  0   1   2   3  4   5   0  …
    token_types   0   0   0   0   0   …  |  0   0   0   1  1   1   0  …
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from transformer_lm.data.best_fit import place


class Text(NamedTuple):
    """A stretch of token ids."""

    tokens: np.ndarray
    """[tokens] ids, without special ones."""
    word_starts: np.ndarray
    """[tokens] nonzero where a token begins a word."""

    def cut(self, start: int, stop: int) -> "Text":
        """Returns the tokens from `start` to before `stop`."""
        return Text(self.tokens[start:stop], self.word_starts[start:stop])


def make_text(tokens: np.ndarray, word_starts: np.ndarray | None = None) -> Text:
    """Returns a text; without `word_starts`, each token is a word by itself."""
    if word_starts is None:
        word_starts = np.ones(len(tokens), bool)
    return Text(np.asarray(tokens), np.asarray(word_starts))


def join(texts: Sequence[Text]) -> Text:
    """Lays texts end to end."""
    if not texts:
        return make_text(np.zeros(0, np.int32))
    tokens, word_starts = zip(*texts, strict=True)
    return Text(np.concatenate(tokens), np.concatenate(word_starts))


Segment = Sequence[Text]
"""One text, or the two texts of a pair."""


@dataclass(frozen=True)
class Layout:
    """What a row looks like."""

    length: int
    """Tokens in a row."""
    cls_id: int
    """First token of every segment."""
    sep_id: int
    """Follows every text."""
    pad_id: int = 0
    """Fills the rest; `segments` tells it from text, whatever it is."""

    def room(self, num_texts: int) -> int:
        """Tokens of text that a row holds, special ones not counted."""
        return self.length - 1 - num_texts

    def fill(
        self,
        segments: Sequence[Segment],
        *,
        several: bool = False,
        generator: np.random.Generator | None = None,
    ) -> dict[str, np.ndarray]:
        """Lays segments into rows.

        Args:
          segments: each fits into a row.
          several: put several segments into a row where they fit.
          generator: puts the rows in random order; None: in that of the segments.

        Returns:
          int32 arrays `[rows, length]`: tokens, segments (number in the row from 1; 0:
          padding), positions (from 0 in each segment), token_types (1: second text),
          word_starts.
        """
        sizes = np.array(
            [1 + sum(len(text.tokens) + 1 for text in texts) for texts in segments],
            np.int64,
        )
        if several:
            rows, offsets, numbers, num_rows = place(sizes, self.length, generator)
        else:
            num_rows = len(segments)
            rows = (
                np.arange(num_rows)
                if generator is None
                else generator.permutation(num_rows)
            )
            offsets, numbers = np.zeros_like(sizes), np.ones_like(sizes)
        names = ("segments", "positions", "token_types", "word_starts")
        shape = (num_rows, self.length)
        arrays = {name: np.zeros(shape, np.int32) for name in names}
        arrays["tokens"] = np.full(shape, self.pad_id, np.int32)
        columns = (array.tolist() for array in (rows, offsets, sizes, numbers))
        for texts, row, offset, size, number in zip(segments, *columns, strict=True):
            place_in_row = slice(offset, offset + size)
            arrays["segments"][row, place_in_row] = number
            arrays["positions"][row, place_in_row] = np.arange(size)
            self._write(arrays, row, offset, texts)
        return arrays

    def _write(
        self, arrays: dict[str, np.ndarray], row: int, offset: int, texts: Segment
    ) -> None:
        """Writes cls, then each text and sep."""
        tokens, word_starts = arrays["tokens"][row], arrays["word_starts"][row]
        tokens[offset] = self.cls_id
        word_starts[offset] = 1
        start = offset + 1
        for kind, text in enumerate(texts):
            stop = start + len(text.tokens)
            tokens[start:stop] = text.tokens
            word_starts[start:stop] = text.word_starts
            tokens[stop] = self.sep_id
            word_starts[stop] = 1
            arrays["token_types"][row, start : stop + 1] = kind
            start = stop + 1
