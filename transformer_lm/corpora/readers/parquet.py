"""Parquet: a document a row, read in batches of rows."""

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

_BATCH_ROWS = 64


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
                file: pyarrow.parquet.ParquetFile = self._parquet.ParquetFile(
                    stream, pre_buffer=False, buffer_size=1 << 20
                )
                yield from self._rows(file, path, reading)
            except (self._pyarrow.ArrowException, ValueError, OSError) as error:
                raise UserError(
                    f"{path} is no intact Parquet file ({error}); download or write it"
                    " again"
                ) from error

    def plain(self, text: str) -> str:
        """Returns the text as it is."""
        return text

    def _rows(
        self, file: "pyarrow.parquet.ParquetFile", path: epath.Path, reading: Reading
    ) -> Iterator[Document]:
        names = cast(list[str], file.schema_arrow.names)
        if reading.text_field not in names:
            raise UserError(
                f"{path} has no column {reading.text_field!r}; it has"
                f" {', '.join(names)}: name one with --text_field"
            )
        wanted = (reading.text_field, reading.id_field, *CARRIED_FIELDS)
        columns = [name for name in dict.fromkeys(wanted) if name in names]
        bytes_in_a_row = path.stat().length / max(file.metadata.num_rows, 1)
        number = 0
        for batch in file.iter_batches(_BATCH_ROWS, columns=columns):
            for row in batch.to_pylist():
                number += 1
                text = row[reading.text_field]
                if not isinstance(text, str):
                    kind = f"rows without a {reading.text_field} skipped"
                    reading.faults.note(kind, str(path), number)
                elif not is_blank(text):
                    name = row.get(reading.id_field)
                    known = isinstance(name, str | int) and name != ""
                    yield Document(
                        str(name) if known else text_id(text), text, carried(row)
                    )
            reading.on_read(round(batch.num_rows * bytes_in_a_row))
