"""Documents that another one, before them, makes superfluous.

Memory does not grow with the corpus but for one byte a document: equal hashes are found
in passes over the hashes, each over those that leave the same remainder.
"""

import functools
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from transformer_lm.bar import Bar
from transformer_lm.corpora.build.parts import Part
from transformer_lm.corpora.build.signatures import bands

PASS_ROWS = 4_000_000
"""Hashes that are held at once: about 200 MB with what sorting needs."""

_PRIME = np.uint64(1_099_511_628_211)
_BASIS = np.uint64(14_695_981_039_346_656_037)
"""Of the FNV-1a hash of 64 bits (http://www.isthe.com/chongo/tech/comp/fnv/)."""

_OPEN_FILES = 64

Chunks = Callable[[], Iterator[np.ndarray]]
"""Gives hashes, uint64 [rows of a chunk], from the first row on, each time anew."""


def exact_duplicates(parts: Sequence[Part]) -> np.ndarray:
    """Returns for each document whether an earlier one has the same text.

    Texts count as the same when their hashes of 64 bits are: among 10⁸ different texts
    one is dropped wrongly with a probability of 3·10⁻⁴.
    """
    rows = sum(part.documents for part in parts)
    superfluous = np.zeros(rows, bool)
    for run in equal_runs(lambda: (part.table()["text"] for part in parts), rows):
        superfluous[run[1:]] = True
    return superfluous


def near_duplicates(
    parts: Sequence[Part], threshold: float, dropped: np.ndarray
) -> np.ndarray:
    """Returns for each document whether an earlier one is much like it.

    Locality-sensitive hashing of MinHash signatures: documents that agree in a band of
    their signatures are compared as a whole (Leskovec, Rajaraman and Ullman, Mining of
    Massive Datasets, section 3.4). A document that is itself dropped on the way makes no
    other one superfluous in the same band.

    Args:
      parts: with signatures.
      threshold: estimated Jaccard similarity from which a document is superfluous.
      dropped: [documents] what is left out of the comparison.
    """
    superfluous = np.zeros_like(dropped)
    signatures = _Signatures(parts)
    count, size = bands(threshold)
    with Bar("near duplicates", count, "bands") as bar:
        for band in range(count):
            columns = slice(band * size, (band + 1) * size)
            chunks = functools.partial(_band_hashes, parts, columns)
            for run in equal_runs(chunks, len(dropped)):
                left = run[~(dropped[run] | superfluous[run])]
                superfluous[_like_earlier(left, signatures.of(left), threshold)] = True
            bar.add(1)
    return superfluous


def equal_runs(
    chunks: Chunks, rows: int, pass_rows: int = PASS_ROWS
) -> Iterator[np.ndarray]:
    """Yields the numbers of rows that share a hash with others, rising, hash by hash.

    Args:
      chunks: the hashes.
      rows: how many there are.
      pass_rows: how many to hold at once, about.
    """
    passes = np.uint64(rows // pass_rows + 1)
    for remainder in range(int(passes)):
        numbers, hashes = [np.zeros(0, np.int64)], [np.zeros(0, np.uint64)]
        first = 0
        for chunk in chunks():
            mine = np.flatnonzero(chunk % passes == np.uint64(remainder))
            numbers.append(mine + first)
            hashes.append(chunk[mine])
            first += len(chunk)
        number, value = np.concatenate(numbers), np.concatenate(hashes)
        order = np.argsort(value, kind="stable")
        number, value = number[order], value[order]
        borders = np.flatnonzero(np.diff(value)) + 1
        starts = np.concatenate([[0], borders])
        ends = np.concatenate([borders, [len(value)]])
        for run in np.flatnonzero(ends - starts > 1):
            yield number[starts[run] : ends[run]]


class _Signatures:
    """Signatures by number of the document."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = parts
        self._ends = np.cumsum([part.documents for part in parts])
        self._open = functools.lru_cache(_OPEN_FILES)(self._signatures)

    def of(self, rows: np.ndarray) -> np.ndarray:
        """Returns signatures, [rows, permutations]."""
        found = np.searchsorted(self._ends, rows, side="right")
        starts = np.concatenate([[0], self._ends])
        pairs = zip(found, rows, strict=True)
        taken = [self._open(int(part))[row - starts[part]] for part, row in pairs]
        return np.stack(taken) if taken else np.zeros((0, 1), np.uint32)

    def _signatures(self, part: int) -> np.ndarray:
        return self._parts[part].signatures()


def _band_hashes(parts: Sequence[Part], columns: slice) -> Iterator[np.ndarray]:
    """A hash of a band of the signatures, part by part."""
    for part in parts:
        if part.documents:
            band = np.ascontiguousarray(part.signatures()[:, columns])
            value = np.full(len(band), _BASIS)
            for column in band.T.astype(np.uint64):
                value = (value ^ column) * _PRIME
            yield value


def _like_earlier(
    rows: np.ndarray, signatures: np.ndarray, threshold: float
) -> np.ndarray:
    """Those of `rows` that are like an earlier one that stays."""
    staying: list[int] = []
    alike: list[int] = []
    for place in range(len(rows)):
        similarity = (signatures[staying] == signatures[place]).mean(axis=1)
        if (similarity >= threshold).any():
            alike.append(place)
        else:
            staying.append(place)
    return rows[alike]
