"""Japanese Wikipedia as Wiki-40B cleaned it (Guo et al. 2020)."""

from typing import TYPE_CHECKING

from transformer_lm.data.datasets.tfds_records import TfdsDataset
from transformer_lm.data.graph import import_tensorflow

if TYPE_CHECKING:
    import tensorflow as tf

_SHORTEST = 10


class Wiki40bJa(TfdsDataset):
    """A paragraph of at least ten characters is a document.

    As in transformer-lm-japanese: titles of articles and sections are left out, and
    what stands between `_NEWLINE_` marks is a paragraph.
    """

    tfds_name = "wiki40b/ja"

    def preprocess(self, texts: "tf.Tensor") -> "tf.Tensor":
        """Takes the paragraphs out of the articles' markup."""
        tf = import_tensorflow()
        parts = tf.strings.split(texts, "_START_PARAGRAPH_\n")[:, 1:].flat_values
        bodies = tf.strings.regex_replace(parts, r"\n[\s\S]*", "")
        paragraphs = tf.strings.split(bodies, "_NEWLINE_").flat_values
        length = tf.strings.length(paragraphs, unit="UTF8_CHAR")
        return tf.boolean_mask(paragraphs, length >= _SHORTEST)
