"""Training of WordPiece's vocabulary: pairs of pieces joined, the most frequent first.

The `tokenizers` package does the work. Its own trainer for WordPiece gives another
vocabulary in every process, because it numbers the pieces inside words in the order of a
hash table, and breaks ties by these numbers. Here each character inside a word is a
character of its own (of a private plane of Unicode) for the package's trainer of pairs,
which numbers characters in order; so the same text gives the same vocabulary.
"""

from collections.abc import Iterator, Mapping, Sequence

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from transformer_lm.tokenizers.word_counts import WordCounts

PREFIX = "##"
"""Before a piece that does not begin a word."""

_PRIVATE = 0xF0000
"""First character of the private planes; they have room for 131,072."""

_LINE_WORDS = 1000


def learn_pieces(
    words: WordCounts, size: int, *, alphabet: Sequence[str], min_frequency: int
) -> list[str]:
    """Returns pieces: the alphabet, that inside words, and joined pieces.

    Words with a character outside the alphabet teach nothing, since they are unknown
    anyway; nor do those that begin with the prefix's own marks.

    Args:
      words: of the training text, without blanks.
      size: pieces, at most.
      alphabet: characters.
      min_frequency: times that a pair must occur in order to be joined.
    """
    inside = {
        character: chr(_PRIVATE + number) for number, character in enumerate(alphabet)
    }
    plain = {ord(private): character for character, private in inside.items()}
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=min_frequency,
        initial_alphabet=list(alphabet),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_lines(words, inside), trainer)
    table = tokenizer.get_vocab()
    pieces = sorted(table, key=table.__getitem__)
    return [
        (PREFIX if ord(piece[0]) in plain else "") + piece.translate(plain)
        for piece in pieces
    ]


def _lines(words: WordCounts, inside: Mapping[str, str]) -> Iterator[str]:
    """The words as the trainer gets them, each as often as it occurs."""
    for word, count in words.counts.items():
        known = all(character in inside for character in word)
        if not known or word.startswith(PREFIX):
            continue
        coded = word[0] + "".join(inside[character] for character in word[1:])
        for done in range(0, count, _LINE_WORDS):
            yield " ".join([coded] * min(count - done, _LINE_WORDS))
