"""Rows without end, taken from groups one after the other."""

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from transformer_lm.data.packing import COUNT_KEYS
from transformer_lm.data.position import Position
from transformer_lm.registry import UserError

Batch = dict[str, np.ndarray]
Group = dict[str, np.ndarray]
"""Arrays of rows, `counts`, and the scalars epoch, window and group."""


class RowStream:
    """The rows of a text, epoch after epoch.

    The position is that of the last row that was handed out; what is read ahead does
    not count.
    """

    def __init__(
        self,
        open_groups: Callable[[Position], Iterator[Group]],
        keys: Iterable[str],
        name: str,
    ) -> None:
        """Prepares reading; nothing is read before the first row.

        Args:
          open_groups: from a position to the groups of rows from there on.
          keys: of the arrays in a batch.
          name: the data, in words, for messages.
        """
        self._open_groups = open_groups
        self._keys = tuple(keys)
        self._name = name
        self.go_to(Position())

    @property
    def position(self) -> Position:
        """Where the next row is."""
        return self._position

    def go_to(self, position: Position) -> None:
        """Goes to a position; its group is read with the next row."""
        self._groups: Iterator[Group] | None = None
        self._position = position
        self._group: Group = {"tokens": np.empty((position.row, 0), np.int32)}
        self._rows_in_epoch = position.row

    def take(self, number: int) -> Batch:
        """Returns the next `number` rows, at least one: not to be written to.

        Raises:
          UserError: if the files turn out damaged, or a whole epoch gives no row.
        """
        parts = []
        while number:
            available = len(self._group["tokens"]) - self._position.row
            if not available:
                self._advance()
                continue
            taken = min(number, available)
            rows = slice(self._position.row, self._position.row + taken)
            parts.append({key: self._group[key][rows] for key in self._keys})
            self._position = dataclasses.replace(self._position, row=rows.stop)
            number -= taken
        if len(parts) == 1:
            return parts[0]
        return {
            key: np.concatenate([part[key] for part in parts]) for key in self._keys
        }

    def report(self) -> dict[str, int]:
        """Returns the epoch, and what became of the records so far."""
        counts = {key: self._position.counts.get(key, 0) for key in COUNT_KEYS}
        return {"epoch": self._position.epoch, **counts}

    def _advance(self) -> None:
        """Goes on to the next group; to the saved one when reading starts."""
        started = self._groups is not None
        if self._groups is None:
            self._groups = self._open_groups(self._position)
        group = next(self._groups)
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
            if row > len(group["tokens"]):
                raise UserError(
                    f"the saved position in {self._name} is row {row} of a group of"
                    f" {len(group['tokens'])}; go on from an older checkpoint"
                )
        self._group = group
        self._position = Position(**place, row=row, counts=counts)
