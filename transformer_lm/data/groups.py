"""Groups of records, tokenised in the graph and packed into rows."""

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from transformer_lm.data.datasets.interface import Records
from transformer_lm.data.graph import (
    PythonCalls,
    deterministic_options,
    import_tensorflow,
)
from transformer_lm.data.packing import Counts, Documents, pack
from transformer_lm.data.shuffling import Features, Order
from transformer_lm.data.windows import Windows
from transformer_lm.registry import UserError
from transformer_lm.tokenizers.interface import Tokenizer

if TYPE_CHECKING:
    import tensorflow as tf

ROW_KEYS = ("tokens", "targets", "segments", "positions", "weights", "characters")
COUNT_KEYS = tuple(field.name for field in dataclasses.fields(Counts))


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

    def pack_group(
        ids: np.ndarray,
        lengths: np.ndarray,
        characters: np.ndarray,
        starts: np.ndarray,
        ends: np.ndarray,
        *place: np.ndarray,
    ) -> tuple[np.ndarray, ...]:
        if len(starts) != len(lengths):
            # Preprocessing has made other texts of the records: whole documents.
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
