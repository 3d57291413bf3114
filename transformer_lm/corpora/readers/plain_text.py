"""Plain text, such as CC-100: a blank line between documents."""

import hashlib
from collections.abc import Iterator

from etils import epath

from transformer_lm.corpora.lines import read_lines
from transformer_lm.corpora.paths import COMPRESSIONS
from transformer_lm.corpora.readers.interface import Document, Reading
from transformer_lm.corpora.records import cut_document
from transformer_lm.corpora.text_documents import decode_lines, plain_documents

PART_CHARACTERS = 1 << 20
"""A longer document is cut, at the end of a line where one is near."""


class PlainText:
    """A document's id is a hash of its text, because the format has none.

    So the id does not change when files are put in another order, and equal documents
    have equal ids.
    """

    endings = tuple(".txt" + compression for compression in COMPRESSIONS)

    def read(self, path: epath.Path, reading: Reading) -> Iterator[Document]:
        """Yields the documents; see `Reader.read`."""
        lines = read_lines(path, on_read=reading.on_read)
        decoded = decode_lines(path, lines, reading.faults, reading.invalid_utf8)
        for _, pieces in plain_documents(decoded):
            name = ""
            part = 0
            for record in cut_document(pieces, PART_CHARACTERS):
                if record.starts_document:
                    name = text_id(record.text)
                whole = record.starts_document and record.ends_document
                part = 0 if whole else part + 1
                yield Document(name, record.text, {}, part)

    def plain(self, text: str) -> str:
        """Returns the text as it is."""
        return text


def text_id(text: str) -> str:
    """Returns an id for a document that has none: 16 hexadecimal digits."""
    return hashlib.blake2b(text.encode(errors="replace"), digest_size=8).hexdigest()
