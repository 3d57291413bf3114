"""Token ids packed into rows of fixed length.

A document's targets are its ids and the end mark; its inputs are the targets moved
right by one, with the start mark first. With length 4, start 1 and end 2, the documents
[5, 6, 7, 8, 9] and [10] become

    tokens     1 5 6 7 | 8 9 1 10      segments   1 1 1 1 | 1 1 2 2
    targets    5 6 7 8 | 9 2 10 2      positions  0 1 2 3 | 0 1 0 1
"""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from transformer_lm.data.best_fit import place
from transformer_lm.data.rows import Text, make_text


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
    """[tokens] bool: whether a token begins a word; None: each one does."""

    def texts(self, sizes: np.ndarray) -> list[Text]:
        """Returns the text as pieces.

        Args:
          sizes: [pieces] tokens of each, all of them together.
        """
        if not len(sizes):
            return []
        borders = np.cumsum(sizes)[:-1]
        pieces = np.split(self.ids, borders)
        if self.word_starts is None:
            return [make_text(piece) for piece in pieces]
        starts = np.split(self.word_starts, borders)
        return [make_text(*both) for both in zip(pieces, starts, strict=True)]


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
    text, ends = documents.lengths.astype(np.int64), documents.ends
    full = np.where(text > 0, text + ends, 0)
    used = full.copy()
    if long_documents == "drop":
        used[(full > length) | ~documents.starts | ~ends] = 0
    elif long_documents == "truncate":
        used = np.where(documents.starts, np.minimum(full, length), 0)
    counts = Counts(
        documents=int(ends.sum()),
        tokens=int(used.sum()),
        empty=int((text == 0).sum()),
        split=int((used > length).sum()),
        dropped=int((used < full).sum()) if long_documents == "drop" else 0,
        truncated=int((used < full).sum()) if long_documents == "truncate" else 0,
    )
    inputs, targets, first = _shifted(documents, full, start_id, end_id)

    # A piece is what becomes a segment: a record, or a chunk of a long one.
    chunks = -(-used // length)
    record = np.repeat(np.arange(len(used)), chunks)
    inside = (_counting(chunks)) * length
    sizes = np.minimum(used[record] - inside, length)
    row, offset, segment, num_rows = place(sizes, length, generator)

    within = _counting(sizes)
    source = np.repeat(first[record] + inside, sizes) + within
    goal = np.repeat(row * length + offset, sizes) + within
    shape = (num_rows, length)
    arrays = {
        "tokens": _scatter(shape, goal, inputs[source], np.int32),
        "targets": _scatter(shape, goal, targets[source], np.int32),
        "segments": _scatter(shape, goal, np.repeat(segment, sizes), np.int32),
        "positions": _scatter(shape, goal, within, np.int32),
        "weights": _scatter(shape, goal, 1, np.float32),
    }
    share = documents.characters[record] * (sizes / np.maximum(full[record], 1))
    arrays["characters"] = np.bincount(row, share, num_rows).astype(np.float32)
    return arrays, counts


def _shifted(
    documents: Documents, full: np.ndarray, start_id: int, end_id: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inputs and targets of all records, laid end to end, and where each begins."""
    first = np.cumsum(full) - full
    filled = full > 0
    targets = np.full(full.sum(), end_id, np.int32)
    lengths = documents.lengths
    targets[np.repeat(first, lengths) + _counting(lengths)] = documents.ids
    inputs = np.empty_like(targets)
    inputs[1:] = targets[:-1]
    inputs[first[filled]] = start_id
    return inputs, targets, first


def _counting(sizes: np.ndarray) -> np.ndarray:
    """0, 1, … up to each size, one after the other.

    >>> _counting(np.array([2, 0, 3]))
    array([0, 1, 0, 1, 2])
    """
    before = np.cumsum(sizes) - sizes
    return np.arange(sizes.sum()) - np.repeat(before, sizes)


def _scatter(
    shape: tuple[int, int],
    goal: np.ndarray,
    values: np.ndarray | int,
    dtype: type[np.generic],
) -> np.ndarray:
    """An array of zeros with `values` at the flat places `goal`."""
    array = np.zeros(shape, dtype)
    array.reshape(-1)[goal] = values
    return array
