"""Batches without end, with a position that can be saved and gone back to."""

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from transformer_lm.data.datasets.interface import Records
from transformer_lm.data.graph import PythonCalls, import_tensorflow
from transformer_lm.data.groups import COUNT_KEYS
from transformer_lm.data.position import Position
from transformer_lm.registry import UserError

if TYPE_CHECKING:
    import tensorflow as tf

Batch = dict[str, np.ndarray]
Group = dict[str, np.ndarray]


class BatchIterator(Iterator[Batch]):
    """A host's training batches, epoch after epoch.

    The position is that of the last batch that was handed out; what is read ahead does
    not count. It does not depend on the batch size.
    """

    def __init__(
        self,
        open_groups: Callable[[Position], "tf.data.Dataset"],
        records: Records,
        calls: PythonCalls,
        *,
        keys: Iterable[str],
        batch_size: int,
        name: str,
        settings: dict[str, Any],
    ) -> None:
        """Prepares reading; nothing is read before the first batch.

        Args:
          open_groups: from a position to the groups of rows from there on.
          records: what is read.
          calls: has the errors of Python code.
          keys: of the arrays in a batch.
          batch_size: rows in a batch.
          name: the data, in words, for messages.
          settings: everything on which the order of the data depends.
        """
        self._open_groups = open_groups
        self._records = records
        self._calls = calls
        self._keys = tuple(keys)
        self._batch_size = batch_size
        self._name = name
        self._settings = settings
        self._restart(Position())

    def __next__(self) -> Batch:
        """Returns the next batch.

        Raises:
          UserError: if the files turn out damaged, or a whole epoch gives no row.
        """
        parts = []
        wanted = self._batch_size
        while wanted:
            available = len(self._group["tokens"]) - self._position.row
            if not available:
                self._advance()
                continue
            taken = min(wanted, available)
            rows = slice(self._position.row, self._position.row + taken)
            parts.append({key: self._group[key][rows] for key in self._keys})
            self._position = dataclasses.replace(self._position, row=rows.stop)
            wanted -= taken
        return {
            key: np.concatenate([part[key] for part in parts]) for key in self._keys
        }

    def get_state(self) -> bytes:
        """Returns the position, some hundred bytes of JSON."""
        mark = self._records.resume_mark(self._position.window)
        return self._position.to_bytes(self._settings, mark)

    def set_state(self, state: bytes) -> None:
        """Goes to a position that `get_state` gave, in this process or another.

        Raises:
          UserError: if the state is damaged, or belongs to other settings.
        """
        position, mark = Position.from_bytes(state, self._settings)
        if mark:
            self._records.use_resume_mark(mark)
        self._restart(position)

    def report(self) -> dict[str, int | list[str]]:
        """Returns the epoch, what became of the records so far, and faulty lines."""
        counts = {key: self._position.counts.get(key, 0) for key in COUNT_KEYS}
        return {"epoch": self._position.epoch, **counts, **self._records.report()}

    def _restart(self, position: Position) -> None:
        """Goes to a position; its group is read with the next batch."""
        self._groups: Iterator[Group] | None = None
        self._position = position
        self._group: Group = {"tokens": np.empty((position.row, 0), np.int32)}
        self._rows_in_epoch = position.row

    def _advance(self) -> None:
        """Goes on to the next group; to the saved one when reading starts."""
        started = self._groups is not None
        if self._groups is None:
            dataset = self._open_groups(self._position)
            self._groups = iter(cast(Iterable[Group], dataset.as_numpy_iterator()))
        group = self._read()
        place = {key: int(group[key]) for key in ("epoch", "window", "group")}
        if place["epoch"] != self._position.epoch:
            if started and not self._rows_in_epoch:
                raise UserError(
                    f"{self._name} gives no row in a whole epoch"
                    f" ({self._position.counts}); choose long_documents=split, a larger"
                    " max_target_length, or more or other text"
                )
            self._rows_in_epoch = 0
        self._rows_in_epoch += len(group["tokens"])
        row, counts = 0, self._position.counts
        if started or not self._position.row:
            new = dict(zip(COUNT_KEYS, group["counts"].tolist(), strict=True))
            counts = dict(Counter(counts) + Counter(new))
        else:
            row = self._position.row
        self._group = group
        self._position = Position(**place, row=row, counts=counts)

    def _read(self) -> Group:
        """The next group of the data set."""
        assert self._groups is not None
        try:
            return next(self._groups)
        except import_tensorflow().errors.OpError:
            self._calls.raise_kept()
            raise
