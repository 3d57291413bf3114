"""Plain text and JSON Lines files as records that are reached by their number.

Plain text (.txt): a sentence or paragraph a line, a blank line between documents.
JSON Lines (.jsonl): a document a line, in the string field `text`. Either may be
compressed (.gz, .bz2, .xz) and may lie in a bucket (gs://).
"""

import hashlib
import itertools
import threading
from collections.abc import Iterator
from typing import Literal, NamedTuple

from etils import epath

from transformer_lm.corpora.faults import Faults
from transformer_lm.corpora.lines import Line, read_lines
from transformer_lm.corpora.paths import expand
from transformer_lm.corpora.records import Record, cut_document
from transformer_lm.corpora.text_documents import (
    decode_lines,
    is_json_lines,
    json_documents,
    plain_documents,
)
from transformer_lm.registry import UserError

RECORD_CHARACTERS = 32_768
BLOCK_RECORDS = 256
_BOOKMARKS = 1024


class Bookmark(NamedTuple):
    """A place in the files where a document starts."""

    record: int
    """Number of the record there."""
    file: int
    """Number of the file."""
    offset: int
    """Bytes before the place in the decompressed file."""
    line: int
    """Number of the line there, from 1."""


class TextFiles:
    """The records of some files, in order; memory does not grow with the files.

    One cursor stays open, so that blocks asked for in order cost one pass. A jump goes
    to the nearest bookmark before it; bookmarks are left along the way.
    """

    def __init__(
        self,
        patterns: str,
        *,
        invalid_utf8: Literal["replace", "skip"] = "replace",
        record_characters: int = RECORD_CHARACTERS,
    ) -> None:
        """Finds the files; nothing is read yet.

        Args:
          patterns: files or globs, separated by commas.
          invalid_utf8: "replace" puts U+FFFD for bytes that are no UTF-8; "skip" leaves
            out the lines that have any.
          record_characters: longer documents are cut, at a line border where possible.

        Raises:
          UserError: if a file is missing, empty or of an unknown kind.
        """
        self.paths = expand(patterns)
        self._invalid_utf8: Literal["replace", "skip"] = invalid_utf8
        self._limit = record_characters
        self._faults = Faults()
        self._lock = threading.Lock()
        self._bookmarks = [Bookmark(record=0, file=0, offset=0, line=1)]
        self._spacing = BLOCK_RECORDS
        self._cursor: Iterator[Record] = iter(())
        self._next = -1

    def block(self, number: int) -> list[Record]:
        """Returns the records of block `number`, counted from 0.

        Every block but the last has `BLOCK_RECORDS`; beyond the end they are empty.

        Raises:
          UserError: if a file is damaged or holds no document.
        """
        with self._lock:
            first = number * BLOCK_RECORDS
            if first != self._next:
                bookmark = self.bookmark(first)
                skipped = first - bookmark.record
                self._cursor = itertools.islice(self._records(bookmark), skipped, None)
            self._next = -1  # Stands if reading fails.
            records = list(itertools.islice(self._cursor, BLOCK_RECORDS))
            self._next = first + BLOCK_RECORDS
            return records

    def bookmark(self, record: int) -> Bookmark:
        """Returns the nearest known bookmark at or before a record."""
        known = [mark for mark in self._bookmarks if mark.record <= record]
        return max(known)

    def remember(self, bookmark: Bookmark) -> None:
        """Takes over a bookmark, such as one that was saved with a run."""
        if bookmark not in self._bookmarks:
            self._bookmarks = sorted([*self._bookmarks, bookmark])

    def digest(self) -> str:
        """Returns a short text that changes with the files' names and sizes."""
        files = [(path.name, path.stat().length) for path in self.paths]
        return hashlib.sha256(repr(files).encode()).hexdigest()[:16]

    def report(self) -> dict[str, int | list[str]]:
        """Returns how many lines were faulty so far, and the first places."""
        return self._faults.report()

    def _records(self, start: Bookmark) -> Iterator[Record]:
        """All records from a bookmark on."""
        count = start.record
        for file in range(start.file, len(self.paths)):
            path = self.paths[file]
            here = file == start.file
            offset, line = (start.offset, start.line) if here else (0, 1)
            found = offset > 0
            for first, pieces in self._documents(path, offset, line):
                found = True
                if count >= self._bookmarks[-1].record + self._spacing:
                    self._leave(Bookmark(count, file, first.offset, first.number))
                for record in cut_document(pieces, self._limit):
                    yield record
                    count += 1
            if not found:
                raise UserError(
                    f"{path} holds no document; remove it from the data path, or put"
                    " text into it"
                )

    def _leave(self, bookmark: Bookmark) -> None:
        """Adds a bookmark; when there are many, every second one goes."""
        self._bookmarks.append(bookmark)
        if len(self._bookmarks) > _BOOKMARKS:
            self._bookmarks = self._bookmarks[::2]
            self._spacing *= 2

    def _documents(
        self, path: epath.Path, offset: int, number: int
    ) -> Iterator[tuple[Line, Iterator[str]]]:
        """The documents of a file: each one's first line, and its text in lines."""
        is_json = is_json_lines(path)
        lines = read_lines(path, offset=offset, number=number, whole=is_json)
        decoded = decode_lines(path, lines, self._faults, self._invalid_utf8)
        if is_json:
            for line, value in json_documents(path, decoded, self._faults):
                yield line, _with_newlines(value["text"].split("\n"))
        else:
            yield from plain_documents(decoded)


def _with_newlines(lines: list[str]) -> Iterator[str]:
    """Lines of a document, each but the first with the newline before it."""
    return itertools.chain(lines[:1], ("\n" + line for line in lines[1:]))
