"""The chosen documents of several corpora as one stream, evenly mixed."""

import heapq
import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from etils import epath

from transformer_lm.corpora.build.parts import Part
from transformer_lm.corpora.build.selection import Selection
from transformer_lm.corpora.build.settings import SPLITS
from transformer_lm.corpora.decompression import open_decompressed


class Chosen(NamedTuple):
    """A document on its way into a split."""

    split: int
    line: bytes
    characters: int


def chosen_sizes(
    corpora: Sequence[Sequence[Part]], selection: Selection
) -> list[list[int]]:
    """Returns for each corpus the characters that go into each split."""
    sizes = []
    first = 0
    for number, corpus in enumerate(corpora):
        size = [0] * len(SPLITS)
        for part in corpus:
            table = part.table()
            splits, copies = selection.choose(table, first, number)
            characters = table["characters"].astype(np.int64) * copies
            for split in range(len(SPLITS)):
                size[split] += int(characters[splits == split].sum())
            first += len(table)
        sizes.append(size)
    return sizes


def mixed(
    corpora: Sequence[Sequence[Part]],
    selection: Selection,
    sizes: Sequence[Sequence[int]],
) -> Iterator[Chosen]:
    """Yields the documents, at each moment from the corpus that is furthest behind.

    Args:
      corpora: the parts of each corpus.
      selection: of their documents.
      sizes: what `chosen_sizes` returns.
    """
    behind: list[tuple[float, int]] = []
    streams: list[Iterator[Chosen]] = []
    first = 0
    for number, corpus in enumerate(corpora):
        streams.append(_passes(corpus, selection, first, number))
        first += sum(part.documents for part in corpus)
        heapq.heappush(behind, (0.0, number))
    taken = [0] * len(corpora)
    while behind:
        _, number = heapq.heappop(behind)
        document = next(streams[number], None)
        if document is not None:
            yield document
            taken[number] += document.characters
            done = taken[number] / sum(sizes[number])
            heapq.heappush(behind, (done, number))


def _passes(
    parts: Sequence[Part], selection: Selection, first: int, corpus: int
) -> Iterator[Chosen]:
    """The documents of one corpus: all of them, then the second copies, and so on."""
    copy = 0
    most = 1
    while copy < most:
        row = first
        for part in parts:
            table = part.table()
            splits, copies = selection.choose(table, row, corpus)
            row += len(table)
            most = max(most, int(copies.max(initial=0)))
            if (copies > copy).any():
                yield from _lines(part, table, splits, copies > copy, copy)
        copy += 1


def _lines(
    part: Part, table: np.ndarray, splits: np.ndarray, wanted: np.ndarray, copy: int
) -> Iterator[Chosen]:
    """The wanted documents of a part."""
    with open_decompressed(epath.Path(part.file(".jsonl.gz"))) as stream:
        for row, line in enumerate(stream):
            if wanted[row]:
                named = _numbered(line, copy) if copy else line
                yield Chosen(int(splits[row]), named, int(table["characters"][row]))


def _numbered(line: bytes, copy: int) -> bytes:
    """The line of a further copy, whose id says which one it is."""
    value = json.loads(line)
    value["id"] += f"#{copy + 1}"
    return json.dumps(value, ensure_ascii=False).encode() + b"\n"
