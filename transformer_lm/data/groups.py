"""Groups of records, tokenised in the graph and laid into rows."""

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from transformer_lm.data.datasets.interface import Records
from transformer_lm.data.graph import (
    PythonCalls,
    deterministic_options,
    import_tensorflow,
)
from transformer_lm.data.packing import Counts, Documents
from transformer_lm.data.row_builders import RowBuilder
from transformer_lm.data.sentences import split_sentences
from transformer_lm.data.shuffling import Features, Order
from transformer_lm.tokenizers.interface import Tokenizer

if TYPE_CHECKING:
    import tensorflow as tf

COUNT_KEYS = tuple(field.name for field in dataclasses.fields(Counts))


def groups_of_rows(
    groups: "tf.data.Dataset",
    records: Records,
    rows: RowBuilder,
    tokenizer: Tokenizer,
    order: Order,
    calls: PythonCalls,
    *,
    length: int,
) -> "tf.data.Dataset":
    """Returns groups of rows: their arrays, `counts` and the three scalars."""
    tf = import_tensorflow()
    encode = tokenizer.graph_encoder()

    def tokenize(group: Features) -> Features:
        texts = records.preprocess(group["text"])
        if rows.of_sentences:
            sentences = split_sentences(texts)
            ids, word_starts = encode(sentences.flat_values)
            sizes = ids.row_lengths()
            lengths = tf.reduce_sum(sentences.with_values(sizes), axis=1)
        else:
            ids, word_starts = encode(texts)
            sizes = lengths = ids.row_lengths()
        words = {} if word_starts is None else {"word_starts": word_starts.flat_values}
        return {
            **group,
            **words,
            "ids": ids.flat_values,
            "lengths": lengths,
            "sentences": sizes,
            "characters": tf.strings.length(texts, unit="UTF8_CHAR"),
        }

    def build(
        ids: np.ndarray,
        lengths: np.ndarray,
        characters: np.ndarray,
        starts: np.ndarray,
        ends: np.ndarray,
        sentences: np.ndarray,
        place: np.ndarray,
        word_starts: np.ndarray | None = None,
    ) -> tuple[np.ndarray, ...]:
        if len(starts) != len(lengths):
            # Preprocessing has made other texts of the records: whole documents.
            starts = ends = np.ones(len(lengths), bool)
        arrays, counts = rows.build(
            Documents(ids, lengths, characters, starts, ends, sentences, word_starts),
            length,
            np.random.default_rng([order.seed, 1, *map(int, place)]),
            in_order=not order.shuffles,
        )
        numbers = np.array([getattr(counts, key) for key in COUNT_KEYS], np.int64)
        return (*(arrays[key] for key in rows.arrays), numbers)

    def to_rows(group: Features) -> Features:
        place = {key: group[key] for key in ("epoch", "window", "group")}
        columns = ("ids", "lengths", "characters", "starts_document", "ends_document")
        columns = (*columns, "sentences", "place")
        columns += ("word_starts",) if "word_starts" in group else ()
        dtypes = [tf.as_dtype(kind) for kind in rows.arrays.values()] + [tf.int64]
        inputs = {**group, "place": tf.stack(list(place.values()))}
        *arrays, counts = calls.call(build, [inputs[key] for key in columns], dtypes)
        return {
            **dict(zip(rows.arrays, arrays, strict=True)),
            "counts": counts,
            **place,
        }

    return (
        groups.map(tokenize, num_parallel_calls=2, deterministic=True)
        .map(to_rows)
        .prefetch(1)
        .with_options(deterministic_options())
    )
