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


XZ_MEMORY = 1 << 27
"""Bytes that unpacking .xz may take (128 MiB); `xz -9` needs 65 MiB, and a file may ask
for 4 GiB."""

_PIECE_BYTES = 1 << 16


@contextlib.contextmanager
def open_decompressed(
    path: epath.Path, on_read: Callable[[int], None] | None = None
) -> Iterator[BinaryIO]:
    """Opens a file for reading; .gz, .bz2 and .xz are decompressed on the way.

    Args:
      path: local or gs://.
      on_read: takes the number of bytes, still compressed, of each piece read.

    Raises:
      UserError: while reading, if the file is cut short or damaged, or an .xz file asks
        for more memory than `XZ_MEMORY`.
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
                stream = cast(BinaryIO, _Xz(stream))
            yield cast(BinaryIO, stream)
    except (EOFError, OSError, zlib.error, lzma.LZMAError) as error:
        # The bz2 module says "damaged" with an OSError that has no number.
        if path.suffix not in _TOOLS or getattr(error, "errno", None) is not None:
            raise
        raise UserError(
            f"{path} is cut short or damaged ({error}); download or compress it again"
            f" (`{_TOOLS[path.suffix]} -t {path}` checks it)"
        ) from error


class _Xz:
    """An .xz file unpacked in bounded memory, which lzma.LZMAFile cannot be told."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._packed = b""
        self._decoder: lzma.LZMADecompressor | None = None

    def read(self, size: int) -> bytes:
        """Reads at most so many bytes; none at the end."""
        while True:
            if self._decoder is None and not self._begin():
                return b""
            assert self._decoder is not None
            content = self._decoder.decompress(self._packed, size)
            self._packed = b""
            if self._decoder.eof:
                self._packed = self._decoder.unused_data
                self._decoder = None
            elif self._decoder.needs_input:
                self._packed = self._stream.read(_PIECE_BYTES)
                if not self._packed and not content:
                    raise EOFError("it ends before its end mark")
            if content:
                return content

    def _begin(self) -> bool:
        """Goes to the next stream of the file; False at the end."""
        while not (packed := self._packed.lstrip(b"\0")):  # Padding between streams.
            if not (packed := self._stream.read(_PIECE_BYTES)):
                return False
            self._packed = packed
        self._packed = packed
        self._decoder = lzma.LZMADecompressor(memlimit=XZ_MEMORY)
        return True

    def seek(self, offset: int) -> None:
        """Goes forward to a place, from the beginning."""
        while offset and (content := self.read(min(offset, _PIECE_BYTES))):
            offset -= len(content)


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
