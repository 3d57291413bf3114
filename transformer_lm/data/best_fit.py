"""Where each segment goes, so that rows are nearly full."""

import numpy as np


def place(
    sizes: np.ndarray, length: int, generator: np.random.Generator | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Places segments whole, by best fit decreasing (Johnson 1974).

    The longest comes first; each goes to the row with the least room that is enough.

    Args:
      sizes: [segments] tokens of each, from 1 to `length`.
      length: tokens in a row.
      generator: puts the rows in random order; None: by their earliest segments.

    Returns:
      [segments] row, offset in the row, and number in the row from 1; number of rows.

    >>> place(np.array([3, 4, 1, 2]), 5, None)
    (array([0, 1, 1, 0]), array([0, 0, 4, 3]), array([1, 1, 2, 2]), 2)
    """
    row, offset, segment = np.zeros((3, len(sizes)), np.int64)
    segment += 1
    order = np.argsort(-sizes, kind="stable")
    num_full = int((sizes == length).sum())
    row[order[:num_full]] = np.arange(num_full)

    # Bit `room` of `rooms` is set where some row has exactly that much room left.
    rooms = 0
    rows_by_room: list[list[int]] = [[] for _ in range(length + 1)]
    held: list[int] = [1] * num_full
    rest = order[num_full:]
    placed: list[tuple[int, int, int]] = []
    for size in sizes[rest].tolist():
        enough = rooms >> size
        if enough:
            room = size + (enough & -enough).bit_length() - 1
            rows = rows_by_room[room]
            chosen = rows.pop()
            if not rows:
                rooms ^= 1 << room
            held[chosen] += 1
        else:
            room, chosen = length, len(held)
            held.append(1)
        placed.append((chosen, length - room, held[chosen]))
        left = room - size
        if left:
            rooms |= 1 << left
            rows_by_room[left].append(chosen)
    if placed:
        row[rest], offset[rest], segment[rest] = np.array(placed).T

    num_rows = len(held)
    if generator is None:
        earliest = np.full(num_rows, len(sizes))
        np.minimum.at(earliest, row, np.arange(len(sizes)))
        sequence = np.argsort(earliest)
    else:
        sequence = generator.permutation(num_rows)
    rank = np.empty(num_rows, np.int64)
    rank[sequence] = np.arange(num_rows)
    return rank[row], offset, segment, num_rows
