"""Compressed files as plain streams; damage is one plain message."""

import bz2
import contextlib
import gzip
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, cast

from etils import epath

from transformer_lm.registry import UserError

_TOOLS = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz"}
"""Ending of a compressed file → the tool that checks it."""


@contextlib.contextmanager
def open_decompressed(
    path: epath.Path, on_read: Callable[[int], None] | None = None
) -> Iterator[BinaryIO]:
    """Opens a file for reading; .gz, .bz2 and .xz are decompressed on the way.

    Args:
      path: local or gs://.
      on_read: takes the number of bytes, still compressed, of each piece read.

    Raises:
      UserError: while reading, if the file is cut short or damaged.
    """
    try:
        with contextlib.ExitStack() as stack:
            stream = cast(BinaryIO, stack.enter_context(path.open("rb")))
            if on_read is not None:
                stream = cast(BinaryIO, _Metered(stream, on_read))
            if path.suffix == ".gz":
                stream = stack.enter_context(gzip.GzipFile(fileobj=stream))
            elif path.suffix == ".bz2":
                stream = stack.enter_context(bz2.BZ2File(stream))
            elif path.suffix == ".xz":
                stream = stack.enter_context(lzma.LZMAFile(stream))
            yield cast(BinaryIO, stream)
    except (EOFError, OSError, zlib.error, lzma.LZMAError) as error:
        # The bz2 module says "damaged" with an OSError that has no number.
        if path.suffix not in _TOOLS or getattr(error, "errno", None) is not None:
            raise
        raise UserError(
            f"{path} is cut short or damaged ({error}); download or compress it again"
            f" (`{_TOOLS[path.suffix]} -t {path}` checks it)"
        ) from error


class _Metered:
    """A stream that tells how much is read from it."""

    def __init__(self, stream: BinaryIO, on_read: Callable[[int], None]) -> None:
        self._stream = stream
        self._on_read = on_read

    def read(self, size: int = -1) -> bytes:
        """Reads like the stream."""
        content = self._stream.read(size)
        self._on_read(len(content))
        return content

    def seek(self, offset: int, whence: int = 0) -> int:
        """Seeks like the stream."""
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        """Tells the stream's place."""
        return self._stream.tell()

    def seekable(self) -> bool:
        """Says whether the stream can seek."""
        return self._stream.seekable()
