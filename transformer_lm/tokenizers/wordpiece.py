"""WordPiece (Schuster and Nakajima 2012; Devlin et al. 2019) over words of a segmenter."""

import functools
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from transformer_lm.tokenizers.segmented import SegmentedTokenizer
from transformer_lm.tokenizers.segmented_config import SegmentedConfig
from transformer_lm.tokenizers.word_counts import WordCounts
from transformer_lm.tokenizers.wordpiece_training import PREFIX, learn_pieces

_LONGEST_WORD = 100
"""Characters; a longer word is unknown, as in BERT's published code."""

_REMEMBERED = 1 << 18
"""Words whose tokens are kept at hand."""

_Value = TypeVar("_Value")


class WordPieceTokenizer(SegmentedTokenizer):
    """Longest pieces first, from the left; meets `Tokenizer`.

    A word that the pieces cannot make up is unknown as a whole. Blanks only part words
    and are lost, except that the words of the segmenter `whitespace` are joined by
    blanks again.
    """

    kind = "wordpiece"

    @functools.cached_property
    def _tokens_of(self) -> "_Remembered[tuple[int, ...]]":
        return _Remembered(self._split)

    @functools.cached_property
    def _starts_of(self) -> "_Remembered[tuple[bool, ...]]":
        return _Remembered(self._word_starts)

    @functools.cached_property
    def _longest(self) -> int:
        """Characters of the longest piece, at most."""
        return max(map(len, self._ids), default=0)

    def normalise(self, text: str) -> str:
        """Returns the text that the ids of a text stand for."""
        words = self.rules.words(text)
        parts = [part for word in words for part in word.split()]
        return self._separator.join(parts)

    def encode(self, text: str) -> list[int]:
        """Returns the ids of a text alone, without special tokens."""
        found = map(self._tokens_of.__getitem__, self.rules.words(text))
        return list(itertools.chain.from_iterable(found))

    def encode_words(self, text: str) -> tuple[list[int], list[bool]]:
        """Returns `encode`'s ids, and for each whether it begins a word."""
        words = self.rules.words(text)
        chain = itertools.chain.from_iterable
        ids = list(chain(map(self._tokens_of.__getitem__, words)))
        return ids, list(chain(map(self._starts_of.__getitem__, words)))

    def decode(self, ids: Sequence[int]) -> str:
        """Returns the text of ids; special tokens are skipped, unknown ones are named."""
        words: list[str] = []
        for number in ids:
            if number in self._skipped:
                continue
            token = self.tokens[number]
            if token.startswith(PREFIX) and words:
                words[-1] += token.removeprefix(PREFIX)
            else:
                words.append(token.removeprefix(PREFIX))
        return self._separator.join(words)

    def _split(self, word: str) -> tuple[int, ...]:
        """The tokens of a word; a blank inside it parts it."""
        whole = self._ids.get(word)
        if whole is not None and len(word) <= _LONGEST_WORD:
            return (whole,)
        return tuple(itertools.chain.from_iterable(map(self._pieces, word.split())))

    def _word_starts(self, word: str) -> tuple[bool, ...]:
        """For each token of a word, whether it begins it, or a part of it."""
        sizes = (len(self._pieces(part)) for part in word.split())
        return tuple(place == 0 for size in sizes for place in range(size))

    def _pieces(self, part: str) -> list[int]:
        """The tokens of a word without blanks."""
        ids: list[int] = []
        start = 0
        while start < len(part) <= _LONGEST_WORD:
            prefix = PREFIX if start else ""
            for end in range(min(len(part), start + self._longest), start, -1):
                number = self._ids.get(prefix + part[start:end])
                if number is not None:
                    ids.append(number)
                    start = end
                    break
            else:
                break
        return ids if start == len(part) else [self._unknown]


class _Remembered(dict[str, _Value], Generic[_Value]):
    """A function of words, whose values are kept; forgets all when they are many."""

    def __init__(self, function: Callable[[str], _Value]) -> None:
        super().__init__()
        self._function = function

    def __missing__(self, word: str) -> _Value:
        if len(self) >= _REMEMBERED:
            self.clear()
        value = self[word] = self._function(word)
        return value


@dataclass(frozen=True)
class WordPieceConfig(SegmentedConfig[WordPieceTokenizer]):
    """Pieces of words, learned from text that a segmenter has cut into words."""

    min_frequency: int = 2
    """Times that two neighbouring pieces must occur in order to become one."""

    tokenizer = WordPieceTokenizer

    def problems(self) -> list[str]:
        """Lists what cannot work, a line each."""
        problems = super().problems()
        if self.min_frequency < 1:
            problems.append(f"min_frequency={self.min_frequency} must be at least 1")
        return problems

    def learn(self, words: WordCounts, size: int) -> list[str]:
        """Returns up to `size` pieces."""
        words = words.without_blanks()
        return learn_pieces(
            words,
            size,
            alphabet=words.alphabet(self.limit_alphabet, self.initial_characters()),
            min_frequency=self.min_frequency,
        )
