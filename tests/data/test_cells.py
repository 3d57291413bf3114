"""Cells that are written in order, against the definition of each array."""

import numpy as np

from transformer_lm.data.cells import Cells

CELLS = Cells(
    row=np.array([1, 0, 1]),
    offset=np.array([0, 0, 2]),
    sizes=np.array([2, 4, 1]),
    shape=(3, 4),
)
"""Row 0 is full, row 1 has room for one more token, row 2 is empty."""


def test_values_are_spread_over_the_cells_of_their_runs():
    spread = CELLS.spread(np.array([5, 6, 7]), 9)
    assert spread.tolist() == [[6, 6, 6, 6], [5, 5, 7, 9], [9, 9, 9, 9]]
    assert spread.dtype == np.int32


def test_stretches_are_copied_and_room_is_filled():
    copied = CELLS.copied(np.arange(10, 20, dtype=np.uint16), np.array([8, 1, 0]), 3)
    assert copied.tolist() == [[11, 12, 13, 14], [18, 19, 10, 3], [3, 3, 3, 3]]
    assert copied.dtype == np.int32


def test_cells_are_counted_from_any_place():
    counted = CELLS.counted_from(np.array([4, 0, 4]))
    assert counted.tolist() == [[0, 1, 2, 3], [0, 1, 2, 0], [0, 0, 0, 0]]


def test_room_is_where_a_row_is_not_full():
    assert CELLS.room.tolist() == [7, 8]
    none = np.zeros(0, np.int64)
    assert Cells(none, none, none, (0, 4)).spread(none, 0).shape == (0, 4)
