"""Records that Python code gives in numbered blocks, as a `tf.data.Dataset`."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from transformer_lm.corpora.records import Record
from transformer_lm.data.datasets.interface import Share
from transformer_lm.data.graph import PythonCalls, import_tensorflow
from transformer_lm.data.splits import PercentSplit

if TYPE_CHECKING:
    import tensorflow as tf


class BlockRecords:
    """The records of a sub-split that belong to one host."""

    def __init__(
        self,
        block: Callable[[int], list[Record]],
        block_records: int,
        share: Share,
        calls: PythonCalls,
    ) -> None:
        """Wraps a source of blocks.

        Args:
          block: from a block's number to its records; none beyond the end.
          block_records: records in every block but the last.
          share: which of the records.
          calls: takes the errors of `block`.
        """
        self._block = block
        self._block_records = block_records
        self._share = share
        self._split = PercentSplit.parse(share.split)
        self._calls = calls

    def dataset(self, start: int) -> "tf.data.Dataset":
        """Returns the records from number `start` on; see `Records`."""
        tf = import_tensorflow()
        first = start // self._block_records
        place = tf.constant(start, tf.int64)
        dtypes = [tf.string, tf.bool, tf.bool, tf.int64, tf.bool]

        def read(number: "tf.Tensor") -> tuple["tf.Tensor", ...]:
            outputs = self._calls.call(self._read, [number, place], dtypes)
            for output in outputs[:4]:
                output.set_shape([None])
            outputs[4].set_shape([])
            return tuple(outputs)

        def named(*columns: "tf.Tensor") -> dict[str, "tf.Tensor"]:
            names = ("text", "starts_document", "ends_document", "index")
            return dict(zip(names, columns[:4], strict=True))

        return (
            tf.data.Dataset.range(first, np.iinfo(np.int64).max)
            .map(read)
            .take_while(lambda *columns: columns[4])
            .map(named)
            .unbatch()
        )

    def preprocess(self, texts: "tf.Tensor") -> "tf.Tensor":
        """Returns the texts as they are."""
        return texts

    def resume_mark(self, start: int) -> list[int]:
        """Returns nothing: any block is as fast as the next."""
        del start
        return []

    def use_resume_mark(self, mark: list[int]) -> None:
        """Needs nothing."""

    def digest(self) -> str:
        """Returns nothing: the settings say it all."""
        return ""

    def report(self) -> dict[str, int | list[str]]:
        """Returns nothing: every record is sound."""
        return {}

    def _read(self, number: int, start: int) -> tuple[np.ndarray, ...]:
        """A block's own records as columns, and whether the block exists at all."""
        records = self._block(int(number))
        first = int(number) * self._block_records
        index = np.arange(first, first + len(records), dtype=np.int64)
        mine = index % self._share.process_count == self._share.process_index
        chosen = np.flatnonzero(self._split.keeps(index) & mine & (index >= start))
        own = [records[i] for i in chosen]
        return (
            np.array([record.text.encode() for record in own], dtype=object),
            np.array([record.starts_document for record in own], dtype=bool),
            np.array([record.ends_document for record in own], dtype=bool),
            index[chosen],
            np.array(bool(records)),
        )
