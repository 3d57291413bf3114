"""Rows as one line of cells, which is written from its beginning to its end.

A run is a stretch of cells: a segment, or a part of it, or the room that is left at the
end of a row. Writing cells in order is two to three times as fast as putting each token
where it belongs, because numpy then neither jumps nor looks up where.
"""

import numpy as np


class Cells:
    """The runs of rows of one length, in the order of the cells."""

    def __init__(
        self,
        row: np.ndarray,
        offset: np.ndarray,
        sizes: np.ndarray,
        shape: tuple[int, int],
    ) -> None:
        """Orders the runs.

        Args:
          row: [runs] of each.
          offset: [runs] in the row; no gaps are between those of a row.
          sizes: [runs] cells of each, at least one.
          shape: rows, and cells in a row.
        """
        num_rows, length = shape
        used = np.bincount(row, sizes, num_rows).astype(np.int64)
        begins = np.concatenate(
            [row * length + offset, np.arange(num_rows) * length + used]
        )
        spans = np.concatenate([sizes, length - used])
        filled = np.flatnonzero(spans)
        self._order = filled[np.argsort(begins[filled])]
        self._begins, self._spans = begins[self._order], spans[self._order]
        self._num_runs, self._num_rows = len(sizes), num_rows
        self._shape = shape

    @property
    def room(self) -> np.ndarray:
        """[rooms] the first cell of each that is left."""
        return self._begins[self._order >= self._num_runs]

    def spread(self, values: np.ndarray, room: int) -> np.ndarray:
        """Returns int32 `[rows, length]`: in each cell the value of its run."""
        found = self._per_run(values, room).astype(np.int32)
        return np.repeat(found, self._spans).reshape(self._shape)

    def counted_from(self, begins: np.ndarray) -> np.ndarray:
        """Returns int32 `[rows, length]`: cells since `begins` [runs]; 0 in room."""
        counted = np.arange(self._shape[0] * self._shape[1], dtype=np.int32)
        counted = counted.reshape(self._shape)
        counted -= self.spread(begins, 0)
        counted *= self.spread(np.ones_like(begins), 0)
        return counted

    def copied(self, values: np.ndarray, sources: np.ndarray, room: int) -> np.ndarray:
        """Returns int32 `[rows, length]`: a stretch of `values` in each run.

        Args:
          values: [values] any.
          sources: [runs] place of what is in the first cell of each. What lies before the
            first value or after the last one is undefined.
          room: in the cells that are left.
        """
        closed = np.empty(len(values) + 1, np.int32)
        closed[:-1], closed[-1] = values, room
        # The places of the room are all clipped to the last one.
        shift = self._per_run(sources, len(values)) - self._begins
        places = np.repeat(shift, self._spans)
        places += np.arange(len(places))
        return closed.take(places, mode="clip").reshape(self._shape)

    def _per_run(self, values: np.ndarray, room: int) -> np.ndarray:
        """The value of each run in the order of cells; `room` for those left."""
        return np.concatenate([values, np.full(self._num_rows, room)])[self._order]
