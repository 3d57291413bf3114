"""Streaming: text → tokens → packed rows → batches of this host."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from transformer_lm.data.batches import Batch, BatchIterator
from transformer_lm.data.graph import PythonCalls, import_tensorflow
from transformer_lm.data.groups import ROW_KEYS, packed_groups, special_ids
from transformer_lm.data.opening import (
    any_record,
    describe,
    open_records,
    record_characters,
)
from transformer_lm.data.position import Position
from transformer_lm.data.shuffling import Order, text_groups
from transformer_lm.data.source import Source
from transformer_lm.data.windows import Windows
from transformer_lm.registry import UserError
from transformer_lm.tokenizers.interface import Tokenizer

if TYPE_CHECKING:
    import tensorflow as tf


def train_iterator(
    source: Source,
    windows: Windows,
    tokenizer: Tokenizer,
    *,
    batch_size: int,
    seed: int,
    process_index: int = 0,
    process_count: int = 1,
) -> BatchIterator:
    """Returns a host's training batches, without end, shuffled anew in every epoch.

    Args:
      source: the text.
      windows: how it is laid into rows.
      tokenizer: its vocabulary.
      batch_size: rows in this host's part of a batch.
      seed: of the order.
      process_index: this host, from 0; every host reads other records.
      process_count: number of hosts.

    Raises:
      UserError: if the text is not there, or none is left for this host.
    """
    import_tensorflow()
    selection = source.training()
    calls = PythonCalls()
    records = open_records(selection, windows, calls, process_index, process_count)
    name = describe(selection)
    part = (
        f", part {process_index + 1} of {process_count}," if process_count > 1 else ""
    )
    if not any_record(records, calls):
        raise UserError(
            f"{name}{part} holds no document; set another train_split or more text"
        )
    order = Order(source.shuffle_buffer_size, seed, repeat=True)
    length = windows.max_target_length

    def open_groups(position: Position) -> "tf.data.Dataset":
        groups = text_groups(
            records,
            order,
            calls,
            epoch=position.epoch,
            start=position.window,
            skip=position.group,
        )
        return packed_groups(
            groups, records, windows, tokenizer, order, calls, length=length
        )

    start_id, end_id = special_ids(tokenizer)
    settings: dict[str, Any] = {
        "dataset_name": selection.dataset_name,
        "train_split": selection.split,
        "the text": records.digest(),
        "invalid_utf8": selection.invalid_utf8,
        "shuffle_buffer_size": order.shuffle_buffer_size,
        "max_target_length": length,
        "long_documents": windows.long_documents,
        "seed": seed,
        "the vocabulary": [tokenizer.vocab_size, start_id, end_id],
        "record_characters": record_characters(windows),
        "this process": [process_index, process_count],
    }
    return BatchIterator(
        open_groups,
        records,
        calls,
        batch_size=batch_size,
        name=name + part,
        settings=settings,
    )


def eval_batches(
    source: Source,
    windows: Windows,
    tokenizer: Tokenizer,
    *,
    batch_size: int,
    process_index: int = 0,
    process_count: int = 1,
) -> Iterator[Batch]:
    """Returns this host's part of the held-out split, once, in order, in packed rows.

    A global batch is the same rows in the same order for any number of hosts, so that
    every host gets equally many batches: each reads the whole split and takes its
    rows. The last batch is filled up with rows of weight 0.

    Args:
      source: the text.
      windows: how it is laid into rows.
      tokenizer: its vocabulary.
      batch_size: rows in this host's part of a batch.
      process_index: this host, from 0.
      process_count: number of hosts.

    Raises:
      UserError: if the text is not there, or gives no row.
    """
    import_tensorflow()
    selection = source.evaluation()
    calls = PythonCalls()
    records = open_records(selection, windows, calls)
    order = Order(shuffle_buffer_size=1, seed=0, repeat=False)
    length = windows.max_eval_target_length
    groups = text_groups(records, order, calls)
    dataset = packed_groups(
        groups, records, windows, tokenizer, order, calls, length=length
    )
    parts = _global_batches(dataset, calls, batch_size * process_count, length)
    mine = slice(process_index * batch_size, (process_index + 1) * batch_size)
    first = next(parts, None)
    if first is None:
        raise UserError(
            f"the held-out text, {describe(selection)}, holds no document (or none that"
            f" long_documents={windows.long_documents!r} keeps); set eval_data_path, or"
            " another eval_split"
        )

    def batches() -> Iterator[Batch]:
        yield {key: value[mine] for key, value in first.items()}
        for batch in parts:
            yield {key: value[mine] for key, value in batch.items()}

    return batches()


def _global_batches(
    dataset: "tf.data.Dataset", calls: PythonCalls, size: int, length: int
) -> Iterator[Batch]:
    """Batches of `size` rows; the last one is filled up with rows of zeros."""
    held: Batch = {key: np.zeros((0, length)) for key in ROW_KEYS}
    held["characters"] = np.zeros(0)
    try:
        for group in dataset.as_numpy_iterator():
            parts = {key: [held[key], group[key]] for key in ROW_KEYS}
            rows = {
                key: np.concatenate(value).astype(group[key].dtype)
                for key, value in parts.items()
            }
            whole = len(rows["tokens"]) // size * size
            for first in range(0, whole, size):
                yield {key: value[first : first + size] for key, value in rows.items()}
            held = {key: value[whole:] for key, value in rows.items()}
    except import_tensorflow().errors.OpError:
        calls.raise_kept()
        raise
    missing = size - len(held["tokens"])
    if missing < size:
        yield {
            key: np.pad(value, [(0, missing)] + [(0, 0)] * (value.ndim - 1))
            for key, value in held.items()
        }
