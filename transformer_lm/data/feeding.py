"""Whichever way a run's data comes: streamed from text, or prepared beforehand."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from transformer_lm.data import pipeline
from transformer_lm.data.batches import TrainBatches
from transformer_lm.data.prepared import PreparedSplit, same_tokenizer
from transformer_lm.data.prepared_batches import PreparedBatches, prepared_eval_batches
from transformer_lm.data.row_builders import RowBuilder
from transformer_lm.data.row_stream import Batch
from transformer_lm.data.source import PREPARED, Selection, Source, folders_of
from transformer_lm.data.tokenizer_facts import probe_of, use_prepared_tokenizer
from transformer_lm.data.tokenizer_training import train_or_load_tokenizer
from transformer_lm.data.windows import Windows
from transformer_lm.registry import UserError
from transformer_lm.tokenizers.interface import Tokenizer, TokenizerConfig


def run_tokenizer(
    config: TokenizerConfig[Any],
    source: Source,
    workdir: str,
    windows: Windows,
    *,
    process_index: int = 0,
    process_count: int = 1,
) -> Tokenizer:
    """Returns a run's tokenizer: that of its prepared data, or its own.

    Args:
      config: the tokenizer's settings.
      source: the text or data.
      workdir: work folder, shared by all hosts.
      windows: how long rows are.
      process_index: this host; host 0 writes the tokenizer's files.
      process_count: number of hosts.

    Raises:
      UserError: if there is none, or it is not that of the data.
    """
    chosen = {source.training(), source.evaluation()}
    prepared = [
        split
        for selection in sorted(chosen, key=str)
        if selection.dataset_name == PREPARED
        for split in _splits(selection)
    ]
    if not prepared:
        return train_or_load_tokenizer(
            config,
            source,
            workdir,
            windows=windows,
            process_index=process_index,
            process_count=process_count,
        )
    return use_prepared_tokenizer(
        config,
        prepared[0].folder,
        same_tokenizer(prepared).tokenizer,
        workdir,
        writes=process_index == 0,
    )


def train_batches(
    source: Source,
    windows: Windows,
    tokenizer: Tokenizer,
    rows: RowBuilder,
    *,
    process_rows: Sequence[int],
    accumulation: int,
    seed: int,
    process_index: int = 0,
) -> TrainBatches:
    """Returns a host's training batches, without end.

    Args:
      source: the text or data.
      windows: how it is laid into rows.
      tokenizer: its vocabulary.
      rows: what rows hold.
      process_rows: rows of each host in a batch.
      accumulation: micro-batches of the host with the most rows.
      seed: of the order.
      process_index: this host, from 0.

    Raises:
      UserError: if the text is not there, or does not have what the rows need.
    """
    selection = source.training()
    if selection.dataset_name != PREPARED:
        return pipeline.train_iterator(
            source,
            windows,
            tokenizer,
            batch_size=process_rows[process_index],
            seed=seed,
            rows=rows,
            process_index=process_index,
            process_count=len(process_rows),
        )
    splits = _splits(selection)
    return PreparedBatches(
        splits,
        source.weights() or [1.0] * len(splits),
        rows,
        length=windows.max_target_length,
        seed=seed,
        process_rows=process_rows,
        accumulation=accumulation,
        process_index=process_index,
    )


def eval_batches(
    source: Source,
    windows: Windows,
    tokenizer: Tokenizer,
    rows: RowBuilder,
    *,
    batch_size: int,
    process_index: int = 0,
    process_count: int = 1,
) -> Iterator[Batch]:
    """Returns a host's part of the held-out split, once; see `pipeline.eval_batches`.

    Raises:
      UserError: if it is not there, gives no row, or has ids of another tokenizer.
    """
    selection = source.evaluation()
    if selection.dataset_name != PREPARED:
        return pipeline.eval_batches(
            source,
            windows,
            tokenizer,
            batch_size=batch_size,
            rows=rows,
            process_index=process_index,
            process_count=process_count,
        )
    splits = _splits(selection)
    if same_tokenizer(splits).tokenizer.probe != probe_of(tokenizer):
        raise UserError(
            f"{splits[0]} was made with another tokenizer than the model's; prepare the"
            " text with the model's, or name the text itself (dataset_name=text_files)"
        )
    return prepared_eval_batches(
        splits,
        rows,
        length=windows.max_eval_target_length,
        batch_size=batch_size,
        process_index=process_index,
        process_count=process_count,
    )


def _splits(selection: Selection) -> list[PreparedSplit]:
    """The prepared folders that a selection names."""
    return [
        PreparedSplit(Path(folder).expanduser(), selection.split)
        for folder in folders_of(selection.data_path)
    ]
