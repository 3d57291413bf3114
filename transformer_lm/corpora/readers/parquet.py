"""Parquet: a document a row, read in batches of rows.

Strings are read as a dictionary and references to it, however they are written: a value
that the file holds once, and a million rows refer to, is in memory once.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from etils import epath

from transformer_lm.corpora.extras import CORPORA, require
from transformer_lm.corpora.readers.interface import (
    CARRIED_FIELDS,
    Document,
    Reading,
    carried,
)
from transformer_lm.corpora.readers.plain_text import text_id
from transformer_lm.corpora.text_documents import is_blank
from transformer_lm.registry import UserError

if TYPE_CHECKING:
    import pyarrow.parquet

_BATCH_ROWS = 256
_BATCH_BYTES = 1 << 26
"""Rows of a batch are fewer where the file says that they are larger than usual."""

_TEXT_BYTES = 1 << 26
"""A longer text is left out, as a longer JSON line is (64 MiB)."""


class Parquet:
    """The text is in column `text_field`, the id in `id_field`."""

    endings = (".parquet",)

    def __init__(self) -> None:
        """Finds pyarrow.

        Raises:
          UserError: if it is not installed.
        """
        self._pyarrow = require("pyarrow", CORPORA)
        self._parquet = require("pyarrow.parquet", CORPORA)

    def read(self, path: epath.Path, reading: Reading) -> Iterator[Document]:
        """Yields the documents; see `Reader.read`. Rows without text are counted."""
        with path.open("rb") as stream:
            try:
                # One column chunk of a row group at a time, not the file, is in memory.
                # A buffer would be made as large as a page claims to be.
                options = {"pre_buffer": False, "buffer_size": 0}
                file: pyarrow.parquet.ParquetFile = self._parquet.ParquetFile(
                    stream, **options
                )
                strings, others = self._columns(file, path, reading)
                file = self._parquet.ParquetFile(
                    stream, metadata=file.metadata, read_dictionary=strings, **options
                )
                yield from _rows(file, [*strings, *others], path, reading)
            except (self._pyarrow.ArrowException, ValueError, OSError) as error:
                if getattr(error, "errno", None) is not None:
                    raise  # Of the disk.
                raise UserError(
                    f"{path} is no intact Parquet file ({error}); download or write it"
                    " again"
                ) from error

    def plain(self, text: str) -> str:
        """Returns the text as it is."""
        return text

    def _columns(
        self, file: "pyarrow.parquet.ParquetFile", path: epath.Path, reading: Reading
    ) -> tuple[list[str], list[str]]:
        """The columns to be read: those of strings, the others.

        Raises:
          UserError: if there is no text among them.
        """
        names = cast(list[str], file.schema_arrow.names)
        if names.count(reading.text_field) != 1:
            several = "several columns" if reading.text_field in names else "no column"
            raise UserError(
                f"{path} has {several} {reading.text_field!r}; it has"
                f" {', '.join(names[:100])}: name one with --text_field"
            )
        wanted = dict.fromkeys((reading.text_field, reading.id_field, *CARRIED_FIELDS))
        kinds = {
            name: file.schema_arrow.field(name).type
            for name in wanted
            if names.count(name) == 1
        }
        strings = [name for name, kind in kinds.items() if self._is_string(kind)]
        if reading.text_field not in strings:
            raise UserError(
                f"column {reading.text_field!r} of {path} holds"
                f" {str(kinds[reading.text_field])[:100]} where strings are needed; name"
                " another with --text_field"
            )
        is_integer = self._pyarrow.types.is_integer
        return strings, [name for name, kind in kinds.items() if is_integer(kind)]

    def _is_string(self, kind: "pyarrow.DataType") -> bool:
        types = self._pyarrow.types
        if types.is_dictionary(kind):
            kind = cast("pyarrow.DictionaryType", kind).value_type
        return any(
            is_kind(kind)
            for is_kind in (
                types.is_string,
                types.is_large_string,
                types.is_string_view,
            )
        )


def _rows(
    file: "pyarrow.parquet.ParquetFile",
    names: list[str],
    path: epath.Path,
    reading: Reading,
) -> Iterator[Document]:
    """The documents of a file of which some columns are read."""
    bytes_in_a_row = path.stat().length / max(file.metadata.num_rows, 1)
    number = 0
    for batch in file.iter_batches(_batch_rows(file), columns=names):
        columns = {name: batch.column(name) for name in names}
        for place in range(batch.num_rows):
            number += 1
            text = columns[reading.text_field][place].value
            if text is None or not text.is_valid:
                kind = f"rows without a {reading.text_field} skipped"
                reading.faults.note(kind, str(path), number)
            elif text.as_buffer().size > _TEXT_BYTES:
                kind = f"rows whose {reading.text_field} exceeds 64 MiB skipped"
                reading.faults.note(kind, str(path), number)
            elif not is_blank(text.as_py()):
                row = {name: column[place].as_py() for name, column in columns.items()}
                name = row.get(reading.id_field)
                known = isinstance(name, str | int) and name != ""
                content = row[reading.text_field]
                yield Document(
                    str(name) if known else text_id(content), content, carried(row)
                )
        reading.on_read(round(batch.num_rows * bytes_in_a_row))


def _batch_rows(file: "pyarrow.parquet.ParquetFile") -> int:
    """How many rows of the row group with the largest ones, by its own figures.

    Those of a group, not of its columns: pyarrow ends the process where the figures of a
    column contradict each other.
    """
    groups = map(file.metadata.row_group, range(file.metadata.num_row_groups))
    largest = max((g.total_byte_size / max(g.num_rows, 1) for g in groups), default=1)
    return max(1, min(_BATCH_ROWS, int(_BATCH_BYTES / max(largest, 1))))
