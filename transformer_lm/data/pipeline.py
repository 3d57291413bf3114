"""Streaming: text → tokens → rows → batches of this host."""

from collections.abc import Iterator
from typing import Any

from transformer_lm.data.batches import (
    BatchIterator,
    global_batches,
    part_of_batches,
)
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
from transformer_lm.data.row_stream import Batch, Group, RowStream
from transformer_lm.data.shuffling import Order, text_groups
from transformer_lm.data.source import Source
from transformer_lm.data.windows import Windows
from transformer_lm.registry import UserError
from transformer_lm.tokenizers.interface import Tokenizer


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

    def open_groups(position: Position) -> Iterator[Group]:
        groups = text_groups(
            records,
            order,
            calls,
            epoch=position.epoch,
            start=position.window,
            skip=position.group,
        )
        dataset = groups_of_rows(
            groups, records, rows, tokenizer, order, calls, length=length
        )
        return calls.iterate(dataset)

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
        RowStream(open_groups, rows.arrays, name + part),
        records,
        batch_size=batch_size,
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
    return part_of_batches(
        global_batches(calls.iterate(dataset), rows.arrays, batch_size * process_count),
        batch_size,
        process_index,
        UserError(
            f"the held-out text, {describe(selection)}, holds no document (or none that"
            f" long_documents={windows.long_documents!r} keeps); set eval_data_path, or"
            " another eval_split"
        ),
    )
