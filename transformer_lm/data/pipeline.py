"""Streaming: text → tokens → rows → batches of this host."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from transformer_lm.data.batches import Batch, BatchIterator
from transformer_lm.data.graph import PythonCalls, import_tensorflow
from transformer_lm.data.groups import groups_of_rows
from transformer_lm.data.opening import (
    any_record,
    describe,
    open_records,
    record_characters,
)
from transformer_lm.data.position import Position
from transformer_lm.data.row_builders import RowBuilder, row_builder
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
    rows: RowBuilder | None = None,
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
      rows: what rows hold; None: text for causal training.
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
    rows = rows or row_builder("causal", windows, tokenizer)

    def open_groups(position: Position) -> "tf.data.Dataset":
        groups = text_groups(
            records,
            order,
            calls,
            epoch=position.epoch,
            start=position.window,
            skip=position.group,
        )
        return groups_of_rows(
            groups, records, rows, tokenizer, order, calls, length=length
        )

    settings: dict[str, Any] = {
        "dataset_name": selection.dataset_name,
        "train_split": selection.split,
        "the text": records.digest(),
        "invalid_utf8": selection.invalid_utf8,
        "shuffle_buffer_size": order.shuffle_buffer_size,
        "max_target_length": length,
        "seed": seed,
        "vocab_size": tokenizer.vocab_size,
        **rows.settings(),
        "record_characters": record_characters(windows),
        "this process": [process_index, process_count],
    }
    return BatchIterator(
        open_groups,
        records,
        calls,
        keys=rows.arrays,
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
    rows: RowBuilder | None = None,
    process_index: int = 0,
    process_count: int = 1,
) -> Iterator[Batch]:
    """Returns this host's part of the held-out split, once, in the order of the text.

    A global batch is the same rows in the same order for any number of hosts, so that
    every host gets equally many batches: each reads the whole split and takes its
    rows. The last batch is filled up with rows of zeros. What rows draw at random is the
    same every time.

    Args:
      source: the text.
      windows: how it is laid into rows.
      tokenizer: its vocabulary.
      batch_size: rows in this host's part of a batch.
      rows: what rows hold; None: text for causal training.
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
    rows = rows or row_builder("causal", windows, tokenizer)
    groups = text_groups(records, order, calls)
    dataset = groups_of_rows(
        groups, records, rows, tokenizer, order, calls, length=length
    )
    parts = _global_batches(dataset, calls, rows.arrays, batch_size * process_count)
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
    dataset: "tf.data.Dataset", calls: PythonCalls, keys: Iterable[str], size: int
) -> Iterator[Batch]:
    """Batches of `size` rows; the last one is filled up with rows of zeros."""
    held: Batch = {}
    try:
        for group in dataset.as_numpy_iterator():
            rows = {key: group[key] for key in keys}
            if held:
                rows = {
                    key: np.concatenate([held[key], value])
                    for key, value in rows.items()
                }
            whole = len(rows["tokens"]) // size * size
            for first in range(0, whole, size):
                yield {key: value[first : first + size] for key, value in rows.items()}
            held = {key: value[whole:] for key, value in rows.items()}
    except import_tensorflow().errors.OpError:
        calls.raise_kept()
        raise
    if held and len(held["tokens"]):
        missing = size - len(held["tokens"])
        yield {
            key: np.pad(value, [(0, missing)] + [(0, 0)] * (value.ndim - 1))
            for key, value in held.items()
        }
