"""Files that are whole or not there."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from etils import epath

UNFINISHED = ".unfinished"
"""Ending of a file that is being written."""


@contextlib.contextmanager
def writing(path: Path) -> Iterator[BinaryIO]:
    """Opens a file that gets its name when the block ends without an error."""
    unfinished = path.with_name(path.name + UNFINISHED)
    with unfinished.open("wb") as stream:
        yield stream
    unfinished.replace(path)


def write_text(path: epath.Path, text: str) -> None:
    """Writes a text file at once, local or gs://."""
    unfinished = path.parent / (path.name + UNFINISHED)
    unfinished.write_text(text)
    unfinished.replace(path)
