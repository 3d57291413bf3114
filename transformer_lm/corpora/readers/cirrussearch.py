"""Wikipedia's search index: a line that names a page, then a line with its text.

Two layouts exist: one file `jawiki-DATE-cirrussearch-content.json.gz` (until 2025) and
numbered files `jawiki_content-DATE-00000.json.bz2` (since). The lines are the same: an
`index` object with `_id`, the page's number (a string, later an integer), and an object
with `title`, `namespace` and `text`, which is free of markup.
https://wikitech.wikimedia.org/wiki/Help:CirrusSearch_elasticsearch_replicas
"""

from collections.abc import Iterator
from typing import Any

from etils import epath

from transformer_lm.corpora.lines import read_lines
from transformer_lm.corpora.readers.interface import Document, Reading, carried
from transformer_lm.corpora.text_documents import (
    decode_lines,
    json_values,
    without_surrogates,
)

_ARTICLES = 0
"""The namespace that holds the articles."""


class CirrusSearch:
    """Articles alone are read; pages of other namespaces are counted."""

    endings = (".json", ".json.gz", ".json.bz2")

    def read(self, path: epath.Path, reading: Reading) -> Iterator[Document]:
        """Yields the articles; see `Reader.read`."""
        lines = read_lines(path, whole=True, on_read=reading.on_read)
        decoded = decode_lines(path, lines, reading.faults, reading.invalid_utf8)
        page: str | None = None
        number = 0
        for line, value in json_values(path, decoded, reading.faults):
            following = number + 1 == line.number
            number = line.number
            named = _page_named(value)
            if named is not None:
                if page is not None:
                    kind = "index lines without a page skipped"
                    reading.faults.note(kind, str(path), line.number - 1)
                page = named
                continue
            if page is None or not following:
                kind = "pages without an index line skipped"
                reading.faults.note(kind, str(path), line.number)
            elif not isinstance(value, dict) or not isinstance(value.get("text"), str):
                kind = "pages without a text field skipped"
                reading.faults.note(kind, str(path), line.number)
            elif value.get("namespace", _ARTICLES) != _ARTICLES:
                reading.skipped["pages of other namespaces"] += 1
            else:
                yield Document(page, without_surrogates(value["text"]), carried(value))
            page = None
        if page is not None:
            kind = "index lines without a page skipped"
            reading.faults.note(kind, str(path), number)

    def plain(self, text: str) -> str:
        """Returns the text as it is: the index holds no markup."""
        return text


def _page_named(value: Any) -> str | None:  # Any: JSON.
    """The page that an index line names; None for any other line."""
    if not isinstance(value, dict) or not isinstance(value.get("index"), dict):
        return None
    page = value["index"].get("_id")
    return without_surrogates(str(page)) if isinstance(page, str | int) else None
