"""WordPiece or characters over words of MeCab, TinySegmenter, Sudachi or blanks.

For transformers 4.57 and 5. The training has code of its own for this; the tests of the
project hold the two equal.
"""

import importlib
import re
import unicodedata
from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizer

LONGEST_WORD = 100
"""Characters; a longer word is unknown, as in BERT's published code."""

PREFIX = "##"
"""Before pieces inside a word."""

UNUSED = re.compile(r"\[unused\d+\]|<unused\d+>")
"""Places that are kept free for special tokens to come."""

NEEDS = {
    "mecab": "fugashi and the dictionary's package",
    "tinysegmenter": "tinysegmenter",
    "sudachi": "SudachiPy and SudachiDict-core",
}


class SegmentedTokenizer(PreTrainedTokenizer):
    """Cuts text into words, then each word into tokens of a list.

    Args:
      vocab_file: the tokens, one a line, by id.
      segmenter: mecab_ipadic, mecab_unidic_lite, mecab_unidic, tinysegmenter, sudachi_a,
        sudachi_b, sudachi_c, whitespace or none.
      kind: wordpiece or character.
      normalization: nfkc or none.
      lower_case: letters become small.
      mark_before: stands before a text.
      mark_after: stands behind it, and behind the second of a pair; None: nothing does.
      **kwargs: what every tokenizer of transformers takes.
    """

    vocab_files_names = {"vocab_file": "vocab.txt"}  # noqa: RUF012
    model_input_names = ("input_ids", "token_type_ids", "attention_mask")

    def __init__(
        self,
        vocab_file: str,
        segmenter: str,
        kind: str,
        normalization: str,
        lower_case: bool,
        mark_before: str,
        mark_after: str | None = None,
        **kwargs: Any,
    ) -> None:
        text = Path(vocab_file).read_bytes().decode().replace("\r\n", "\n")
        self._tokens = text.removesuffix("\n").split("\n")
        self._table = {token: number for number, token in enumerate(self._tokens)}
        self._words_of = words_of(segmenter)
        self._separator = " " if segmenter == "whitespace" else ""
        self.kind = kind
        self.normalization = normalization
        self.lower_case = lower_case
        self.mark_before, self.mark_after = mark_before, mark_after
        super().__init__(
            segmenter=segmenter,
            kind=kind,
            normalization=normalization,
            lower_case=lower_case,
            mark_before=mark_before,
            mark_after=mark_after,
            **kwargs,
        )
        # No text becomes one of these, whatever it says.
        added = {token.content for token in self.added_tokens_decoder.values()}
        self._special = added | set(filter(UNUSED.fullmatch, self._tokens))

    @property
    def vocab_size(self) -> int:
        """Tokens of the list."""
        return len(self._tokens)

    def get_vocab(self) -> dict[str, int]:
        """Returns the id of each token."""
        return {**self._table, **self.added_tokens_encoder}

    def save_vocabulary(
        self, save_directory: str, filename_prefix: str | None = None
    ) -> tuple[str]:
        """Writes the tokens, one a line."""
        prefix = f"{filename_prefix}-" if filename_prefix else ""
        file = Path(save_directory) / f"{prefix}vocab.txt"
        file.write_bytes("".join(f"{token}\n" for token in self._tokens).encode())
        return (str(file),)

    def build_inputs_with_special_tokens(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None
    ) -> list[int]:
        """Puts the marks around a text, or around two."""
        first = self.convert_tokens_to_ids([self.mark_before])
        last = self.convert_tokens_to_ids([self.mark_after] if self.mark_after else [])
        more = [] if token_ids_1 is None else [*token_ids_1, *last]
        return [*first, *token_ids_0, *last, *more]

    def create_token_type_ids_from_sequences(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None
    ) -> list[int]:
        """Returns 0 for the first text and its marks, 1 for the second."""
        before = len(self.build_inputs_with_special_tokens(token_ids_0))
        both = len(self.build_inputs_with_special_tokens(token_ids_0, token_ids_1))
        return [0] * before + [1] * (both - before)

    def get_special_tokens_mask(
        self,
        token_ids_0: list[int],
        token_ids_1: list[int] | None = None,
        already_has_special_tokens: bool = False,
    ) -> list[int]:
        """Returns 1 for marks, 0 for text."""
        if not already_has_special_tokens:
            token_ids_0 = self.build_inputs_with_special_tokens(
                token_ids_0, token_ids_1
            )
        special = set(self.all_special_ids)
        return [int(number in special) for number in token_ids_0]

    def convert_tokens_to_string(self, tokens: list[str]) -> str:
        """Returns the text of tokens."""
        if self.kind == "character":
            return "".join(tokens)
        words: list[str] = []
        for token in tokens:
            if token.startswith(PREFIX) and words:
                words[-1] += token.removeprefix(PREFIX)
            else:
                words.append(token.removeprefix(PREFIX))
        return self._separator.join(words)

    def _tokenize(self, text: str, **kwargs: object) -> list[str]:
        """Returns the tokens of a text without special tokens."""
        words = self._words(text)
        if self.kind == "character":
            return [self._known(each) for each in self._separator.join(words)]
        parts = [part for word in words for part in word.split()]
        return [piece for part in parts for piece in self._pieces(part)]

    def _words(self, text: str) -> list[str]:
        """The normalised words of a text."""
        if self.lower_case:
            # Letter by letter, without the rule of the final sigma.
            text = "".join(map(str.lower, text))
        if self.normalization == "nfkc":
            text = unicodedata.normalize("NFKC", text)
        words = self._words_of(text)
        return [word.lower() for word in words] if self.lower_case else words

    def _pieces(self, part: str) -> list[str]:
        """The pieces of a word: the longest first, from the left, or unknown."""
        if len(part) > LONGEST_WORD:
            return [self.unk_token]
        pieces: list[str] = []
        start = 0
        while start < len(part):
            for end in range(len(part), start, -1):
                piece = PREFIX * bool(start) + part[start:end]
                if self._known(piece) == piece:
                    pieces.append(piece)
                    start = end
                    break
            else:
                return [self.unk_token]
        return pieces

    def _known(self, token: str) -> str:
        is_known = token in self._table and token not in self._special
        return token if is_known else self.unk_token

    def _convert_token_to_id(self, token: str) -> int:
        return self._table.get(token, self._table[self.unk_token])

    def _convert_id_to_token(self, index: int) -> str:
        return self._tokens[index]


def words_of(segmenter: str) -> Any:
    """Returns the function from a text to its words.

    Raises:
      ImportError: if a package is missing.
      ValueError: if there is no such segmenter.
    """
    name, _, variant = segmenter.partition("_")
    if name == "whitespace":
        return str.split
    if name == "none":
        return str.splitlines
    makers = {"mecab": _mecab, "tinysegmenter": _tiny, "sudachi": _sudachi}
    if name not in makers:
        raise ValueError(f"segmenter={segmenter!r} is unknown")
    try:
        return makers[name](variant)
    except ImportError as error:
        raise ImportError(
            f"this tokenizer needs {NEEDS[name]} ({error}); install with pip"
        ) from error


def _mecab(dictionary: str) -> Any:
    fugashi = importlib.import_module("fugashi")
    folder = importlib.import_module(dictionary).DICDIR
    tagger = fugashi.GenericTagger(f'-d "{folder}" -r "{folder}/mecabrc"')
    # MeCab stops at a NUL, which therefore counts as a blank.
    return lambda text: [word.surface for word in tagger(text.replace("\0", " "))]


def _tiny(variant: str) -> Any:
    del variant
    cut = importlib.import_module("tinysegmenter").TinySegmenter().tokenize
    return lambda text: [word for line in text.splitlines() for word in cut(line)]


def _sudachi(variant: str) -> Any:
    sudachipy = importlib.import_module("sudachipy")
    dictionary = sudachipy.Dictionary(dict="core")
    # SudachiPy 0.7 renames `create`.
    make = getattr(dictionary, "tokenizer", None) or dictionary.create
    cut = make(getattr(sudachipy.SplitMode, variant.upper())).tokenize
    return lambda text: [
        word.surface() for line in text.splitlines() for word in cut(line)
    ]
