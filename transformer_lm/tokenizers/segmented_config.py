"""Settings of tokenizers over words: how they are trained, loaded and stored."""

import dataclasses
import logging
import os
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Literal, TypeVar

from etils import epath

from transformer_lm.registry import UserError
from transformer_lm.tokenizers import segmenters, special_tokens
from transformer_lm.tokenizers.segmented import SegmentedTokenizer
from transformer_lm.tokenizers.vocabulary_files import (
    SETTINGS_FILE,
    VOCABULARY_FILE,
    StoredSettings,
    read_settings,
    to_content,
    write_whole,
)
from transformer_lm.tokenizers.word_counts import WordCounts, count_words
from transformer_lm.tokenizers.word_rules import WordRules

_Made = TypeVar("_Made", bound=SegmentedTokenizer)

_LARGEST_ALPHABET = 100_000
"""Characters of all scripts are not many more."""


@dataclass(frozen=True)
class SegmentedConfig(ABC, Generic[_Made]):
    """A vocabulary over words of a segmenter, in a file vocab.txt."""

    vocab_path: str | None = None
    """File of the vocabulary, a token a line; unset: vocab.txt in the work folder."""
    vocab_size: int = 32_000
    """Tokens at most, special ones included, when the vocabulary is trained."""
    max_corpus_chars: int = 10_000_000
    """Characters of training text that the vocabulary is trained on."""
    segmenter: str = "mecab_ipadic"
    """What cuts text into words: MeCab with a dictionary (mecab_ipadic,
    mecab_unidic_lite, mecab_unidic), tinysegmenter, sudachi_a to sudachi_c, whitespace
    or none.
    """
    normalization: Literal["nfkc", "none"] = "nfkc"
    """Unicode's NFKC, as of half-width kana and full-width letters; or none."""
    lower_case: bool = False
    """Whether letters become small."""
    limit_alphabet: int = 6129
    """Characters in the vocabulary, at most: the most frequent ones."""
    initial_alphabet: str = ""
    """Characters in it whatever their frequency; or a file of them, ending in .txt."""
    num_unused_tokens: int = 10
    """Tokens [unused0] … that keep places free."""
    special_tokens: str = "[PAD],[UNK],[CLS],[SEP],[MASK]"
    """Names, by commas, in the order of their ids; [BOS] and [EOS] for decoders."""

    tokenizer: ClassVar[type[SegmentedTokenizer]]

    @property
    def rules(self) -> WordRules:
        """How text becomes words."""
        return WordRules(self.segmenter, self.normalization, self.lower_case)

    def problems(self) -> list[str]:
        """Lists what cannot work, a line each."""
        problems = [
            f"{name}={value} must be at least {least}"
            for name, value, least in (
                ("max_corpus_chars", self.max_corpus_chars, 1),
                ("limit_alphabet", self.limit_alphabet, 1),
                ("num_unused_tokens", self.num_unused_tokens, 0),
            )
            if value < least
        ]
        if self.limit_alphabet > _LARGEST_ALPHABET:
            problems.append(
                f"limit_alphabet={self.limit_alphabet} must be at most"
                f" {_LARGEST_ALPHABET}"
            )
        if self.normalization not in ("nfkc", "none"):
            problems.append(
                f"normalization={self.normalization!r} must be 'nfkc' or 'none'"
            )
        problems += segmenters.problems(self.segmenter)
        problems += special_tokens.problems(self.special_tokens)
        fixed = len(self._fixed_tokens())
        if self.vocab_size <= fixed:
            problems.append(
                f"vocab_size={self.vocab_size} leaves no room beside {fixed} special and"
                " unused tokens"
            )
        file = self._alphabet_file()
        if file is not None and not file.exists():
            problems.append(
                f"initial_alphabet={self.initial_alphabet!r} does not exist; name a"
                " file, or give the characters themselves"
            )
        return problems

    def path(self, workdir: str) -> str:
        """Returns the vocabulary's file."""
        return self.vocab_path or os.fspath(
            epath.Path(workdir).expanduser() / VOCABULARY_FILE
        )

    def load(self, workdir: str) -> _Made:
        """Returns the tokenizer of the vocabulary in the file.

        Raises:
          UserError: if the file is missing or no such vocabulary, or was made with
            other settings.
        """
        path = epath.Path(self.path(workdir)).expanduser()
        if not path.exists():
            origin = "vocab_path" if self.vocab_path else "the work folder"
            raise UserError(
                f"the vocabulary {path} (from {origin}) does not exist; training writes"
                " it, or set vocab_path to an existing vocab.txt"
            )
        content = path.read_bytes()
        trained_with = read_settings(path, content, self._stored())
        return self._make(content, origin=str(path), trained_with=trained_with)

    def train(self, texts: Iterable[str], workdir: str, processes: int = 1) -> _Made:
        """Trains a vocabulary, writes it and returns its tokenizer.

        The same texts give the same files, by any number of processes.

        Args:
          texts: training text; only the first `max_corpus_chars` characters are read.
          workdir: work folder.
          processes: how many cut text into words.

        Raises:
          UserError: if there is no text, or its alphabet does not fit.
        """
        words = count_words(texts, self.rules, self.max_corpus_chars, processes)
        if not words.counts:
            raise UserError(
                "cannot train a vocabulary: there is no training text; check the"
                " training split"
            )
        fixed = self._fixed_tokens()
        learned = self.learn(words, self.vocab_size - len(fixed))
        tokens = list(dict.fromkeys([*fixed, *learned]))
        log = logging.getLogger(__name__)
        if len(tokens) > self.vocab_size:
            raise UserError(
                f"cannot train a vocabulary of vocab_size={self.vocab_size}: special"
                f" tokens and the alphabet, inside words too, take {len(tokens)}; raise"
                " vocab_size, or lower limit_alphabet or initial_alphabet"
            )
        if len(tokens) < self.vocab_size:
            log.info(
                "the text gives %d tokens; vocab_size=%d is a limit",
                len(tokens),
                self.vocab_size,
            )
        path = epath.Path(self.path(workdir)).expanduser()
        trained_with = dataclasses.asdict(self)
        for key in ("vocab_path", *self._stored().flat()):
            trained_with.pop(key, None)
        made = self._make(
            to_content(tokens), origin=str(path), trained_with=trained_with
        )
        # The vocabulary last: other processes wait for it.
        write_whole(path.with_name(SETTINGS_FILE), made.files[SETTINGS_FILE])
        write_whole(path, made.files[VOCABULARY_FILE])
        return made

    @abstractmethod
    def learn(self, words: WordCounts, size: int) -> list[str]:
        """Returns up to `size` tokens, learned from words; more if they do not fit."""

    def initial_characters(self) -> str:
        """Returns the characters that the vocabulary has in any case."""
        file = self._alphabet_file()
        text = self.initial_alphabet if file is None else file.read_text()
        return "".join(self.rules.normalise(text).splitlines())

    def _alphabet_file(self) -> epath.Path | None:
        """The file that `initial_alphabet` names, if it does."""
        if not self.initial_alphabet.endswith(".txt"):
            return None
        return epath.Path(self.initial_alphabet).expanduser()

    def _fixed_tokens(self) -> list[str]:
        """Special and unused tokens, in order."""
        return [
            *special_tokens.names(self.special_tokens),
            *special_tokens.unused(self.num_unused_tokens),
        ]

    def _stored(self) -> StoredSettings:
        """What is stored with the vocabulary."""
        return StoredSettings(self.tokenizer.kind, self.rules, self.special_tokens)

    def _make(self, content: bytes, **keys: Any) -> Any:
        """The tokenizer of a vocabulary."""
        return self.tokenizer(content, self.rules, self.special_tokens, **keys)
