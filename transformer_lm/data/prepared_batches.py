"""Batches of prepared data: one order, whatever the number of hosts.

Row number i of a run is of the folder that (seed, i) draws by weight; the rows of a
folder come in its own order. A global batch is the next rows; each host builds all of
them and keeps its own. (Packing runs at tens of millions of tokens a second, so that
skipping what others keep would gain nothing before some hundred devices wait for it.)
"""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from transformer_lm.data.batches import Report, global_batches, part_of_batches
from transformer_lm.data.position import (
    Position,
    from_bytes,
    refuse_impossible,
    to_bytes,
)
from transformer_lm.data.prepared import PreparedSplit
from transformer_lm.data.row_builders import RowBuilder
from transformer_lm.data.row_stream import Batch, RowStream
from transformer_lm.registry import UserError

_DRAWN_TOGETHER = 4096
"""Rows whose folders are drawn by one generator."""


@dataclasses.dataclass(frozen=True)
class _Place:
    """Where a run stands in its folders."""

    rows: int
    """Rows of all folders that are used up."""
    folders: list[Position]


class PreparedBatches(Iterator[Batch]):
    """A host's training batches; meets `TrainBatches`.

    The position is alike on all hosts, and does not depend on their number or on the
    batch size.
    """

    def __init__(
        self,
        splits: Sequence[PreparedSplit],
        weights: Sequence[float],
        rows: RowBuilder,
        *,
        length: int,
        seed: int,
        process_rows: Sequence[int],
        accumulation: int = 1,
        process_index: int = 0,
    ) -> None:
        """Prepares reading; nothing is read before the first batch.

        Args:
          splits: of the folders.
          weights: share of rows from each, in any unit.
          rows: what rows hold.
          length: tokens in a row.
          seed: of the order.
          process_rows: rows of each host in a batch.
          accumulation: micro-batches of the host with the most rows; each holds the same
            rows for any number of equal hosts.
          process_index: this host, from 0.

        Raises:
          UserError: if the data does not have what the rows need.
        """
        self._streams = [
            RowStream(
                split.training_groups(rows, length, seed), rows.arrays, str(split)
            )
            for split in splits
        ]
        self._names = [str(split.folder) for split in splits]
        self._shares = np.array(weights) / sum(weights)
        self._seed = seed
        self._total = sum(process_rows)
        # A host by itself takes the rows as they are; nothing is copied.
        self._mine = (
            _dealt(process_rows, accumulation, process_index)
            if len(process_rows) > 1
            else slice(None)
        )
        self._rows = 0
        self._settings: dict[str, Any] = {
            "train_split": splits[0].split,
            "the text": [split.manifest.digest(split.split) for split in splits],
            "data_weights": self._shares.tolist(),
            "tokenizer": splits[0].manifest.tokenizer.probe,
            "max_target_length": length,
            "seed": seed,
            **rows.settings(),
        }

    def __next__(self) -> Batch:
        """Returns the next batch; see `RowStream.take`."""
        folders = self._drawn(self._rows, self._total)
        parts = [
            (np.flatnonzero(folders == number), stream)
            for number, stream in enumerate(self._streams)
        ]
        taken = [(at, stream.take(len(at))) for at, stream in parts if len(at)]
        self._rows += self._total
        if len(taken) == 1:
            return {key: value[self._mine] for key, value in taken[0][1].items()}
        back = np.argsort(np.concatenate([at for at, _ in taken]))[self._mine]
        return {
            key: np.concatenate([batch[key] for _, batch in taken])[back]
            for key in taken[0][1]
        }

    def get_state(self) -> bytes:
        """Returns the position."""
        folders = [dataclasses.asdict(stream.position) for stream in self._streams]
        return to_bytes({"rows": self._rows, "folders": folders}, self._settings)

    def set_state(self, state: bytes) -> None:
        """Goes to a position; see `TrainBatches`."""
        saved = from_bytes(state, self._settings, _Place)
        if len(saved.folders) != len(self._streams) or saved.rows < 0:
            raise UserError(
                f"the saved position in the data has {saved.rows} rows of"
                f" {len(saved.folders)} folders, the run has {len(self._streams)}"
                " folder(s); go on from an older checkpoint"
            )
        self._rows = saved.rows
        for stream, position in zip(self._streams, saved.folders, strict=True):
            refuse_impossible(position)
            stream.go_to(position)

    def report(self) -> Report:
        """Returns the epoch of each folder, and what became of its records so far."""
        if len(self._streams) == 1:
            return {**self._streams[0].report()}
        return {
            f"{name}: {key}": value
            for name, stream in zip(self._names, self._streams, strict=True)
            for key, value in stream.report().items()
        }

    def _drawn(self, first: int, count: int) -> np.ndarray:
        """[count] the folder of each row from number `first` on."""
        if len(self._streams) == 1:
            return np.zeros(count, np.int64)
        blocks = range(first // _DRAWN_TOGETHER, (first + count) // _DRAWN_TOGETHER + 1)
        drawn = np.concatenate(
            [
                np.random.default_rng([self._seed, 2, block]).choice(
                    len(self._streams), _DRAWN_TOGETHER, p=self._shares
                )
                for block in blocks
            ]
        )
        start = first - blocks[0] * _DRAWN_TOGETHER
        return drawn[start : start + count]


def _dealt(
    process_rows: Sequence[int], accumulation: int, process_index: int
) -> np.ndarray:
    """The rows of a global batch that are this host's: its part of each micro-batch.

    >>> _dealt([4, 2], accumulation=2, process_index=0)
    array([0, 1, 4, 5])
    """
    micro_rows = max(process_rows) // accumulation
    owners = [
        process
        for micro_batch in range(accumulation)
        for process, rows in enumerate(process_rows)
        if micro_batch * micro_rows < rows
    ]
    starts = np.flatnonzero(np.array(owners) == process_index) * micro_rows
    return (starts[:, None] + np.arange(micro_rows)).ravel()


def prepared_eval_batches(
    splits: Sequence[PreparedSplit],
    rows: RowBuilder,
    *,
    length: int,
    batch_size: int,
    process_index: int = 0,
    process_count: int = 1,
) -> Iterator[Batch]:
    """Returns this host's part of the held-out splits, folder after folder, once.

    A global batch is the same rows in the same order for any number of hosts; the last
    one is filled up with rows of zeros.

    Args:
      splits: of the folders.
      rows: what rows hold.
      length: tokens in a row.
      batch_size: rows in this host's part of a batch.
      process_index: this host, from 0.
      process_count: number of hosts.

    Raises:
      UserError: if they give no row.
    """
    groups = (group for split in splits for group in split.ordered_groups(rows, length))
    names = ", ".join(map(str, splits))
    return part_of_batches(
        global_batches(groups, rows.arrays, batch_size * process_count),
        batch_size,
        process_index,
        UserError(f"{names} gives no row; prepare a larger held-out split"),
    )
