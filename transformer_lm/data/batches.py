"""Batches of rows: without end for training, once for held-out text."""

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import numpy as np

from transformer_lm.data.datasets.interface import Records
from transformer_lm.data.position import (
    Position,
    from_bytes,
    refuse_impossible,
    to_bytes,
)
from transformer_lm.data.row_stream import Batch, Group, RowStream

Report = dict[str, int | list[str]]


@dataclasses.dataclass(frozen=True)
class _MarkedPosition(Position):
    """A position, with what makes reading from there fast."""

    mark: list[int] = dataclasses.field(default_factory=list)


class TrainBatches(Protocol):
    """A host's training batches, epoch after epoch, with a position."""

    def __next__(self) -> Batch:
        """Returns the next batch."""
        ...

    def get_state(self) -> bytes:
        """Returns the position, some hundred bytes of JSON."""
        ...

    def set_state(self, state: bytes) -> None:
        """Goes to a position that `get_state` gave, in this process or another.

        Raises:
          UserError: if the state is damaged, or belongs to other settings.
        """
        ...

    def report(self) -> Report:
        """Returns the epoch, what became of the records so far, and faulty lines."""
        ...


class BatchIterator(Iterator[Batch]):
    """Batches of streamed text; the position does not depend on the batch size."""

    def __init__(
        self,
        stream: RowStream,
        records: Records,
        *,
        batch_size: int,
        settings: dict[str, Any],
    ) -> None:
        """Prepares reading; nothing is read before the first batch.

        Args:
          stream: the rows.
          records: what they are made of.
          batch_size: rows in a batch.
          settings: everything on which the order of the data depends.
        """
        self._stream = stream
        self._records = records
        self._batch_size = batch_size
        self._settings = settings

    def __next__(self) -> Batch:
        """Returns the next batch; see `RowStream.take`."""
        return self._stream.take(self._batch_size)

    def get_state(self) -> bytes:
        """Returns the position, with a mark that makes reading from there fast."""
        position = self._stream.position
        mark = self._records.resume_mark(position.window)
        values = {**dataclasses.asdict(position), "mark": mark}
        return to_bytes(values, self._settings)

    def set_state(self, state: bytes) -> None:
        """Goes to a position; see `TrainBatches`."""
        saved = from_bytes(state, self._settings, _MarkedPosition)
        refuse_impossible(saved)
        if saved.mark:
            self._records.use_resume_mark(saved.mark)
        values = dataclasses.asdict(saved)
        del values["mark"]
        self._stream.go_to(Position(**values))

    def report(self) -> Report:
        """Returns the epoch, what became of the records so far, and faulty lines."""
        return {**self._stream.report(), **self._records.report()}


def global_batches(
    groups: Iterable[Group], keys: Iterable[str], size: int
) -> Iterator[Batch]:
    """Yields batches of `size` rows; the last one is filled up with rows of zeros.

    Args:
      groups: of rows.
      keys: of the arrays in a batch.
      size: rows in a batch.
    """
    held: Batch = {}
    for group in groups:
        rows = {key: group[key] for key in keys}
        if held:
            rows = {
                key: np.concatenate([held[key], value]) for key, value in rows.items()
            }
        whole = len(rows["tokens"]) // size * size
        for first in range(0, whole, size):
            yield {key: value[first : first + size] for key, value in rows.items()}
        held = {key: value[whole:] for key, value in rows.items()}
    if held and len(held["tokens"]):
        missing = size - len(held["tokens"])
        yield {
            key: np.pad(value, [(0, missing)] + [(0, 0)] * (value.ndim - 1))
            for key, value in held.items()
        }


def part_of_batches(
    batches: Iterator[Batch], size: int, process_index: int, no_row: Exception
) -> Iterator[Batch]:
    """Returns a host's rows of global batches.

    Args:
      batches: the global ones.
      size: rows of a host in each.
      process_index: the host, from 0.
      no_row: raised at once if there is no batch.
    """
    mine = slice(process_index * size, (process_index + 1) * size)
    first = next(batches, None)
    if first is None:
        raise no_row

    def parts() -> Iterator[Batch]:
        yield {key: value[mine] for key, value in first.items()}
        for batch in batches:
            yield {key: value[mine] for key, value in batch.items()}

    return parts()
