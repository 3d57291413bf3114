"""Words of a training text, counted."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from transformer_lm.bar import watched
from transformer_lm.tokenizers.processes import chunked, ordered_map
from transformer_lm.tokenizers.training_text import training_lines
from transformer_lm.tokenizers.word_rules import WordRules

_CHUNK_CHARACTERS = 100_000
"""Text that a process gets at a time."""

_NO_TOKEN = "\n\r"
"""Characters that end a line of vocab.txt."""


@dataclass(frozen=True)
class WordCounts:
    """How often each word occurs, and what stands between words."""

    counts: Counter[str]
    separators: int
    """Blanks between words, where the segmenter has left them out."""

    def without_blanks(self) -> "WordCounts":
        """Returns the parts of words between blanks."""
        counts: Counter[str] = Counter()
        for word, count in self.counts.items():
            for part in word.split():
                counts[part] += count
        return WordCounts(counts, separators=0)

    def alphabet(self, limit: int, initial: str) -> list[str]:
        """Returns characters in the order of their code points.

        Args:
          limit: how many, at most, unless `initial` has more.
          initial: characters that belong to it in any case; the most frequent others
            follow.
        """
        characters: Counter[str] = Counter({" ": self.separators})
        for word, count in self.counts.items():
            for character in word:
                characters[character] += count
        first = dict.fromkeys(initial)
        rest = sorted(
            (-count, character)
            for character, count in characters.items()
            if count and character not in first and character not in _NO_TOKEN
        )
        left = max(limit - len(first), 0)
        return sorted([*first, *(character for _, character in rest[:left])])


@dataclass(frozen=True)
class _Counter:
    """Counts the words of a chunk; can be pickled."""

    rules: WordRules

    def __call__(self, lines: Sequence[str]) -> WordCounts:
        counts: Counter[str] = Counter()
        separators = 0
        for line in lines:
            words = self.rules.words(line)
            counts.update(words)
            if self.rules.loaded.separator:
                separators += max(len(words) - 1, 0)
        return WordCounts(counts, separators)


def count_words(
    texts: Iterable[str], rules: WordRules, max_characters: int, processes: int = 1
) -> WordCounts:
    """Counts the words of a training text; any number of processes finds the same.

    Args:
      texts: the text.
      rules: how it becomes words.
      max_characters: where to stop.
      processes: how many cut text into words.
    """
    lines = training_lines(texts, max_characters)
    lines = watched(lines, "cutting into words", "characters", len)
    chunks = chunked(lines, _CHUNK_CHARACTERS)
    count = _Counter(rules)
    parts = (
        map(count, chunks) if processes == 1 else ordered_map(count, chunks, processes)
    )
    counts: Counter[str] = Counter()
    separators = 0
    for part in parts:
        counts.update(part.counts)
        separators += part.separators
    return WordCounts(counts, separators)
