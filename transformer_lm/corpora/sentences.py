"""Lines cut into sentences: by rule, or by MeCab's punctuation.

Both differ from the splitter inside the streaming pipeline (`data/sentences.py`), which
must run in the graph: that one ends a sentence inside a quotation too, and knows
。！？ alone.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

from transformer_lm.corpora.extras import JAPANESE, require
from transformer_lm.mecab import DICTIONARIES, INSTALL, load_tagger
from transformer_lm.registry import UserError, describe_unknown

_CLOSING = {
    "」": "「",
    "』": "『",
    "）": "（",
    ")": "(",
    "】": "【",
    "〕": "〔",
    "〉": "〈",
    "》": "《",
    "］": "［",
    "]": "[",
    "”": "“",
}
"""Closing bracket → the opening one."""

_MARKS = "。！？!?｡"
_STOPS = re.compile(f"[{_MARKS}{re.escape(''.join(_CLOSING))}]+")
"""Where a sentence may end: marks and closing brackets, mixed."""

_GOES_ON = re.compile("と|って|、|，|を|の|など")
"""After a quotation, these carry its sentence on."""


class RuleSplitter:
    """Ends a sentence after a run of 。！？ and the brackets that close after it.

    - Inside brackets that are open, 「…。…。」, no sentence ends, if they close on the
      same line; brackets that never close count for nothing.
    - A quotation that is followed by と, って, 、, を, の or など stays with what follows.
    - Half-width ! and ? end a sentence only after a letter that is no ASCII:
      `Yahoo!ニュース` and `Really?` stay whole.
    """

    def sentences(self, line: str) -> Iterator[str]:
        """Yields the sentences of a line; joined, they are the line."""
        start = 0
        inside = _bracketed(line)
        for stop in _STOPS.finditer(line):
            if stop.end() < len(line) and _ends(line, stop, inside):
                yield line[start : stop.end()]
                start = stop.end()
        if start < len(line):
            yield line[start:]


def _ends(line: str, stop: re.Match[str], inside: list[bool]) -> bool:
    """Whether a sentence ends after a run of marks and closing brackets."""
    run = stop.group()
    if inside[stop.end() - 1] or not any(mark in run for mark in _MARKS):
        return False
    if run[-1] in _CLOSING and _GOES_ON.match(line, stop.end()):
        return False
    only_half_width = not any(mark in run for mark in "。！？｡")
    before = line[stop.start() - 1 : stop.start()]
    return not (only_half_width and before.isascii())


def _bracketed(line: str) -> list[bool]:
    """For each character, whether a bracket is open after it that closes later on."""
    depth_change = [0] * len(line)
    open_at: list[int] = []
    for place, character in enumerate(line):
        if character in _CLOSING:
            # A closing bracket ends the nearest one of its kind, and what was opened
            # after that and never closed.
            for back in range(len(open_at) - 1, -1, -1):
                if line[open_at[back]] == _CLOSING[character]:
                    depth_change[open_at[back]] += 1
                    depth_change[place] -= 1
                    del open_at[back:]
                    break
        elif character in _OPENING:
            open_at.append(place)
    depth = 0
    inside = []
    for change in depth_change:
        depth += change
        inside.append(depth > 0)
    return inside


_OPENING = frozenset(_CLOSING.values())


class MecabSplitter:
    """Ends a sentence after each token that MeCab tags 句点, as rinna and Tohoku do.

    Closing brackets that follow stay with it. What is a 句点 is the dictionary's
    choice: IPADIC knows 。 alone, UniDic !？ too.
    """

    def __init__(self, dictionary: str) -> None:
        """Loads a dictionary by its name.

        Raises:
          UserError: if the name is unknown or the dictionary is not installed.
        """
        if dictionary not in DICTIONARIES:
            raise UserError(
                describe_unknown("sentence splitter", dictionary, [*splitter_names()])
            )
        package = DICTIONARIES[dictionary]
        require("fugashi", JAPANESE)
        require(package, INSTALL[package])
        # Any: fugashi's nodes have no types.
        self._tagger: Callable[[str], list[Any]] = load_tagger(package)

    def sentences(self, line: str) -> Iterator[str]:
        """Yields the sentences of a line; joined, they are the line."""
        start = place = 0
        ended = False
        for node in self._tagger(line):
            begin = line.index(node.surface, place)
            is_stop = node.feature_raw.split(",", 2)[1] == "句点"
            # By character: IPADIC takes half-width brackets for nouns.
            closes = all(character in _CLOSING for character in node.surface)
            if ended and not is_stop and not closes:
                yield line[start:begin]
                start, ended = begin, False
            place = begin + len(node.surface)
            ended = ended or is_stop
        if start < len(line):
            yield line[start:]


def splitter_names() -> tuple[str, ...]:
    """Returns the names that `make_splitter` knows."""
    return ("rule", *DICTIONARIES)


def make_splitter(name: str) -> RuleSplitter | MecabSplitter:
    """Returns the splitter of that name.

    Raises:
      UserError: if the name is unknown or its dictionary is not installed.
    """
    return RuleSplitter() if name == "rule" else MecabSplitter(name)
