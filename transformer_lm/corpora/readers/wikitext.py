"""Wikitext to running text, by mwparserfromhell."""

import re
from typing import TYPE_CHECKING

from transformer_lm.corpora.extras import CORPORA, require
from transformer_lm.corpora.text_documents import without_surrogates

if TYPE_CHECKING:
    from mwparserfromhell.nodes import Node
    from mwparserfromhell.wikicode import Wikicode

_HIDDEN_TAGS = re.compile(
    "ce|chem|code|gallery|hiero|imagemap|indicator|inputbox|languages|mapframe|maplink|"
    "math|pre|ref|references|score|source|style|syntaxhighlight|table|templatedata|"
    "templatestyles|timeline"
)
"""Tags whose content is no running text."""

_HIDDEN_LINKS = re.compile(
    r"\s*(?:file|image|media|category|ファイル|画像|メディア|カテゴリ|"
    r"[a-z]{2,3}(?:-[a-z]+)*|simple)\s*:",
    re.IGNORECASE,
)
"""Targets of links that show a picture, sort a page or lead to another language."""

_SWITCH = re.compile(r"__[A-Z]+__")
_WHITE = re.compile(r"\s+")
_BLANKS = re.compile(r"[ \t\xa0]+")
# A run is tried from its beginning alone, or a long one would cost its square.
_DANGLING = re.compile(
    r"(?<=[（(])[、，；,;\s]+|(?<![、，；,;\s])[、，；,;\s]++(?=[）)])"
)
_EMPTY_BRACKETS = re.compile(r"（）|\(\)")


class Wikitext:
    """Keeps paragraphs, list items and the words of links.

    Templates, tables, references, formulas, pictures, headings, categories and comments
    go, with brackets that are empty without them.
    """

    def __init__(self) -> None:
        """Finds mwparserfromhell.

        Raises:
          UserError: if it is not installed.
        """
        self._parse = require("mwparserfromhell", CORPORA).parse

    def plain(self, text: str) -> str:
        """Returns the running text, a paragraph or list item a line."""
        # skip_style_tags keeps '' and ''' out of the tree, where unbalanced ones cost
        # much time; they are taken out here instead.
        unstyled = text.replace("'''", "").replace("''", "")
        code: Wikicode = self._parse(unstyled, skip_style_tags=True)
        _prune(code)
        plain = code.strip_code(normalize=True, collapse=False)
        plain = _DANGLING.sub("", _SWITCH.sub("", plain))
        plain = _EMPTY_BRACKETS.sub("", plain)
        lines = _WHITE.sub(_one_line_end, _BLANKS.sub(" ", plain)).strip()
        # An entity can name half a surrogate pair: &#xD800;
        return without_surrogates(lines)


def _one_line_end(white: re.Match[str]) -> str:
    """White space with line ends in it becomes one; other is kept."""
    return "\n" if "\n" in white[0] else white[0]


def _prune(code: "Wikicode") -> None:
    """Takes out the nodes that hold no running text, at every depth."""
    code.nodes = [node for node in code.nodes if not _is_hidden(node)]
    for node in code.nodes:
        for name in ("contents", "text", "title"):
            inner = getattr(node, name, None)
            if inner is not None and hasattr(inner, "nodes"):
                _prune(inner)


def _is_hidden(node: "Node") -> bool:
    """Whether a node holds no running text."""
    kind = type(node).__name__
    if kind == "Tag":
        name = str(getattr(node, "tag", "")).strip().lower()
        return _HIDDEN_TAGS.fullmatch(name) is not None
    if kind == "Wikilink":
        return _HIDDEN_LINKS.match(str(getattr(node, "title", ""))) is not None
    return kind in ("Heading", "Template", "Comment", "Argument")
