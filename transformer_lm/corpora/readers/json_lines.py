"""JSON Lines: a document a line."""

from collections.abc import Iterator

from etils import epath

from transformer_lm.corpora.lines import read_lines
from transformer_lm.corpora.paths import COMPRESSIONS
from transformer_lm.corpora.readers.interface import Document, Reading, carried
from transformer_lm.corpora.readers.plain_text import text_id
from transformer_lm.corpora.text_documents import (
    decode_lines,
    json_documents,
    without_surrogates,
)


class JsonLines:
    """The text is in `text_field`, the id, a string or a number, in `id_field`."""

    endings = tuple(".jsonl" + compression for compression in COMPRESSIONS)

    def read(self, path: epath.Path, reading: Reading) -> Iterator[Document]:
        """Yields the documents; see `Reader.read`."""
        lines = read_lines(path, whole=True, on_read=reading.on_read)
        decoded = decode_lines(path, lines, reading.faults, reading.invalid_utf8)
        field = reading.text_field
        for _, value in json_documents(path, decoded, reading.faults, field):
            name = value.get(reading.id_field)
            has_id = isinstance(name, str | int) and name != ""
            text = value[field]
            name = without_surrogates(str(name)) if has_id else text_id(text)
            yield Document(name, text, carried(value))

    def plain(self, text: str) -> str:
        """Returns the text as it is."""
        return text
