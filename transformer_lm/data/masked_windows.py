"""Rows of single texts `[CLS] text [SEP]`, for masked language models."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from transformer_lm.data.rows import Layout, Text, join

WindowMode = Literal["packed", "document", "contiguous"]


def masked_rows(
    documents: Sequence[Text],
    generator: np.random.Generator | None,
    layout: Layout,
    *,
    mode: WindowMode,
) -> dict[str, np.ndarray]:
    """Turns a group of documents into rows.

    Args:
      documents: of the group.
      generator: of crops and the order of rows, so that an epoch can be made
        again; None: beginnings instead of crops, rows in order.
      layout: of a row.
      mode: how documents share rows.
        packed: several in a row, each a segment that sees itself alone; a document
        longer than a row is split.
        document: one in a row; of a longer one, a random stretch (rinna).
        contiguous: the documents are one stream, cut where a row is full
        (colorfulscoop; "linebyline" of retarfi); nothing is dropped.

    Returns:
      The arrays of `Layout.fill`.
    """
    documents = [document for document in documents if len(document)]
    room = layout.room(1)
    if mode == "packed":
        pieces = [piece for document in documents for piece in cut(document, room)]
        segments = [[piece] for piece in pieces]
        return layout.fill(segments, several=True, generator=generator)
    if mode == "document":
        crops = [[crop(document, room, generator)] for document in documents]
        return layout.fill(crops, generator=generator)
    pieces = cut(join(documents), room)
    return layout.fill([[piece] for piece in pieces], generator=generator)


def cut(text: Text, room: int) -> list[Text]:
    """Cuts a text into pieces of `room` tokens; the last one has what is left."""
    size = len(text)
    return [text.cut(start, start + room) for start in range(0, size, room)]


def crop(text: Text, room: int, generator: np.random.Generator | None) -> Text:
    """Takes a random stretch of `room` tokens, all equally likely; or the first one."""
    spare = max(len(text) - room, 0)
    start = 0 if generator is None else int(generator.integers(spare + 1))
    return text.cut(start, start + room)
