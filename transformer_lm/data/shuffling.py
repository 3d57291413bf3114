"""Records in shuffled order, in groups that are tokenised and packed together.

The order is a function of the seed, the epoch and the place in the records alone: a
window of consecutive records is shuffled, then cut into groups. A run is therefore
resumed from four numbers, without the contents of any buffer.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from transformer_lm.data.datasets.interface import Records
from transformer_lm.data.graph import (
    PythonCalls,
    deterministic_options,
    import_tensorflow,
)

if TYPE_CHECKING:
    import tensorflow as tf

Features = dict[str, "tf.Tensor"]

GROUP_BYTES = 8 << 20
"""Text in a group: enough to fill rows, little enough to start soon."""


@dataclass(frozen=True)
class Order:
    """In which order records are read."""

    shuffle_buffer_size: int
    """Consecutive records in a window; 1: nothing is shuffled."""
    seed: int
    repeat: bool
    """Whether another epoch follows every epoch."""

    @property
    def window(self) -> int:
        """Records that are handled together."""
        return self.shuffle_buffer_size if self.shuffles else 1024

    @property
    def shuffles(self) -> bool:
        """Whether the order differs from that of the records."""
        return self.shuffle_buffer_size > 1

    def arrange(
        self, sizes: np.ndarray, epoch: int, first: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns the order of a window's records, and the borders of its groups.

        Args:
          sizes: [records] bytes of text of each.
          epoch: number of the epoch.
          first: number of the window's first record.
        """
        chosen = np.arange(len(sizes))
        if self.shuffles:
            generator = np.random.default_rng([self.seed, 0, epoch, first])
            chosen = generator.permutation(len(sizes))
        group = np.cumsum(sizes[chosen], dtype=np.int64) // GROUP_BYTES
        borders = np.flatnonzero(np.diff(group)) + 1
        splits = np.concatenate([[0], borders, [len(sizes)]])
        return chosen.astype(np.int64), splits.astype(np.int64)

    def generator(self, epoch: int, window: int, group: int) -> np.random.Generator:
        """Returns what the rows of a group draw from."""
        return np.random.default_rng([self.seed, 1, epoch, window, group])


def text_groups(
    records: Records,
    order: Order,
    calls: PythonCalls,
    *,
    epoch: int = 0,
    start: int = 0,
    skip: int = 0,
) -> "tf.data.Dataset":
    """Returns groups of records: columns, and the scalars epoch, window and group.

    Args:
      records: what is read.
      order: how it is shuffled.
      calls: takes the errors of Python code.
      epoch: number of the epoch to begin in.
      start: number of the record to begin with, the first of a window.
      skip: groups of that window to leave out.
    """
    tf = import_tensorflow()

    def divide(window: Features, epoch: "tf.Tensor") -> "tf.data.Dataset":
        def arrange(
            sizes: np.ndarray, epoch: np.ndarray, first: np.ndarray
        ) -> tuple[np.ndarray, np.ndarray]:
            return order.arrange(sizes, int(epoch), int(first))

        sizes = tf.strings.length(window["text"])
        first = window["index"][0]
        chosen, splits = calls.call(arrange, [sizes, epoch, first], [tf.int64] * 2)
        chosen.set_shape([None])
        splits.set_shape([None])
        columns = {
            name: tf.RaggedTensor.from_row_splits(
                tf.gather(window[name], chosen), splits
            )
            for name in ("text", "starts_document", "ends_document")
        }
        groups = tf.data.Dataset.from_tensor_slices(columns).enumerate()
        return groups.map(
            lambda number, group: {
                **group,
                "epoch": epoch,
                "window": first,
                "group": number,
            }
        )

    def one_epoch(dataset: "tf.data.Dataset", epoch: "tf.Tensor") -> "tf.data.Dataset":
        windows = dataset.batch(order.window)
        return windows.flat_map(lambda window: divide(window, epoch))

    first_epoch = tf.constant(epoch, tf.int64)
    groups = one_epoch(records.dataset(start), first_epoch).skip(skip)
    if order.repeat:
        whole = records.dataset(0)
        later = tf.data.Dataset.range(epoch + 1, np.iinfo(np.int64).max)
        groups = groups.concatenate(later.flat_map(lambda e: one_epoch(whole, e)))
    return groups.with_options(deterministic_options())
