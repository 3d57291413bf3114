"""Tokenised records in ArrayRecord files, each beside an index of all its records.

A record of a document holds, without anything between them,

    ids           uint16, or uint32 where the vocabulary needs it
    sentences     uint32, tokens of each sentence (where documents are cut into such)
    word starts   a bit a token, least significant first (absent: all tokens begin one)

and how many there are of each stands in the index, so that an order of the records and
its groups are planned without reading one. ArrayRecord keeps checksums of its blocks.
"""

import tokenize
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from transformer_lm.data.packing import Documents
from transformer_lm.registry import UserError

INDEX = np.dtype(
    [
        ("tokens", "<u4"),
        ("sentences", "<u4"),
        ("characters", "<u4"),
        ("bytes", "<u4"),
        ("starts", "?"),
        ("ends", "?"),
        ("has_word_starts", "?"),
    ]
)
"""What is known of a record: its sizes (bytes: of its text in UTF-8), whether it starts
and ends its document, and whether it says where words begin."""

_OPTIONS = "group_size:1,uncompressed"
"""Read one by one, in any order; ids hardly shrink, and unpacking takes longest."""

_ROWS_AT_A_TIME = 1 << 14

_DAMAGE = (
    *(OSError, ValueError, RuntimeError, OverflowError, MemoryError),
    *(SyntaxError, tokenize.TokenError),
)
"""What numpy and ArrayRecord raise: the head of an .npy file is a Python literal."""


class TokenizedRecord(NamedTuple):
    """A document, or a part of a long one, as ids."""

    ids: Sequence[int]
    sentences: Sequence[int]
    """Tokens of each sentence; empty where records are not cut into such."""
    word_starts: Sequence[bool] | None
    """Whether each token begins a word; None: each does."""
    characters: int
    size: int
    """Bytes of its text."""
    starts: bool
    ends: bool


def id_type(vocab_size: int) -> str:
    """Returns the smallest type of integer that holds all ids."""
    return "<u2" if vocab_size <= 1 << 16 else "<u4"


def write_shard(
    records: Iterable[TokenizedRecord], data: Path, index: Path, kind: str
) -> np.ndarray:
    """Writes records and their index; returns the index.

    The same records give the same bytes.

    Args:
      records: in order.
      data: ArrayRecord file.
      index: .npy file.
      kind: `id_type` of the vocabulary.
    """
    from array_record.python.array_record_module import ArrayRecordWriter

    tables = [np.zeros(0, INDEX)]
    rows = []
    writer = ArrayRecordWriter(str(data), _OPTIONS)
    try:
        for record in records:
            starts = record.word_starts
            parts = [
                np.asarray(record.ids, kind).tobytes(),
                np.asarray(record.sentences, "<u4").tobytes(),
            ]
            if starts is not None:
                parts.append(np.packbits(starts, bitorder="little").tobytes())
            writer.write(b"".join(parts))
            rows.append(
                (
                    *(len(record.ids), len(record.sentences), record.characters),
                    *(record.size, record.starts, record.ends, starts is not None),
                )
            )
            if len(rows) == _ROWS_AT_A_TIME:
                tables.append(np.array(rows, INDEX))
                rows.clear()
    finally:
        writer.close()
    table = np.concatenate([*tables, np.array(rows, INDEX)])
    with index.open("wb") as file:
        np.save(file, table)
    return table


def counts_of(index: np.ndarray) -> dict[str, int]:
    """Adds up what a manifest counts of a shard, from its index."""
    return {
        "documents": int(index["ends"].sum()),
        "records": len(index),
        **{
            name: int(index[name].sum(dtype="u8"))
            for name in ("sentences", "tokens", "characters")
        },
    }


class ShardReader:
    """The records of some shards, by number."""

    def __init__(self, data: Sequence[Path], index: Sequence[Path], kind: str) -> None:
        """Opens shards; their index is read whole (`INDEX.itemsize` bytes a record).

        Args:
          data: ArrayRecord files.
          index: the index of each.
          kind: `id_type` of the vocabulary.

        Raises:
          UserError: if a file is damaged.
        """
        from grain.sources import ArrayRecordDataSource

        self._names = ", ".join(str(path) for path in data)
        self._kind = np.dtype(kind)
        try:
            # Not np.load, which reads archives and, if it is let, pickles too.
            tables = [np.lib.format.open_memmap(path, "r") for path in index]
            self.index = np.concatenate(tables)
            # Any: its stubs know neither its length nor how to read several records.
            self._source: Any = ArrayRecordDataSource([str(path) for path in data])
        except _DAMAGE as error:
            raise self._damaged(error) from error
        if self.index.dtype != INDEX or len(self.index) != len(self._source):
            raise self._damaged(
                f"{len(self._source)} records, {len(self.index)} in the index"
            )

    def documents(self, numbers: np.ndarray) -> Documents:
        """Returns the records of these numbers, laid end to end.

        Raises:
          UserError: if the shard is damaged.
        """
        rows = self.index[numbers]
        try:
            records = self._source.__getitems__(numbers.tolist())
        except (ValueError, RuntimeError, IndexError, OSError) as error:
            raise self._damaged(error) from error
        width = self._kind.itemsize
        num_tokens = rows["tokens"].astype(np.int64)
        after_ids = num_tokens * width
        after_sentences = after_ids + 4 * rows["sentences"].astype(np.int64)
        flags = np.where(rows["has_word_starts"], -(-num_tokens // 8), 0)
        if list(map(len, records)) != (after_sentences + flags).tolist():
            raise self._damaged("records have other sizes than in the index")
        borders = list(zip(after_ids.tolist(), after_sentences.tolist(), strict=True))
        pairs = list(zip(records, borders, strict=True))
        word_starts = None
        if rows["has_word_starts"].any():
            word_starts = np.concatenate(
                [_bits(record[ends[1] :], ends[0] // width) for record, ends in pairs]
            )
        return Documents(
            ids=np.frombuffer(b"".join([r[: e[0]] for r, e in pairs]), self._kind),
            lengths=num_tokens,
            characters=rows["characters"].astype(np.int64),
            starts=rows["starts"],
            ends=rows["ends"],
            sentences=np.frombuffer(
                b"".join([record[ends[0] : ends[1]] for record, ends in pairs]), "<u4"
            ).astype(np.int64),
            word_starts=word_starts,
        )

    def _damaged(self, error: object) -> UserError:
        return UserError(
            f"prepared data is damaged or was changed ({error}): one of {self._names}."
            " Run the same transformer_lm.tools.prepare again: it finds what is damaged"
            " and makes it anew."
        )


def _bits(packed: bytes, count: int) -> np.ndarray:
    """[count] whether each bit is set; all are where nothing is packed."""
    if not packed:
        return np.ones(count, bool)
    bits = np.frombuffer(packed, np.uint8)
    return np.unpackbits(bits, count=count, bitorder="little").astype(bool)
