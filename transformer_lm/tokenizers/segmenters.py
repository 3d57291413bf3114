"""Words of Japanese text: dictionaries by name, TinySegmenter, blanks, or none.

A dictionary is a Python package, never a path, so that a tokenizer means the same on
every machine.
"""

import importlib
import importlib.metadata
import importlib.util
import threading
from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

from transformer_lm.mecab import DICTIONARIES, INSTALL, load_tagger
from transformer_lm.registry import UserError, describe_unknown
from transformer_lm.tokenizers.training_text import cut_line

_LONGEST = 32_768
"""Characters. MeCab ends the process on texts several times as long."""

_LONGEST_SUDACHI = 12_000
"""Characters. Sudachi takes 49,149 bytes; a character has at most four."""


class Segmenter(Protocol):
    """Cuts text into words."""

    separator: str
    """What stands between words in text: a blank, or nothing in Japanese."""
    finds_words: bool
    """Whether words are known; else each character counts as one."""

    def words(self, text: str) -> list[str]:
        """Returns the words of a text, in order."""
        ...


class MecabSegmenter:
    """MeCab (Kudo et al. 2004) through fugashi; blanks and line ends are left out."""

    separator = ""
    finds_words = True

    def __init__(self, dictionary: str) -> None:
        """Loads a dictionary.

        Args:
          dictionary: its Python package, which names its folder in DICDIR.

        Raises:
          UserError: if the package has no dictionary that can be read.
        """
        self._dictionary = dictionary
        # A word a line, written by MeCab itself, costs half of fugashi's node objects.
        # The dot at the end keeps fugashi from stripping a last word that is a blank.
        # Without -O "" the output format that a dictionary names comes first.
        form = r'-O "" --node-format=%m\\n --unk-format=%m\\n --eos-format=.'
        self._tagger = load_tagger(dictionary, form)

    def __reduce__(self) -> tuple[type["MecabSegmenter"], tuple[str]]:
        return MecabSegmenter, (self._dictionary,)

    def words(self, text: str) -> list[str]:
        """Returns the words of a text.

        One of more than 32,768 characters is analysed in parts. A NUL, at which MeCab
        would stop, counts as a blank.
        """
        parts = cut_line(text.replace("\0", " "), _LONGEST)
        lines: list[str] = [self._tagger.parse(part)[:-1] for part in parts]
        return "".join(lines).split("\n")[:-1]


class SudachiSegmenter:
    """Sudachi (Takaoka et al. 2018) with its core dictionary; blanks are words."""

    separator = ""
    finds_words = True

    def __init__(self, mode: str) -> None:
        """Loads the dictionary.

        Args:
          mode: A, B or C, from short units to long ones.
        """
        self._mode = mode
        sudachipy = importlib.import_module("sudachipy")
        dictionary = sudachipy.Dictionary(dict="core")
        # SudachiPy 0.7 renames `create`, and warns of the old name.
        make = getattr(dictionary, "tokenizer", None) or dictionary.create
        self._tokenizer = make(getattr(sudachipy.SplitMode, mode))
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[type["SudachiSegmenter"], tuple[str]]:
        return SudachiSegmenter, (self._mode,)

    def words(self, text: str) -> list[str]:
        """Returns the words of a text, line by line."""
        with self._lock:  # It works in a buffer of its own.
            return [
                word.surface()
                for line in text.splitlines()
                for part in cut_line(line, _LONGEST_SUDACHI)
                for word in self._tokenizer.tokenize(part)
            ]


class TinySegmenter:
    """TinySegmenter (Kudo 2008), which needs no dictionary; blanks belong to words."""

    separator = ""
    finds_words = True

    def __init__(self) -> None:
        # The package looks a character's kind up by six regular expressions, each time.
        tiny = importlib.import_module("tinysegmenter").TinySegmenter()
        tiny._ctype = _Kinds(tiny._ctype).__getitem__
        self._tiny = tiny

    def __reduce__(self) -> tuple[type["TinySegmenter"], tuple[()]]:
        return TinySegmenter, ()

    def words(self, text: str) -> list[str]:
        """Returns the words of a text, line by line."""
        return [
            word for line in text.splitlines() for word in self._tiny.tokenize(line)
        ]


class _Kinds(dict[str, str]):
    """Kind of each character that was met."""

    def __init__(self, kind_of: Any) -> None:  # Any: a method of an untyped package.
        super().__init__()
        self._kind_of = kind_of

    def __missing__(self, character: str) -> str:
        self[character] = self._kind_of(character)
        return self[character]


class WhitespaceSegmenter:
    """Words between blanks and line ends."""

    separator = " "
    finds_words = True

    def words(self, text: str) -> list[str]:
        """Returns the words of a text."""
        return text.split()


class LineSegmenter:
    """No words: whole lines, blanks and all."""

    separator = ""
    finds_words = False

    def words(self, text: str) -> list[str]:
        """Returns the lines of a text."""
        return text.splitlines()


class _Kind(NamedTuple):
    """How a segmenter is made, and what must be installed for it."""

    make: type
    arguments: tuple[str, ...]
    needs: tuple[tuple[str, str], ...]
    """(module, distribution)."""
    advice: str


_FUGASHI = ("fugashi", "fugashi")
_SUDACHI = (("sudachipy", "SudachiPy"), ("sudachidict_core", "SudachiDict-core"))
_JA = "pip install 'transformer-lm[ja]'"
_SUDACHI_ADVICE = "pip install 'transformer-lm[sudachi]'"

SEGMENTERS = {
    **{
        name: _Kind(
            MecabSegmenter,
            (package,),
            (_FUGASHI, (package, package.replace("_", "-"))),
            f"pip install {INSTALL[package]}",
        )
        for name, package in DICTIONARIES.items()
    },
    "tinysegmenter": _Kind(
        TinySegmenter, (), (("tinysegmenter", "tinysegmenter"),), _JA
    ),
    "whitespace": _Kind(WhitespaceSegmenter, (), (), ""),
    "none": _Kind(LineSegmenter, (), (), ""),
    "sudachi_a": _Kind(SudachiSegmenter, ("A",), _SUDACHI, _SUDACHI_ADVICE),
    "sudachi_b": _Kind(SudachiSegmenter, ("B",), _SUDACHI, _SUDACHI_ADVICE),
    "sudachi_c": _Kind(SudachiSegmenter, ("C",), _SUDACHI, _SUDACHI_ADVICE),
}


def problems(name: str) -> list[str]:
    """Lists why there is no such segmenter here, a line each."""
    if name not in SEGMENTERS:
        return [describe_unknown("segmenter", name, list(SEGMENTERS))]
    kind = SEGMENTERS[name]
    missing = [
        distribution
        for module, distribution in kind.needs
        if importlib.util.find_spec(module) is None
    ]
    if not missing:
        return []
    return [
        f"segmenter={name!r} needs {' and '.join(missing)}, not installed here;"
        f" {kind.advice}"
    ]


def load_segmenter(name: str) -> Segmenter:
    """Returns a segmenter.

    Raises:
      UserError: if it is unknown or not installed.
    """
    if found := problems(name):
        raise UserError(found[0])
    kind = SEGMENTERS[name]
    return kind.make(*kind.arguments)


def version(name: str) -> str:
    """Returns the versions of the packages on which a segmenter's words depend."""
    return ", ".join(_versions(name))


def _versions(name: str) -> Iterator[str]:
    for _, distribution in SEGMENTERS[name].needs:
        yield f"{distribution} {importlib.metadata.version(distribution)}"
