"""Tokenizers that cut text into words first, then each word into tokens."""

import functools
import itertools
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from transformer_lm.registry import UserError
from transformer_lm.tokenizers import special_tokens
from transformer_lm.tokenizers.graph_calls import in_graph
from transformer_lm.tokenizers.interface import GraphEncoder
from transformer_lm.tokenizers.processes import Workers, chunked
from transformer_lm.tokenizers.vocabulary_files import (
    SETTINGS_FILE,
    VOCABULARY_FILE,
    StoredSettings,
    read_tokens,
)
from transformer_lm.tokenizers.word_rules import WordRules

_CHUNK_CHARACTERS = 25_000
"""Text that a process gets at a time: some hundredths of a second with MeCab."""


class SegmentedTokenizer(ABC):
    """A list of tokens over words; meets `Tokenizer`.

    Text never becomes a special token, whatever it says. A line end is a word border
    and no text.
    """

    kind: ClassVar[str]
    """Name in the registry."""

    def __init__(
        self,
        vocabulary: bytes,
        rules: WordRules,
        names: str,
        *,
        origin: str = VOCABULARY_FILE,
        trained_with: Mapping[str, Any] | None = None,
    ) -> None:
        """Reads a vocabulary.

        Args:
          vocabulary: content of its vocab.txt.
          rules: how text becomes words.
          names: of the special tokens, by commas.
          origin: name of the file, for messages.
          trained_with: further settings of its training, which it hands on.

        Raises:
          UserError: if the file is no vocabulary, lacks a special token, or the
            segmenter is not installed.
        """
        self.vocabulary = vocabulary
        self.rules = rules
        self.tokens = read_tokens(vocabulary, origin)
        self.vocab_size = len(self.tokens)
        self._names = names
        self._trained_with = dict(trained_with or {})
        table = {token: number for number, token in enumerate(self.tokens)}
        if problems := special_tokens.problems(names):
            raise UserError("; ".join(problems))
        listed = special_tokens.names(names)
        if missing := [name for name in listed if name not in table]:
            raise UserError(
                f"{origin} ({self.vocab_size} tokens) lacks {', '.join(missing)} of"
                f" special_tokens={names!r}; name the special tokens that it has"
            )
        marks = {name: table[name] for name in listed}
        ids = {
            role: next((marks[name] for name in known if name in marks), None)
            for role, known in special_tokens.ROLES.items()
        }
        self.pad_id, self.unk_id = ids["pad_id"], ids["unk_id"]
        self.bos_id, self.eos_id = ids["bos_id"], ids["eos_id"]
        self.cls_id, self.sep_id = ids["cls_id"], ids["sep_id"]
        self.mask_id = ids["mask_id"]
        free = {n for n, t in enumerate(self.tokens) if special_tokens.is_unused(t)}
        self.special_ids: tuple[int, ...] = tuple(sorted({*marks.values(), *free}))
        assert self.unk_id is not None  # `special_tokens.problems` asks for it.
        self._unknown = self.unk_id
        self._skipped = {*self.special_ids} - {self.unk_id}
        self._ids = {
            token: number
            for token, number in table.items()
            if number not in self.special_ids
        }
        self._separator = rules.loaded.separator
        self._workers: Workers[Sequence[str], list[list[int]]] | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles what it was made of, without words that were met."""
        make = functools.partial(type(self), trained_with=self._trained_with)
        return make, (self.vocabulary, self.rules, self._names)

    @property
    def files(self) -> Mapping[str, bytes]:
        """vocab.txt, and the settings that belong to it."""
        settings = StoredSettings(self.kind, self.rules, self._names)
        return {
            SETTINGS_FILE: settings.to_json(self.vocabulary, self._trained_with),
            VOCABULARY_FILE: self.vocabulary,
        }

    @abstractmethod
    def normalise(self, text: str) -> str:
        """Returns the text that the ids of a text stand for."""

    @abstractmethod
    def encode(self, text: str) -> list[int]:
        """Returns the ids of a text alone, without special tokens."""

    @abstractmethod
    def encode_words(self, text: str) -> tuple[list[int], list[bool]]:
        """Returns `encode`'s ids, and for each whether it begins a word."""

    @abstractmethod
    def decode(self, ids: Sequence[int]) -> str:
        """Returns the text of ids; special tokens are skipped, unknown ones are named."""

    def encode_batch(
        self, texts: Sequence[str], *, processes: int = 1
    ) -> list[list[int]]:
        """Returns `encode` of each text.

        Args:
          texts: any.
          processes: how many encode; each loads the dictionary for itself, once: they
            are kept for the next batch.

        Raises:
          UserError: if a process is killed.
        """
        if processes == 1:
            return [self.encode(text) for text in texts]
        chunks = chunked(texts, _CHUNK_CHARACTERS)
        try:
            parts = list(self._kept_workers(processes).map(chunks))
        except BaseException:
            self._close_workers()
            raise
        return list(itertools.chain.from_iterable(parts))

    def _kept_workers(self, processes: int) -> Workers[Sequence[str], list[list[int]]]:
        """Those of the last batch, if they are as many."""
        if self._workers is None or self._workers.processes != processes:
            self._close_workers()
            self._workers = Workers(self.encode_batch, processes)
        return self._workers

    def _close_workers(self) -> None:
        if self._workers is not None:
            self._workers.close()
            self._workers = None

    def graph_encoder(self) -> GraphEncoder:
        """Returns `encode_words` as graph operations, which call Python."""
        return in_graph(self.encode_words)
