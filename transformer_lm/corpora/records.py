"""Documents cut into records of bounded size, so that memory stays constant."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple


class Record(NamedTuple):
    """A document, or a part of a long one.

    The texts of a document's records, joined, are the document.
    """

    text: str
    starts_document: bool
    ends_document: bool


def cut_document(pieces: Iterable[str], limit: int) -> Iterator[Record]:
    r"""Cuts a document into records of at most `limit` characters.

    A record ends where a piece ends, unless one piece alone is longer than the limit.

    Args:
      pieces: the document's text, in lines; each but the first begins with its newline.
        At least one, none of them empty.
      limit: characters of a record at most.

    >>> [record.text for record in cut_document(["ab", "\ncd", "\nefghij"], 5)]
    ['ab\ncd', '\nefgh', 'ij']
    """
    held: list[str] = []
    size = 0
    starts = True
    for piece in pieces:
        if held and size + len(piece) > limit:
            yield Record("".join(held), starts, ends_document=False)
            held, size, starts = [], 0, False
        while len(piece) > limit:
            yield Record(piece[:limit], starts, ends_document=False)
            piece, starts = piece[limit:], False
        held.append(piece)
        size += len(piece)
    yield Record("".join(held), starts, ends_document=True)
