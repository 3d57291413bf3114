"""What a corpus asks of the reader of one file format."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

from etils import epath

from transformer_lm.corpora.faults import Faults
from transformer_lm.corpora.text_documents import without_surrogates

CARRIED_FIELDS = ("title", "author", "url")
"""What is known of a document beside its id and its text, where the source has it."""


class Document(NamedTuple):
    """A text with its name."""

    id: str
    """As the source has it, or a hash of the text."""
    text: str
    fields: Mapping[str, str]
    """Those of `CARRIED_FIELDS` that are known."""
    part: int = 0
    """A document of more than `PART_CHARACTERS` comes in parts, numbered from 1."""


@dataclass
class Reading:
    """What a reader is told, and where it reports."""

    text_field: str = "text"
    """Field of a JSON line or a Parquet row that holds the text."""
    id_field: str = "id"
    """Field that holds the id, where there is one."""
    invalid_utf8: Literal["replace", "skip"] = "replace"
    on_read: Callable[[int], None] = lambda count: None
    """Takes the number of bytes of each piece read."""
    faults: Faults = field(default_factory=Faults)
    """What could not be read as it stands, with its places."""
    skipped: Counter[str] = field(default_factory=Counter)
    """What was left out because it is no article, by kind."""


class Reader(Protocol):
    """One file format; it is made without arguments."""

    endings: tuple[str, ...]
    """Names of files that have the format end in one of these."""

    def read(self, path: epath.Path, reading: Reading) -> Iterator[Document]:
        """Yields the documents of a file in a fixed order, with constant memory.

        Raises:
          UserError: if the file is damaged.
        """
        ...

    def plain(self, text: str) -> str:
        """Returns the text of a document without its markup; a pure function."""
        ...


def carried(value: Mapping[str, Any]) -> dict[str, str]:  # Any: JSON.
    """Returns those of `CARRIED_FIELDS` that `value` has as strings.

    Halves of surrogate pairs in them become `?`, as in texts.
    """
    return {
        name: without_surrogates(value[name])
        for name in CARRIED_FIELDS
        if isinstance(value.get(name), str) and value[name]
    }
