"""Stretches of counting numbers, laid end to end."""

import numpy as np


def ranges(starts: np.ndarray | int, sizes: np.ndarray) -> np.ndarray:
    """Counts up from each start, as far as its size says, one after the other.

    >>> ranges(np.array([5, 0, 7]), np.array([2, 0, 3]))
    array([5, 6, 7, 8, 9])
    """
    ends = np.cumsum(sizes)
    shifts = np.repeat(starts - (ends - sizes), sizes)
    return np.arange(len(shifts)) + shifts
