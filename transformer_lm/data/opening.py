"""Opens what a config selects, for one host."""

import dataclasses

from transformer_lm.data import find_dataset
from transformer_lm.data.datasets.interface import Records, Share
from transformer_lm.data.graph import (
    PythonCalls,
    deterministic_options,
    import_tensorflow,
)
from transformer_lm.data.source import Selection
from transformer_lm.data.windows import Windows


def open_records(
    selection: Selection,
    windows: Windows,
    calls: PythonCalls,
    process_index: int = 0,
    process_count: int = 1,
) -> Records:
    """Opens a split of a data set, or one host's part of it.

    Raises:
      UserError: if the text is not there.
    """
    share = Share(
        **dataclasses.asdict(selection),
        record_characters=record_characters(windows),
        process_index=process_index,
        process_count=process_count,
    )
    return find_dataset(selection.dataset_name).open(share, calls)


def record_characters(windows: Windows) -> int:
    """Where documents are cut: the same for training and held-out text.

    A piece of a vocabulary has at most 16 characters by SentencePiece's default, so a
    record that had to be cut fills the longest row.
    """
    longest = max(windows.max_target_length, windows.max_eval_target_length)
    return max(32_768, 16 * longest)


def any_record(records: Records, calls: PythonCalls) -> bool:
    """Returns whether there is anything to read.

    Raises:
      UserError: if the text cannot be read.
    """
    try:
        first = records.dataset(0).take(1).with_options(deterministic_options())
        return bool(list(first))
    except import_tensorflow().errors.OpError:
        calls.raise_kept()
        raise


def describe(selection: Selection) -> str:
    """Returns the data in words, for messages."""
    where = selection.data_path if selection.data_path else selection.data_dir
    origin = f" ({where})" if where else ""
    return f"split {selection.split!r} of {selection.dataset_name!r}{origin}"
