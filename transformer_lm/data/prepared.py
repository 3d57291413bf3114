"""Groups of rows out of prepared data, in an order that is known beforehand.

The order is that of streaming whose shuffle buffer holds the whole text: a permutation
of all records by (seed, epoch), taken in groups of about `GROUP_BYTES` of text. A group's
rows depend on its records and on a generator of (seed, epoch, group) alone. Memory: 25
bytes a record (its index and its place in the order), 60 while an epoch is planned.
"""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import grain
import numpy as np

from transformer_lm.data.manifest import Manifest, read_manifest
from transformer_lm.data.packing import COUNT_KEYS
from transformer_lm.data.position import Position
from transformer_lm.data.row_builders import RowBuilder
from transformer_lm.data.row_stream import Group
from transformer_lm.data.shards import ShardReader, id_type
from transformer_lm.data.shuffling import Order
from transformer_lm.registry import UserError

_READ_AHEAD = grain.ReadOptions(num_threads=2, prefetch_buffer_size=2)
"""Two groups are built at once, in the background: numpy works outside Python's lock."""


class PreparedSplit:
    """A split of a folder of prepared data."""

    def __init__(self, folder: Path, split: str) -> None:
        """Opens the split.

        Raises:
          UserError: if there is none, or it is not whole.
        """
        self.folder = folder
        self.split = split
        self.manifest = read_manifest(folder)
        shards = self.manifest.splits.get(split)
        if not shards:
            raise UserError(
                f"{folder} has no split {split!r}; it has"
                f" {', '.join(self.manifest.splits)}: choose one with train_split or"
                f" eval_split, or prepare the folder with --{split}"
            )
        self._reader = ShardReader(
            [shard.data(folder) for shard in shards],
            [shard.index(folder) for shard in shards],
            id_type(self.manifest.tokenizer.vocab_size),
        )

    def __str__(self) -> str:
        return f"split {self.split!r} of the prepared data in {self.folder}"

    def training_groups(
        self, rows: RowBuilder, length: int, seed: int
    ) -> Callable[[Position], Iterator[Group]]:
        """Returns the groups from a position on, epoch after epoch, shuffled.

        Args:
          rows: makes them.
          length: tokens in a row.
          seed: of the order.
        """
        self._check(rows)
        # A buffer of one record would mean that nothing is shuffled, nor are its rows.
        order = Order(max(len(self._reader.index), 2), seed, repeat=True)

        def open_groups(position: Position) -> Iterator[Group]:
            skip = position.group
            for epoch in itertools.count(position.epoch):
                yield from self._groups(rows, length, order, epoch, skip)
                skip = 0

        return open_groups

    def ordered_groups(self, rows: RowBuilder, length: int) -> Iterator[Group]:
        """Returns the groups of the whole split once, in the order of the text."""
        self._check(rows)
        return self._groups(rows, length, Order(1, seed=0, repeat=False), 0, 0)

    def _groups(
        self, rows: RowBuilder, length: int, order: Order, epoch: int, skip: int
    ) -> Iterator[Group]:
        """The groups of an epoch, less the first ones, read ahead."""
        plan = list(_plan(self._reader.index["bytes"], order, epoch))

        def build(number: int) -> Group:
            window, group, records = plan[number]
            arrays, counts = rows.build(
                self._reader.documents(records),
                length,
                order.generator(epoch, window, group),
                in_order=not order.shuffles,
            )
            numbers = [getattr(counts, key) for key in COUNT_KEYS]
            scalars = {"epoch": epoch, "window": window, "group": group}
            scalars |= {"counts": numbers}
            return arrays | {key: np.array(value) for key, value in scalars.items()}

        wanted = grain.MapDataset.range(min(skip, len(plan)), len(plan))
        return iter(wanted.map(build).to_iter_dataset(_READ_AHEAD))

    def _check(self, rows: RowBuilder) -> None:
        """Refuses rows of sentences where documents are not cut into such."""
        if rows.of_sentences and not self.manifest.rules.sentences:
            raise UserError(
                f"{self}: its documents are not cut into sentences, of which this"
                " objective's pairs are made; prepare it with --sentences"
            )


def _plan(
    sizes: np.ndarray, order: Order, epoch: int
) -> Iterator[tuple[int, int, np.ndarray]]:
    """The window, number and records of each group of an epoch.

    Args:
      sizes: [records] bytes of text of each.
      order: how they are shuffled.
      epoch: number of the epoch.
    """
    for first in range(0, len(sizes), order.window):
        window = sizes[first : first + order.window]
        chosen, borders = order.arrange(window, epoch, first)
        for group, (begin, end) in enumerate(itertools.pairwise(borders.tolist())):
            yield first, group, first + chosen[begin:end]


def same_tokenizer(splits: list[PreparedSplit]) -> Manifest:
    """Returns the manifest of folders that were tokenised alike.

    Raises:
      UserError: naming two that were not.
    """
    first = splits[0].manifest
    for other in splits[1:]:
        if other.manifest.tokenizer != first.tokenizer:
            raise UserError(
                f"{splits[0].folder} was tokenised with {first.tokenizer}, but"
                f" {other.folder} with {other.manifest.tokenizer}; prepare both with one"
                " tokenizer"
            )
    return first
