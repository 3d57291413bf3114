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
from transformer_lm.data.packing import counting


class Text:
    """A stretch of token ids, as a place in a longer array: cutting copies nothing."""

    __slots__ = ("_ids", "_starts", "begin", "end")

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
        self._ids, self._starts, self.begin, self.end = ids, starts, begin, end

    def __len__(self) -> int:
        return self.end - self.begin

    @property
    def tokens(self) -> np.ndarray:
        """[tokens] ids."""
        return self._ids[self.begin : self.end]

    @property
    def word_starts(self) -> np.ndarray:
        """[tokens] nonzero where a token begins a word."""
        if self._starts is None:
            return np.ones(len(self), bool)
        return self._starts[self.begin : self.end]

    @property
    def splits_anywhere(self) -> bool:
        """Whether each token is a word by itself."""
        return self._starts is None

    def cut(self, start: int, stop: int) -> "Text":
        """Returns the tokens from `start` to before `stop`, or as far as there are."""
        end = min(self.begin + stop, self.end)
        return Text(self._ids, self._starts, self.begin + start, end)

    def follows(self, other: "Text") -> bool:
        """Whether `other` ends where this one begins, in the same array."""
        return self._ids is other._ids and self.begin == other.end

    def up_to(self, last: "Text") -> "Text":
        """Returns all from this text's beginning to the end of `last`."""
        return Text(self._ids, self._starts, self.begin, last.end)


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
        counts = np.array([len(segment) for segment in segments], np.int64)
        lengths = np.array([len(text) for text in texts], np.int64)
        owner = np.repeat(np.arange(len(segments)), counts)
        sizes = 1 + np.bincount(owner, lengths + 1, len(segments)).astype(np.int64)
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
        goal = np.repeat(rows * self.length + offsets, sizes) + counting(sizes)
        kinds = counting(counts)
        streams = {
            "segments": np.repeat(numbers, sizes),
            "positions": counting(sizes),
            **self._streams(texts, lengths, owner, kinds, np.cumsum(sizes) - sizes),
        }
        arrays = {}
        for name, stream in streams.items():
            shape = (num_rows, self.length)
            arrays[name] = np.full(shape, self.pad_id * (name == "tokens"), np.int32)
            arrays[name].reshape(-1)[goal] = stream
        return arrays

    def _streams(
        self,
        texts: Sequence[Text],
        lengths: np.ndarray,
        owner: np.ndarray,
        kinds: np.ndarray,
        firsts: np.ndarray,
    ) -> dict[str, np.ndarray]:
        """The segments end to end: cls, then each text and sep.

        Args:
          texts: of all segments.
          lengths: [texts] tokens of each.
          owner: [texts] number of its segment.
          kinds: [texts] number of it there, from 0.
          firsts: [segments] where each begins in the stream.
        """
        spans = lengths + 1
        begins = np.cumsum(spans) - spans + owner + 1
        total = int(spans.sum()) + len(firsts)
        text = np.repeat(begins, lengths) + counting(lengths)
        text_and_sep = np.repeat(begins, spans) + counting(spans)
        tokens = np.full(total, self.sep_id, np.int32)
        tokens[firsts] = self.cls_id
        word_starts = np.ones(total, np.int32)
        token_types = np.zeros(total, np.int32)
        token_types[text_and_sep] = np.repeat(kinds, spans)
        if texts:
            tokens[text] = np.concatenate([piece.tokens for piece in texts])
        if not all(piece.splits_anywhere for piece in texts):
            starts = [piece.word_starts for piece in texts]
            word_starts[text] = np.concatenate(starts)
        return {
            "token_types": token_types,
            "word_starts": word_starts,
            "tokens": tokens,
        }
