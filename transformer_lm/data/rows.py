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

import numpy as np

from transformer_lm.data.best_fit import place
from transformer_lm.data.cells import Cells
from transformer_lm.data.packing import counting


class Text:
    """A stretch of token ids, as a place in a longer array: cutting copies nothing."""

    __slots__ = ("all_tokens", "all_word_starts", "begin", "end")

    def __init__(
        self, ids: np.ndarray, starts: np.ndarray | None, begin: int, end: int
    ) -> None:
        """Takes the ids from `begin` to before `end`.

        Args:
          ids: [all tokens] ids, without special ones.
          starts: [all tokens] nonzero where a token begins a word; None: everywhere.
          begin: number of the first token.
          end: number of the token after the last one.
        """
        self.all_tokens, self.all_word_starts = ids, starts
        self.begin, self.end = begin, end

    def __len__(self) -> int:
        return self.end - self.begin

    @property
    def tokens(self) -> np.ndarray:
        """[tokens] ids."""
        return self.all_tokens[self.begin : self.end]

    @property
    def word_starts(self) -> np.ndarray:
        """[tokens] nonzero where a token begins a word."""
        if self.all_word_starts is None:
            return np.ones(len(self), bool)
        return self.all_word_starts[self.begin : self.end]

    def cut(self, start: int, stop: int) -> "Text":
        """Returns the tokens from `start` to before `stop`, or as far as there are."""
        end = min(self.begin + stop, self.end)
        return Text(self.all_tokens, self.all_word_starts, self.begin + start, end)

    def follows(self, other: "Text") -> bool:
        """Whether `other` ends where this one begins, in the same array."""
        return self.all_tokens is other.all_tokens and self.begin == other.end

    def up_to(self, last: "Text") -> "Text":
        """Returns all from this text's beginning to the end of `last`."""
        return Text(self.all_tokens, self.all_word_starts, self.begin, last.end)


def make_text(tokens: np.ndarray, word_starts: np.ndarray | None = None) -> Text:
    """Returns a text; without `word_starts`, each token is a word by itself."""
    starts = None if word_starts is None else np.asarray(word_starts)
    return Text(np.asarray(tokens), starts, 0, len(tokens))


def texts_of(
    ids: np.ndarray, sizes: np.ndarray, word_starts: np.ndarray | None = None
) -> list[Text]:
    """Returns texts laid end to end.

    >>> [text.tokens.tolist() for text in texts_of(np.array([5, 6, 7]), np.array([1, 2]))]
    [[5], [6, 7]]
    """
    ends = np.cumsum(sizes)
    spans = zip((ends - sizes).tolist(), ends.tolist(), strict=True)
    return [Text(ids, word_starts, begin, end) for begin, end in spans]


def join(texts: Sequence[Text]) -> Text:
    """Lays texts end to end; those that lie so already are not copied."""
    if not texts:
        return make_text(np.zeros(0, np.int32))
    last = texts[0]
    for text in texts[1:]:
        if not text.follows(last):
            break
        last = text
    else:
        return texts[0].up_to(last)
    return make_text(
        np.concatenate([text.tokens for text in texts]),
        np.concatenate([text.word_starts for text in texts]),
    )


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
        texts = [text for segment in segments for text in segment]
        whole = join(texts)
        counts = np.array([len(segment) for segment in segments], np.int64)
        lengths = np.array([len(text) for text in texts], np.int64)
        begins = whole.begin + np.cumsum(lengths) - lengths
        return self.lay(whole, begins, lengths, counts, several, generator)

    def lay(
        self,
        whole: Text,
        begins: np.ndarray,
        lengths: np.ndarray,
        counts: np.ndarray,
        several: bool = False,
        generator: np.random.Generator | None = None,
    ) -> dict[str, np.ndarray]:
        """Lays segments into rows, as `fill` does.

        Args:
          whole: has all texts in it.
          begins: [texts] where each begins, in the array of `whole`.
          lengths: [texts] tokens of each.
          counts: [segments] texts of each.
          several: put several segments into a row where they fit.
          generator: puts the rows in random order; None: in that of the segments.
        """
        owner = np.repeat(np.arange(len(counts)), counts)
        kinds = counting(counts)
        # Each text is followed by sep; the first one of a segment has cls before it.
        firsts = (kinds == 0).astype(np.int64)
        spans = lengths + 1 + firsts
        sizes = np.bincount(owner, spans, len(counts)).astype(np.int64)
        if several:
            rows, offsets, numbers, num_rows = place(sizes, self.length, generator)
        else:
            num_rows = len(counts)
            rows = (
                np.arange(num_rows)
                if generator is None
                else generator.permutation(num_rows)
            )
            offsets, numbers = np.zeros_like(sizes), np.ones_like(sizes)
        inside = np.cumsum(spans) - spans - np.repeat(np.cumsum(sizes) - sizes, counts)
        row, offset = rows[owner], offsets[owner] + inside
        cells = Cells(row, offset, spans, (num_rows, self.length))
        cls = row * self.length + offset
        sep = cls + spans - 1
        cls = cls[kinds == 0]
        sources = begins - firsts
        arrays = {
            "tokens": cells.copied(whole.all_tokens, sources, self.pad_id),
            "segments": cells.spread(numbers[owner], 0),
            "positions": cells.counted_from((rows * self.length + offsets)[owner]),
            "token_types": cells.spread(kinds, 0),
        }
        arrays["tokens"].reshape(-1)[cls] = self.cls_id
        arrays["tokens"].reshape(-1)[sep] = self.sep_id
        if whole.all_word_starts is None:
            arrays["word_starts"] = cells.spread(np.ones_like(kinds), 0)
        else:
            words = cells.copied(whole.all_word_starts, sources, 0)
            words.reshape(-1)[cls] = words.reshape(-1)[sep] = 1
            arrays["word_starts"] = words
        return arrays
