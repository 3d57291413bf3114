"""One file a format; a file's ending says which it is."""

from etils import epath

from transformer_lm.corpora.paths import expand
from transformer_lm.corpora.readers.interface import Reader
from transformer_lm.registry import Registry, UserError

READERS = Registry(
    "format",
    {
        "text": "transformer_lm.corpora.readers.plain_text:PlainText",
        "jsonl": "transformer_lm.corpora.readers.json_lines:JsonLines",
        "parquet": "transformer_lm.corpora.readers.parquet:Parquet",
        "cirrussearch": "transformer_lm.corpora.readers.cirrussearch:CirrusSearch",
        "wiki_xml": "transformer_lm.corpora.readers.wiki_xml:WikiXml",
    },
)
"""Every format that can be read."""


def all_endings() -> tuple[str, ...]:
    """Returns the endings of files that can be read."""
    return tuple(ending for name in READERS for ending in READERS[name].endings)


def format_of(path: epath.Path) -> str:
    """Returns the name of a file's format.

    Raises:
      UserError: if no format has the file's ending.
    """
    for name in READERS:
        if path.name.endswith(READERS[name].endings):
            return name
    raise UserError(
        f"{path} has an ending that is not understood; known:"
        f" {', '.join(all_endings())}"
    )


def reader_of(name: str) -> Reader:
    """Returns the reader of a format."""
    return READERS[name]()


def find_sources(patterns: str) -> list[epath.Path]:
    """Returns the files of any readable format that patterns mean; see `expand`."""
    return expand(patterns, all_endings())
