"""Lines of plain and compressed files, read in pieces of bounded size."""

import contextlib
import gzip
import lzma
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple, cast

from etils import epath

from transformer_lm.registry import UserError

PIECE_BYTES = 1 << 20
"""A longer line comes in pieces of about this many bytes."""

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


def read_lines(
    path: epath.Path, *, offset: int = 0, number: int = 1, whole: bool = False
) -> Iterator[Line]:
    """Yields the lines of a file from a place on.

    Args:
      path: file; one that ends in .gz or .xz is decompressed.
      offset: `Line.offset` of the line to begin with.
      number: `Line.number` of that line.
      whole: never cut a line; memory then grows with the longest one.

    Raises:
      UserError: if the file is no intact gzip or xz file.
    """
    rest = b""
    continues = False
    for chunk in _chunks(path, offset):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield Line(offset, number, _content(line, offset), continues)
            offset += len(line) + 1
            number += 1
            continues = False
        if len(rest) > PIECE_BYTES and not whole:
            end = _character_border(rest)
            yield Line(offset, number, _content(rest[:end], offset), continues)
            offset += end
            rest = rest[end:]
            continues = True
    if rest:
        yield Line(offset, number, _content(rest, offset), continues)


def _content(line: bytes, offset: int) -> bytes:
    """The line without a carriage return or, at the file's start, a byte order mark."""
    if not offset:
        line = line.removeprefix(_BYTE_ORDER_MARK)
    return line.removesuffix(b"\r")


def _chunks(path: epath.Path, offset: int) -> Iterator[bytes]:
    """The file's bytes from `offset` on."""
    try:
        with contextlib.ExitStack() as stack:
            stream = cast(BinaryIO, stack.enter_context(path.open("rb")))
            if path.suffix == ".gz":
                stream = stack.enter_context(gzip.GzipFile(fileobj=stream))
            elif path.suffix == ".xz":
                stream = stack.enter_context(lzma.LZMAFile(stream))
            stream.seek(offset)
            while chunk := stream.read(PIECE_BYTES):
                yield chunk
    except (EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError) as error:
        tool = "gzip" if path.suffix == ".gz" else "xz"
        raise UserError(
            f"{path} is cut short or damaged ({error}); download or compress it again"
            f" (`{tool} -t {path}` checks it)"
        ) from error


def _character_border(content: bytes) -> int:
    """Where to cut `content` near its end without cutting a UTF-8 character."""
    for back in range(1, 5):
        if content[-back] & 0b1100_0000 != 0b1000_0000:
            return len(content) - back
    return len(content)
