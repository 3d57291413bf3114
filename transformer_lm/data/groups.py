"""Groups of records: shuffled, tokenised in the graph and packed into rows.

The order is a function of the seed, the epoch and the place in the records alone: a
window of consecutive records is shuffled, then cut into groups. A run is therefore
resumed from four numbers, without the contents of any buffer.
"""

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from transformer_lm.data.datasets.interface import Records
from transformer_lm.data.graph import (
    PythonCalls,
    deterministic_options,
    import_tensorflow,
)
from transformer_lm.data.packing import Counts, Documents, pack
from transformer_lm.data.windows import Windows
from transformer_lm.registry import UserError
from transformer_lm.tokenizers.interface import Tokenizer

if TYPE_CHECKING:
    import tensorflow as tf

Features = dict[str, "tf.Tensor"]

GROUP_BYTES = 8 << 20
"""Text in a group: enough to fill rows, little enough to start soon."""
ROW_KEYS = ("tokens", "targets", "segments", "positions", "weights", "characters")
COUNT_KEYS = tuple(field.name for field in dataclasses.fields(Counts))


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
        def arrange(sizes, epoch, first):  # noqa: ANN001, ANN202
            return _arrange(sizes, order, int(epoch), int(first))

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


def packed_groups(
    groups: "tf.data.Dataset",
    records: Records,
    windows: Windows,
    tokenizer: Tokenizer,
    order: Order,
    calls: PythonCalls,
    *,
    length: int,
) -> "tf.data.Dataset":
    """Returns groups of packed rows: `ROW_KEYS`, `COUNT_KEYS` and the three scalars."""
    tf = import_tensorflow()
    encode = tokenizer.graph_encoder()
    start_id, end_id = special_ids(tokenizer)

    def tokenize(group: Features) -> Features:
        texts = records.preprocess(group["text"])
        ids = encode(texts)
        return {
            **group,
            "ids": ids.flat_values,
            "lengths": ids.row_lengths(),
            "characters": tf.strings.length(texts, unit="UTF8_CHAR"),
        }

    def pack_group(ids, lengths, characters, starts, ends, *place):  # noqa: ANN001, ANN002, ANN202
        if len(starts) != len(
            lengths
        ):  # Texts were made from records of whole documents.
            starts = ends = np.ones(len(lengths), bool)
        generator = None
        if order.shuffles:
            generator = np.random.default_rng([order.seed, 1, *map(int, place)])
        arrays, counts = pack(
            Documents(ids, lengths, characters, starts, ends),
            length=length,
            long_documents=windows.long_documents,
            start_id=start_id,
            end_id=end_id,
            generator=generator,
        )
        numbers = np.array([getattr(counts, key) for key in COUNT_KEYS], np.int64)
        return (*(arrays[key] for key in ROW_KEYS), numbers)

    def to_rows(group: Features) -> Features:
        place = {key: group[key] for key in ("epoch", "window", "group")}
        columns = ("ids", "lengths", "characters", "starts_document", "ends_document")
        dtypes = [tf.int32] * 4 + [tf.float32] * 2 + [tf.int64]
        inputs = [group[key] for key in columns] + list(place.values())
        *rows, counts = calls.call(pack_group, inputs, dtypes)
        return {**dict(zip(ROW_KEYS, rows, strict=True)), "counts": counts, **place}

    return (
        groups.map(tokenize, num_parallel_calls=2, deterministic=True)
        .map(to_rows)
        .prefetch(1)
        .with_options(deterministic_options())
    )


def special_ids(tokenizer: Tokenizer) -> tuple[int, int]:
    """Returns the ids that start and end every document.

    Raises:
      UserError: if the tokenizer lacks one.
    """
    if tokenizer.bos_id is None or tokenizer.eos_id is None:
        raise UserError(
            f"the tokenizer has bos_id={tokenizer.bos_id} and eos_id={tokenizer.eos_id},"
            " but every document starts and ends with a mark of its own; use a"
            " vocabulary that has both (do not set them to -1 in spm_train_options)"
        )
    return tokenizer.bos_id, tokenizer.eos_id


def _arrange(
    sizes: np.ndarray, order: Order, epoch: int, first: int
) -> tuple[np.ndarray, np.ndarray]:
    """The order of a window's records, and the borders of its groups.

    Args:
      sizes: [records] bytes of each.
      order: how they are shuffled.
      epoch: number of the epoch.
      first: number of the window's first record.
    """
    chosen = np.arange(len(sizes))
    if order.shuffles:
        generator = np.random.default_rng([order.seed, 0, epoch, first])
        chosen = generator.permutation(len(sizes))
    group = np.cumsum(sizes[chosen], dtype=np.int64) // GROUP_BYTES
    borders = np.flatnonzero(np.diff(group)) + 1
    splits = np.concatenate([[0], borders, [len(sizes)]])
    return chosen.astype(np.int64), splits.astype(np.int64)
