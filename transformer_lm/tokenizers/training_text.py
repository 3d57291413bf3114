"""Text cut into the lines that a vocabulary is trained on."""

import math
from collections.abc import Iterable, Iterator

_LONGEST = 1_000
"""Characters; SentencePiece leaves out lines of more than 4192 bytes without a word."""


def training_lines(texts: Iterable[str], max_characters: int | None) -> Iterator[str]:
    """Yields lines and, where those are long, sentences of at most 1,000 characters.

    Args:
      texts: any text.
      max_characters: where to stop; None: at the end.
    """
    left = math.inf if max_characters is None else max_characters
    for text in texts:
        if len(text) > left:
            text = text[: int(left)]
        left -= len(text)
        for line in text.splitlines():
            yield from filter(None, map(str.strip, cut_line(line, _LONGEST)))
        if left <= 0:
            return


def cut_line(line: str, longest: int) -> Iterator[str]:
    """Cuts a line that is too long after 。！？, or anywhere if there is none.

    Args:
      line: any text.
      longest: characters in a part, at most.
    """
    while len(line) > longest:
        head = line[:longest]
        end = max(head.rfind(mark) for mark in "。！？.!?") + 1 or longest
        yield line[:end]
        line = line[end:]
    yield line
