"""How long a page's wikitext would take to parse, at worst, without parsing it.

A parser of wikitext that meets an opening mark reads on for its closing one; where there
is none it goes back and takes the mark as text. Thousands of marks that never close, or
that lie too deep inside one another, cost the square of their number: 16 kB of `<a ` take
mwparserfromhell 46 s. So what is read in vain is added up beforehand, and what each mark
costs even if it closes.
"""

import re

LARGEST = 4_000_000
"""A page that costs more is skipped. Up to this, some seconds of work: a page of 200,000
characters may have 20 marks at its beginning that never close, or 80,000 that do."""

_EACH = 50
"""Cost of any mark, in characters that are read in vain."""

_DEPTH = 30
"""Marks inside one another; mwparserfromhell gives up at 40 and goes back."""

_MARK = re.compile(
    r"\{\{|\}\}|\[\[|\]\]|\{\||\|\}|\[(?=[a-z+.\-]{0,20}:|//)|\]|<!--"
    r"|</?[a-z][a-z0-9]*|/?>|(?<=[\n*#:;])[*#:;]|----|&",
    re.IGNORECASE,
)
_CLOSING = {"}}": "{{", "]]": "[[", "|}": "{|", "]": "["}
_COUNTED = frozenset({*"*#:;&", "----"})
"""Marks of lists, rulers and entities, which open nothing."""

_RAW = (
    *("chem", "ce", "gallery", "math", "nowiki", "pre", "score", "source"),
    *("syntaxhighlight", "timeline"),
)
"""Tags whose content is no markup."""

_SINGLE = (
    *("br", "hr", "img", "li", "dd", "dt", "td", "th", "tr", "wbr", "meta", "link"),
)
"""Tags that need no closing one."""


def cost(text: str) -> int:
    """Returns how many characters are read in vain, or take as long as those.

    From each mark in vain to the end of the text, and `_EACH` for any mark.
    """
    vain = 0
    stack: list[tuple[str, int]] = []
    absent: set[str] = set()
    place = 0
    while found := _MARK.search(text, place):
        mark, place = found[0].lower(), found.end()
        vain += _EACH
        top = stack[-1][0] if stack else ""
        opened = None
        if mark in _CLOSING:
            if top == _CLOSING[mark]:
                stack.pop()
        elif mark in (">", "/>"):
            if top.startswith("<"):
                _, start = stack.pop()
                name = top[1:]
                if mark == ">" and name in _RAW:
                    place = _behind(text, f"</{name}", place, absent)
                    vain += (len(text) - start) * (f"</{name}" in absent)
                elif mark == ">" and name not in _SINGLE:
                    opened = (name, start)
        elif mark.startswith("</"):
            if top == mark[2:]:
                stack.pop()
        elif mark == "<!--":
            place = _behind(text, "-->", place, absent)
            vain += (len(text) - found.start()) * ("-->" in absent)
        elif mark not in _COUNTED:
            opened = (mark, found.start())
        if opened is not None and len(stack) < _DEPTH:
            stack.append(opened)
        elif opened is not None:
            vain += len(text) - opened[1]
    return vain + sum(len(text) - start for _, start in stack)


def _behind(text: str, closing: str, place: int, absent: set[str]) -> int:
    """The place behind the next closing mark; `place` itself, noted, if there is none."""
    end = -1 if closing in absent else text.find(closing, place)
    if end < 0:
        absent.add(closing)
        return place
    return end + len(closing)
