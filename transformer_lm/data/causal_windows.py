"""Rows of next tokens that are not packed: one document a row, or one stream of text.

With length 4, start 1 and end 2, the documents [5, 6, 7, 8, 9] and [10] become

    document      tokens     6 7 8 9 | 1 10 - -     targets    7 8 9 2 | 10 2 - -
    contiguous    tokens     1 5 6 7 | 8 9 1 10     targets    5 6 7 8 | 9 2 10 2

(a random stretch of the first document, here from its second token). A row is one
segment, with positions from 0. In a stream, a document sees those before it; its start
mark alone tells it from them, and its end mark is still a target, so that a network of
any mode begins and ends a text in the same way.
"""

import numpy as np

from transformer_lm.data.packing import (
    Counts,
    Documents,
    Pieces,
    lay,
    next_tokens,
    scatter,
    targets_of,
)

Rows = dict[str, np.ndarray]


def document_rows(
    documents: Documents,
    *,
    length: int,
    start_id: int,
    end_id: int,
    generator: np.random.Generator | None = None,
) -> tuple[Rows, Counts]:
    """Lays each record into a row of its own.

    A longer one gives a stretch of `length` targets, all equally likely (rinna's
    GPT-2: a window of `length` + 1 tokens, marks included).

    Args:
      documents: the group.
      length: tokens in a row.
      start_id: first input of every record.
      end_id: last target of every document.
      generator: of stretches and of the order of rows; None: beginnings, in order.

    Returns:
      As `packing.pack`; characters are those of the stretch.
    """
    full = targets_of(documents)
    (record,) = np.nonzero(full)
    sizes = np.minimum(full[record], length)
    start, row = np.zeros_like(sizes), np.arange(len(record))
    if generator is not None:
        start = generator.integers(full[record] - sizes + 1)
        row = generator.permutation(len(record))
    ones = np.ones_like(sizes)
    rows = lay(
        documents,
        Pieces(record, start, sizes, row, np.zeros_like(sizes), ones),
        (len(record), length),
        start_id=start_id,
        end_id=end_id,
    )
    share = documents.characters[record] * (sizes / full[record])
    rows["characters"] = scatter((len(record),), row, share, np.float32)
    return rows, Counts(
        documents=int(documents.ends.sum()),
        tokens=int(sizes.sum()),
        empty=int((full == 0).sum()),
        truncated=int((full > length).sum()),
    )


def stream_rows(
    documents: Documents,
    *,
    length: int,
    start_id: int,
    end_id: int,
    generator: np.random.Generator | None = None,
) -> tuple[Rows, Counts]:
    """Lays the records end to end and cuts where a row is full; nothing is dropped.

    Blocks without boundaries, as colorfulscoop's GPT-2 and OpenAI's have them. The last
    row of a group has what is left.

    Args:
      documents: the group.
      length: tokens in a row.
      start_id: first input of every record.
      end_id: last target of every document.
      generator: of the order of rows; None: in that of the text.

    Returns:
      As `packing.pack`; a record's characters are shared evenly among its targets.
    """
    full = targets_of(documents)
    inputs, targets, _ = next_tokens(documents, start_id, end_id)
    num_rows = -(-len(targets) // length)
    row, within = np.divmod(np.arange(len(targets)), length)
    if generator is not None:
        row = generator.permutation(num_rows)[row]
    shape, goal = (num_rows, length), row * length + within
    rows = {
        "tokens": scatter(shape, goal, inputs, np.int32),
        "targets": scatter(shape, goal, targets, np.int32),
        "segments": scatter(shape, goal, 1, np.int32),
        "positions": scatter(shape, goal, within, np.int32),
        "weights": scatter(shape, goal, 1, np.float32),
    }
    share = np.repeat(documents.characters / np.maximum(full, 1), full)
    rows["characters"] = np.bincount(row, share, num_rows).astype(np.float32)
    return rows, Counts(
        documents=int(documents.ends.sum()),
        tokens=len(targets),
        empty=int((full == 0).sum()),
    )
