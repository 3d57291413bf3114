"""Token ids packed into rows of fixed length.

A document's targets are its ids and the end mark; its inputs are the targets moved
right by one, with the start mark first. With length 4, start 1 and end 2, the documents
[5, 6, 7, 8, 9] and [10] become

    tokens     1 5 6 7 | 8 9 1 10      segments   1 1 1 1 | 1 1 2 2
    targets    5 6 7 8 | 9 2 10 2      positions  0 1 2 3 | 0 1 0 1
"""

import dataclasses
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np

from transformer_lm.data.best_fit import place
from transformer_lm.data.cells import Cells


@dataclass(frozen=True)
class Documents:
    """A group of tokenised records, laid end to end."""

    ids: np.ndarray
    """[tokens] int32, text alone."""
    lengths: np.ndarray
    """[records] tokens of each."""
    characters: np.ndarray
    """[records] characters of each one's original text."""
    starts: np.ndarray
    """[records] bool: whether a record starts its document."""
    ends: np.ndarray
    """[records] bool: whether it ends it; the end mark follows."""
    sentences: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    """[sentences] tokens of each, where records are cut into sentences."""
    word_starts: np.ndarray | None = None
    """[tokens] nonzero where a token begins a word; None: everywhere."""


@dataclass(frozen=True)
class Counts:
    """What became of a group of records."""

    documents: int = 0
    """Documents that ended."""
    tokens: int = 0
    """Targets that were placed, end marks included."""
    empty: int = 0
    """Records without a token; left out."""
    split: int = 0
    """Records cut into several segments."""
    dropped: int = 0
    """Records left out: they are, or belong to, documents too long (drop)."""
    truncated: int = 0
    """Records cut off or left out: their documents are too long (truncate)."""


COUNT_KEYS = tuple(field.name for field in dataclasses.fields(Counts))


def pack(
    documents: Documents,
    *,
    length: int,
    long_documents: Literal["split", "drop", "truncate"],
    start_id: int,
    end_id: int,
    generator: np.random.Generator | None = None,
) -> tuple[dict[str, np.ndarray], Counts]:
    """Packs a group of records into rows; a function of its arguments alone.

    Args:
      documents: the group.
      length: tokens in a row.
      long_documents: what becomes of documents longer than that.
      start_id: first input of every document.
      end_id: last target of every document.
      generator: puts the rows in random order; None: in the order of the documents.

    Returns:
      Arrays `tokens`, `targets`, `segments`, `positions` (int32 [rows, length]),
      `weights` (float32 [rows, length]: 0 for padding) and `characters` (float32
      [rows]: characters of original text whose tokens a row scores), and counts. A
      record's characters are shared evenly among its targets.
    """
    ends, full = documents.ends, targets_of(documents)
    used = full.copy()
    if long_documents == "drop":
        used[(full > length) | ~documents.starts | ~ends] = 0
    elif long_documents == "truncate":
        used = np.where(documents.starts, np.minimum(full, length), 0)
    counts = Counts(
        documents=int(ends.sum()),
        tokens=int(used.sum()),
        empty=int((full == 0).sum()),
        split=int((used > length).sum()),
        dropped=int((used < full).sum()) if long_documents == "drop" else 0,
        truncated=int((used < full).sum()) if long_documents == "truncate" else 0,
    )
    # A piece is what becomes a segment: a record, or a chunk of a long one.
    chunks = -(-used // length)
    record = np.repeat(np.arange(len(used)), chunks)
    inside = counting(chunks) * length
    sizes = np.minimum(used[record] - inside, length)
    row, offset, segment, num_rows = place(sizes, length, generator)

    arrays = lay(
        documents,
        Pieces(record, inside, sizes, row, offset, segment),
        (num_rows, length),
        start_id=start_id,
        end_id=end_id,
    )
    share = documents.characters[record] * (sizes / np.maximum(full[record], 1))
    arrays["characters"] = np.bincount(row, share, num_rows).astype(np.float32)
    return arrays, counts


class Pieces(NamedTuple):
    """Stretches of records, and where they go: arrays [pieces]."""

    record: np.ndarray
    """Number of its record."""
    inside: np.ndarray
    """Targets of the record before it."""
    sizes: np.ndarray
    """Targets, at least one."""
    row: np.ndarray
    offset: np.ndarray
    """Cells before it in the row."""
    segment: np.ndarray
    """Number in the row, from 1."""


def lay(
    documents: Documents,
    pieces: Pieces,
    shape: tuple[int, int],
    *,
    start_id: int,
    end_id: int,
) -> dict[str, np.ndarray]:
    """Lays pieces into rows.

    Args:
      documents: the group.
      pieces: of its records.
      shape: rows, and tokens in a row.
      start_id: first input of every record.
      end_id: last target of every document.

    Returns:
      The arrays of `pack`, less the characters.
    """
    record, inside, sizes, row, offset, segment = pieces
    lengths = documents.lengths.astype(np.int64)
    source = (np.cumsum(lengths) - lengths)[record] + inside
    begins = row * shape[1] + offset
    cells = Cells(row, offset, sizes, shape)
    targets = cells.copied(documents.ids, source, 0)
    marked = inside + sizes > lengths[record]
    targets.reshape(-1)[(begins + sizes - 1)[marked]] = end_id
    # Inputs are the targets one cell to the right, but where a piece or room begins.
    tokens = np.empty_like(targets)
    tokens.reshape(-1)[1:] = targets.reshape(-1)[:-1]
    tokens.reshape(-1)[cells.room] = 0
    before = documents.ids[np.maximum(source - 1, 0)]
    tokens.reshape(-1)[begins] = np.where(inside > 0, before, start_id)
    segments = cells.spread(segment, 0)
    return {
        "tokens": tokens,
        "targets": targets,
        "segments": segments,
        "positions": cells.counted_from(begins),
        "weights": (segments > 0).astype(np.float32),
    }


def targets_of(documents: Documents) -> np.ndarray:
    """Returns how many targets each record has: its tokens and its end mark."""
    text = documents.lengths.astype(np.int64)
    return np.where(text > 0, text + documents.ends, 0)


def next_tokens(
    documents: Documents, start_id: int, end_id: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns inputs and targets of all records, end to end, and where each begins."""
    full = targets_of(documents)
    first = np.cumsum(full) - full
    filled = full > 0
    targets = np.full(full.sum(), end_id, np.int32)
    lengths = documents.lengths
    targets[np.repeat(first, lengths) + counting(lengths)] = documents.ids
    inputs = np.empty_like(targets)
    inputs[1:] = targets[:-1]
    inputs[first[filled]] = start_id
    return inputs, targets, first


def counting(sizes: np.ndarray) -> np.ndarray:
    """Returns 0, 1, … up to each size, one after the other.

    >>> counting(np.array([2, 0, 3]))
    array([0, 1, 0, 1, 2])
    """
    before = np.cumsum(sizes) - sizes
    return np.arange(sizes.sum()) - np.repeat(before, sizes)


def scatter(
    shape: tuple[int, ...],
    goal: np.ndarray,
    values: np.ndarray | int,
    dtype: type[np.generic],
) -> np.ndarray:
    """Returns an array of zeros with `values` at the flat places `goal`."""
    array = np.zeros(shape, dtype)
    array.reshape(-1)[goal] = values
    return array
