"""Lines of text and of JSON put together to documents; what is faulty is counted."""

import itertools
import json
from collections.abc import Iterator
from typing import Any, Literal

from etils import epath

from transformer_lm.corpora.faults import Faults
from transformer_lm.corpora.lines import WHOLE_BYTES, Line

Decoded = Iterator[tuple[Line, str]]
"""Lines and their text."""


def is_json_lines(path: epath.Path) -> bool:
    """Returns whether a file's name says JSON Lines, compressed or not."""
    return ".jsonl" in path.suffixes[-2:]


def decode_lines(
    path: epath.Path,
    lines: Iterator[Line],
    faults: Faults,
    invalid_utf8: Literal["replace", "skip"],
) -> Decoded:
    """Yields lines as text.

    Lines that were too long to come whole are counted and left out; bytes that are no
    UTF-8 are counted, then replaced by U+FFFD or left out with their line.
    """
    for line in lines:
        if line.too_long:
            kind = f"lines longer than {WHOLE_BYTES >> 20} MiB skipped"
            faults.note(kind, str(path), line.number)
            continue
        try:
            yield line, line.content.decode()
        except UnicodeDecodeError:
            done = "replaced" if invalid_utf8 == "replace" else "skipped"
            faults.note(f"invalid UTF-8 lines {done}", str(path), line.number)
            if invalid_utf8 == "replace":
                yield line, line.content.decode(errors="replace")


def plain_documents(decoded: Decoded) -> Iterator[tuple[Line, Iterator[str]]]:
    """Yields each document of plain text: its first line, and its text in pieces.

    A blank line ends a document. Every piece but the first begins with its newline,
    unless it goes on with a very long line.
    """
    for blank, group in itertools.groupby(decoded, lambda pair: is_blank(pair[1])):
        if not blank:
            first, content = next(group)
            pieces = (text if line.continues else "\n" + text for line, text in group)
            yield first, itertools.chain([content], pieces)


def json_values(
    path: epath.Path, decoded: Decoded, faults: Faults
) -> Iterator[tuple[Line, Any]]:  # Any: JSON.
    """Yields the value of each line that is JSON; others are counted and left out."""
    for line, content in decoded:
        if is_blank(content):
            continue
        try:
            yield line, json.loads(content)
        except (ValueError, RecursionError):  # Also numbers of thousands of digits.
            faults.note("invalid JSON lines skipped", str(path), line.number)


def json_documents(
    path: epath.Path, decoded: Decoded, faults: Faults, text_field: str = "text"
) -> Iterator[tuple[Line, dict[str, Any]]]:  # Any: JSON.
    """Yields the lines of a JSON Lines file that hold a text, with `text_field` set.

    Lines without a string there are counted and left out; blank texts are left out.
    """
    for line, value in json_values(path, decoded, faults):
        if not isinstance(value, dict) or not isinstance(value.get(text_field), str):
            kind = f"JSON lines without a {text_field} field skipped"
            faults.note(kind, str(path), line.number)
            continue
        text = without_surrogates(value[text_field])
        if text != value[text_field]:
            kind = "JSON lines with half a surrogate pair, replaced"
            faults.note(kind, str(path), line.number)
        if not is_blank(text):
            yield line, {**value, text_field: text}


def without_surrogates(text: str) -> str:
    """Returns a text that UTF-8 can hold: halves of surrogate pairs become `?`."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode(errors="replace").decode()
    return text


def is_blank(text: str) -> bool:
    """Returns whether a text is empty or white space alone."""
    return not text or text.isspace()
