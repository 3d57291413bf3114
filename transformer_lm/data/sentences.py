"""Texts cut into sentences."""

import re
from typing import TYPE_CHECKING

from transformer_lm.data.graph import import_tensorflow

if TYPE_CHECKING:
    import tensorflow as tf

_END = r"([。！？]+[」』）]*)"
"""Marks that end a sentence; brackets that close after them belong to it."""


def sentences_of(text: str) -> list[str]:
    """Cuts one text as `split_sentences` does, without TensorFlow.

    >>> sentences_of("「はい。」と言った。")
    ['「はい。」', 'と言った。', '']
    """
    return re.sub(_END, "\\1\n", text).split("\n")


def split_sentences(texts: "tf.Tensor") -> "tf.RaggedTensor":
    """Cuts texts after 。！？ and at line ends, in the graph.

    A sentence ends inside a quotation too; what follows 」 begins another. Lines without
    text give empty sentences.

    Args:
      texts: [texts] strings.

    Returns:
      [texts, sentences] strings; every text has at least one.
    """
    tf = import_tensorflow()
    lines = tf.strings.regex_replace(texts, _END, "\\1\n")
    return tf.strings.split(lines, "\n")
