"""Rules about single characters and white space."""

import re
import unicodedata

_LINE_ENDS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
_BLANKS = re.compile(r"[^\S\n]+")
_JOINERS = "\u200c\u200d"
"""Zero-width, but part of the spelling of emoji and of Indic and Persian words."""


def nfkc(text: str, title: str) -> str:
    """Normalises to NFKC: full-width letters and half-width kana become the usual ones."""
    del title
    return unicodedata.normalize("NFKC", text)


def control_characters(text: str, title: str) -> str:
    """Takes out control, format, private and unassigned characters.

    Every kind of line end becomes a newline; newlines, tabs and zero-width joiners stay.
    """
    del title
    text = _LINE_ENDS.sub("\n", text)
    unwanted = [character for character in set(text) if not _is_kept(character)]
    return text.translate(str.maketrans("", "", "".join(unwanted)))


def whitespace(text: str, title: str) -> str:
    """Makes each run of blanks one space, and takes out blank lines and ends of lines."""
    del title
    lines = _BLANKS.sub(" ", text).split("\n")
    return "\n".join(filter(None, (line.strip() for line in lines)))


def _is_kept(character: str) -> bool:
    if character.isprintable() or character in "\n\t" or character in _JOINERS:
        return True
    # Blanks other than the space are not "printable".
    return unicodedata.category(character) == "Zs"
