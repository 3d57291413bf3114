"""Tokenizers written in Python, called from TensorFlow's graph."""

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from transformer_lm.tokenizers.interface import GraphEncoder

if TYPE_CHECKING:
    import tensorflow as tf


def in_graph(
    encode_words: Callable[[str], tuple[list[int], list[bool]]],
) -> GraphEncoder:
    """Returns `encode_words` as a graph operation on many texts.

    It runs in this process, one text after the other; bytes that are no UTF-8 become
    U+FFFD, as in SentencePiece.

    Args:
      encode_words: text to ids, and for each whether it begins a word.
    """
    import tensorflow as tf

    def encode(texts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        found = [encode_words(text.decode(errors="replace")) for text in texts.tolist()]
        chain = itertools.chain.from_iterable
        ids = np.fromiter(chain(ids for ids, _ in found), np.int32)
        starts = np.fromiter(chain(starts for _, starts in found), np.bool_)
        return ids, starts, np.array([len(ids) for ids, _ in found], np.int64)

    def operation(texts: "tf.Tensor") -> tuple["tf.RaggedTensor", "tf.RaggedTensor"]:
        strings = tf.convert_to_tensor(texts, tf.string)
        dtypes = [tf.int32, tf.bool, tf.int64]
        outputs = tf.numpy_function(encode, [strings], dtypes, stateful=False)
        for output in outputs:
            output.set_shape([None])
        ids, starts, lengths = outputs
        ragged: Any = tf.RaggedTensor  # Any: its makers have no types.
        ids = ragged.from_row_lengths(ids, lengths)
        return ids, ids.with_values(starts)

    return operation
