"""Characters as tokens, with the word borders of a segmenter beside them."""

from collections.abc import Sequence
from dataclasses import dataclass

from transformer_lm.tokenizers.segmented import SegmentedTokenizer
from transformer_lm.tokenizers.segmented_config import SegmentedConfig
from transformer_lm.tokenizers.word_counts import WordCounts


class CharacterTokenizer(SegmentedTokenizer):
    """A token a character; meets `Tokenizer`.

    Blanks are characters where the segmenter keeps them: `whitespace` (one between two
    words), `none`, `tinysegmenter` and Sudachi. MeCab loses them. With `none` each
    character is a word.
    """

    kind = "character"

    def normalise(self, text: str) -> str:
        """Returns the text that the ids of a text stand for."""
        return self._separator.join(self.rules.words(text))

    def encode(self, text: str) -> list[int]:
        """Returns the ids of a text alone, without special tokens."""
        find, unknown = self._ids.get, self._unknown
        return [find(character, unknown) for character in self.normalise(text)]

    def encode_words(self, text: str) -> tuple[list[int], list[bool]]:
        """Returns `encode`'s ids, and for each whether it begins a word.

        A blank between words is a word by itself.
        """
        words = self.rules.words(text)
        find, unknown = self._ids.get, self._unknown
        joined = self._separator.join(words)
        ids = [find(character, unknown) for character in joined]
        starts = [not self.rules.loaded.finds_words] * len(ids)
        place = 0
        for word in filter(None, words):
            starts[place] = True
            place += len(word)
            if self._separator and place < len(ids):
                starts[place] = True
                place += 1
        return ids, starts

    def decode(self, ids: Sequence[int]) -> str:
        """Returns the text of ids; special tokens are skipped, unknown ones are named."""
        return "".join(
            self.tokens[number] for number in ids if number not in self._skipped
        )


@dataclass(frozen=True)
class CharacterConfig(SegmentedConfig[CharacterTokenizer]):
    """The most frequent characters."""

    tokenizer = CharacterTokenizer

    def learn(self, words: WordCounts, size: int) -> list[str]:
        """Returns up to `size` characters."""
        return words.alphabet(min(size, self.limit_alphabet), self.initial_characters())
