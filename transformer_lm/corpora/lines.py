"""Lines of plain and compressed files, read in pieces of bounded size."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from etils import epath

from transformer_lm.corpora.decompression import open_decompressed

PIECE_BYTES = 1 << 20
"""A longer line comes in pieces of about this many bytes."""

WHOLE_BYTES = 1 << 26
"""Where lines are not to be cut, a longer one comes without its content (64 MiB)."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Line(NamedTuple):
    """A line without its ending, or a piece of a very long one."""

    offset: int
    """Bytes before it in the (decompressed) file."""
    number: int
    """Counted from 1."""
    content: bytes
    continues: bool
    """Whether it goes on with the line of the piece before."""
    too_long: bool = False
    """Whether the line was to come whole and is longer than `WHOLE_BYTES`."""


def read_lines(
    path: epath.Path,
    *,
    offset: int = 0,
    number: int = 1,
    whole: bool = False,
    on_read: Callable[[int], None] | None = None,
) -> Iterator[Line]:
    """Yields the lines of a file from a place on.

    Args:
      path: file; one that ends in .gz, .bz2 or .xz is decompressed.
      offset: `Line.offset` of the line to begin with.
      number: `Line.number` of that line.
      whole: never cut a line; one longer than `WHOLE_BYTES` is left out instead.
      on_read: takes the number of bytes, still compressed, of each piece read.

    Raises:
      UserError: if the file is no intact gzip, bzip2 or xz file.
    """
    if whole:
        yield from _whole_lines(path, offset, number, on_read)
        return
    rest = b""
    continues = False
    for chunk in _chunks(path, offset, on_read):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield Line(offset, number, _content(line, offset), continues)
            offset += len(line) + 1
            number += 1
            continues = False
        if len(rest) > PIECE_BYTES:
            end = _character_border(rest)
            yield Line(offset, number, _content(rest[:end], offset), continues)
            offset += end
            rest = rest[end:]
            continues = True
    if rest:
        yield Line(offset, number, _content(rest, offset), continues)


def _whole_lines(
    path: epath.Path, offset: int, number: int, on_read: Callable[[int], None] | None
) -> Iterator[Line]:
    """Lines that are never cut; the longest ones have no content."""
    held: list[bytes] = []
    size = 0
    for chunk in _chunks(path, offset, on_read):
        *ends, rest = chunk.split(b"\n")
        for end in ends:
            yield _whole_line(offset, number, [*held, end], size + len(end))
            offset += size + len(end) + 1
            number += 1
            held, size = [], 0
        size += len(rest)
        if size <= WHOLE_BYTES:
            held.append(rest)
        else:
            held = []
    if size:
        yield _whole_line(offset, number, held, size)


def _whole_line(offset: int, number: int, pieces: list[bytes], size: int) -> Line:
    """A line of `size` bytes from its pieces, or without content if it is too long."""
    if size > WHOLE_BYTES:
        return Line(offset, number, b"", continues=False, too_long=True)
    return Line(offset, number, _content(b"".join(pieces), offset), continues=False)


def _content(line: bytes, offset: int) -> bytes:
    """The line without a carriage return or, at the file's start, a byte order mark."""
    if not offset:
        line = line.removeprefix(_BYTE_ORDER_MARK)
    return line.removesuffix(b"\r")


def _chunks(
    path: epath.Path, offset: int, on_read: Callable[[int], None] | None
) -> Iterator[bytes]:
    """The file's bytes from `offset` on."""
    with open_decompressed(path, on_read) as stream:
        stream.seek(offset)
        while chunk := stream.read(PIECE_BYTES):
            yield chunk


def _character_border(content: bytes) -> int:
    """Where to cut `content` near its end without cutting a UTF-8 character."""
    for back in range(1, 5):
        if content[-back] & 0b1100_0000 != 0b1000_0000:
            return len(content) - back
    return len(content)
